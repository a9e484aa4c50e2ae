"""The flow of the skin from one expression to another, drawn once on a coarse grid, enlarged wherever it is wanted.

Each slit (mouth, eyes) tears the flow: what is above it follows the upper lip or lid, what is below the lower one. The flow is kept
twice, continued smoothly through every opening from above and from below, and the curves of the slits choose at full resolution.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int

from mien.geometry import facemesh
from mien.geometry.drawing import lids
from mien.geometry.drawing.box import Box, sample
from mien.geometry.drawing.lids import Lid
from mien.geometry.drawing.morph import Moved, Sitting
from mien.geometry.drawing.slit import Slit
from mien.geometry.drawing.warp import Grid, draw, fade, fill
from mien.geometry.head import PARTS, HeadModel

_NOTHING = 1e-4  # pixels, or of the logarithm of light, that nobody sees
_TILE = 192  # pixels: what stays as it is is passed over in squares of this side, and a square fits a processor's cache
_NODES = 288  # on the longer side of a face: a node every millimetre
_ROUND = 3.0  # cm around the face that the flow may reach
_BACK, _FRONT = 0.02, 0.4  # of `HeadModel.front`: skin further back than the first is not drawn, beyond the second it moves fully
_EDGE = 0.18  # cm by which a margin of the mesh may be off
_PIXEL = 1.0  # pixel of it at least: pictures of small faces blend lip and tooth
_RIM = 0.10  # cm of a lip, at its margin, that may be tooth
_HIDDEN = 0.35  # cm: skin that lay this far behind other skin in the photo has no pixels of its own


@dataclass(frozen=True, eq=False)
class Flow:
    """Displacements (source minus target, crop pixels) and the logarithm of the relighting, on a grid."""

    grid: Grid
    above: Float32[np.ndarray, "h w 3"]  #: dx, dy, log light; continued into openings from above
    below: Float32[np.ndarray, "h w 3"]
    slits: dict[str, Slit]  #: of the target
    origin: dict[str, Slit]  #: of the photo
    lids: dict[str, Lid]  #: of the eyes
    scale: float  #: pixels per cm

    @cached_property
    def active(self) -> Bool[np.ndarray, "h w"]:
        """Nodes where anything changes."""
        moves = (np.abs(self.above) > _NOTHING) | (np.abs(self.below) > _NOTHING)
        return moves[..., 0] | moves[..., 1] | moves[..., 2]

    def box(self) -> Box:
        """The pixels that change; empty when none does."""
        rows, columns = np.nonzero(self.active.any(1))[0], np.nonzero(self.active.any(0))[0]
        if not len(rows):
            return Box(0, 0, 0, 0)
        corners = np.array([[columns[0] - 1, rows[0] - 1], [columns[-1] + 1, rows[-1] + 1]])
        return Box.around(corners * self.grid.step + [self.grid.left, self.grid.top])

    def tiles(self, picture: Box) -> Iterator[Box]:
        """The squares of a picture in which anything changes."""
        for tile in self.box().within(picture).tiles(_TILE):
            left, top = (tile.left - self.grid.left) / self.grid.step, (tile.top - self.grid.top) / self.grid.step
            right, bottom = left + tile.width / self.grid.step, top + tile.height / self.grid.step
            if self.active[max(int(top), 0) : int(bottom) + 2, max(int(left), 0) : int(right) + 2].any():
                yield tile

    def at(self, box: Box) -> Float32[np.ndarray, "b a 3"]:
        """The flow of the skin at the pixels of a box."""
        out = self.grid.enlarge(self.above, box)
        for name, slit in self.slits.items():
            near = slit.bounds().within(box)
            if near.empty:
                continue
            st = slit.frame.to(near.pixels())
            ours = slit.near(st)
            upper, lower = slit.at(st[..., 0])
            over = lids.overlap(st[..., 0], slit, self.origin[name], self.lids[name].scale) if name in self.lids else 0.0
            low = (st[..., 1] > (upper + lower) / 2 + over) & ours
            part = near.of(out, box)
            if low.any():
                cv2.copyTo(self.grid.enlarge(self.below, near), low.view(np.uint8), part)
            if name in self.lids:
                axes = slit.frame.axes
                unfolded = lids.unfold(part[..., :2] @ axes, st, slit, self.lids[name]) @ axes.T
                np.copyto(part[..., :2], unfolded, where=(ours & ~low)[..., None])
            self._keep_sides(name, st, low, ours, part)
        return out

    def _keep_sides(self, name: str, st: Float32[np.ndarray, "h w 2"], low: np.ndarray, ours: np.ndarray, flow: np.ndarray) -> None:
        """An upper lip never takes its pixels from below the upper margin in the photo, a lower one never from above the lower."""
        slit, source = self.slits[name], self.origin[name]
        axes = slit.frame.axes
        move = flow[..., :2] @ axes
        target = st + move
        upper, lower = source.at(target[..., 0])
        if name == "lip":  # lips that move leave a rim behind, so that no tooth comes along
            rim = max(_RIM * self.scale, _PIXEL) * slit.moved(source, st[..., 0])
            upper, lower = upper - rim, lower + rim
        limit = np.where(low, np.maximum(target[..., 1], lower), np.minimum(target[..., 1], upper))
        here = ours & source.within(target[..., 0]) & (np.abs(limit - target[..., 1]) > 1e-3)
        move[..., 1][here] = (limit - st[..., 1])[here]
        flow[..., :2][here] = (move @ axes.T)[here]


@dataclass(frozen=True, eq=False)
class _Skin:
    """The front of the face of a head."""

    triangles: Int[torch.Tensor, "f 3"]
    vertices: Int[np.ndarray, " n"]  #: those of its triangles
    freedom: Float32[np.ndarray, "v 1"]  #: how far each vertex of the head is drawn where it goes


@lru_cache(maxsize=4)
def _skin(head: HeadModel) -> _Skin:
    skin = head.triangles[head.triangle_part == PARTS.index("face")]
    front = skin[(head.front[skin] > _BACK).all(1)]
    freedom = np.clip((head.front.numpy() - _BACK) / (_FRONT - _BACK), 0.0, 1.0)
    return _Skin(front, torch.unique(front).numpy(), (freedom**2 * (3 - 2 * freedom))[:, None])


def flow(
    sitting: Sitting, moved: Moved, log_light: Float[np.ndarray, " v"], folds: Callable[[Grid], Float32[np.ndarray, "h w"]], *, picture: Box
) -> Flow:
    """The flow from the photo to another expression, for a crop with the box `picture`.

    `log_light` is the relighting of the vertices; `folds` gives what furrows add to it on a grid.
    """
    skin = _skin(sitting.head)
    scale = sitting.code.pose.scale
    used = moved.corners[skin.vertices, :2]
    limit = np.array([picture.width - 1.0, picture.height - 1.0])
    low, high = np.clip(used.min(0) - _ROUND * scale, 0, limit), np.clip(used.max(0) + _ROUND * scale, 0, limit)
    grid = Grid.over(low, high, _NODES)
    move = (sitting.corners - moved.corners)[:, :2] * skin.freedom
    values = np.concatenate([move, log_light[:, None], sitting.corners[:, 2:]], axis=1)
    moved_corners = np.concatenate([sitting.corners[:, :2] - move, moved.corners[:, 2:]], axis=1)
    drawn, seen = draw(moved_corners, values, _facing(moved_corners, skin.triangles), grid)
    face = _silhouette(seen)
    seen &= ~_hidden(sitting, drawn, grid)
    drawn = drawn[..., :3]
    above, below = _sides(moved.slits, grid.nodes(), _EDGE * scale)
    furrows = folds(grid) * face
    fields: list[np.ndarray] = []
    for known in (seen & above, seen & below):
        filled = fill(drawn, known)
        fields.append(filled * fade(filled[..., :2] / grid.step, face, scale / grid.step)[..., None])
        fields[-1][..., 2] += furrows
    upper_lids = {name: _lid(name, sitting, moved, fields[0], grid) for name in lids.BROWS}
    return Flow(grid, fields[0], fields[1], moved.slits, sitting.slits, upper_lids, scale)


def _hidden(sitting: Sitting, drawn: Float32[np.ndarray, "h w 4"], grid: Grid) -> Bool[np.ndarray, "h w"]:
    """Nodes whose skin was behind other skin in the photo (a cheek behind the nose), and so cannot be taken from there."""
    then, nearness = _depth(sitting)
    source = (grid.nodes() + drawn[..., :2] - np.array([then.left, then.top])) / then.step
    front = sample(nearness, source, cv2.INTER_NEAREST)
    return front.reshape(drawn.shape[:2]) > drawn[..., 3] + _HIDDEN * sitting.code.pose.scale


@lru_cache(maxsize=8)
def _depth(sitting: Sitting) -> tuple[Grid, Float32[np.ndarray, "h w 1"]]:
    """The nearness of the skin in the photo, on a grid of its own; the same for all edits of a face."""
    skin = _skin(sitting.head)
    used = sitting.corners[skin.vertices, :2]
    grid = Grid.over(used.min(0), used.max(0), _NODES // 2)
    return grid, draw(sitting.corners, sitting.corners[:, 2:], _facing(sitting.corners, skin.triangles), grid)[0]


def _lid(name: str, sitting: Sitting, moved: Moved, above: Float32[np.ndarray, "h w 3"], grid: Grid) -> Lid:
    """How the skin over one eye moves."""
    slit, scale = moved.slits[name], lids.scale_of(sitting.code.pose.scale)
    brow, margin = list(lids.BROWS[name]), list(facemesh.LID_UPPER[name[-1]])
    drop = lids.margin_drop(sitting.landmarks[margin], moved.landmarks[margin], slit)
    height = lids.heights(sitting.landmarks[brow], sitting.slits[name], drop, scale)
    far = drop
    for _ in range(3):  # how far the skin above is stretched depends on how it moves there
        reach = height + np.maximum(far[:, 1] - drop[:, 1], 0.0)
        top = slit.frame.back(np.stack([slit.s, slit.upper - reach], axis=1))
        far = sample(above, ((top - [grid.left, grid.top]) / grid.step)[:, None])[:, 0, :2] @ slit.frame.axes
    far = cv2.GaussianBlur(far, (0, 0), sigmaX=0.1, sigmaY=0.1 * len(far), borderType=cv2.BORDER_REPLICATE)
    return Lid(height, far, drop, scale)


def _facing(corners: Float[np.ndarray, "v 3"], triangles: Int[torch.Tensor, "f 3"]) -> Int[torch.Tensor, "n 3"]:
    """Triangles that turn their outside to the viewer (y runs down: clockwise in the image's own sense)."""
    a, b, c = (corners[:, :2][of] for of in triangles.numpy().T)
    turn = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
    return triangles[torch.from_numpy(turn < 0)]


def _silhouette(seen: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """The face with its openings filled."""
    outlines, _ = cv2.findContours(seen.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    face = np.zeros(seen.shape, np.uint8)
    cv2.drawContours(face, outlines, -1, 1, thickness=-1)
    return face.astype(bool)


def _sides(slits: dict[str, Slit], nodes: Float32[np.ndarray, "h w 2"], edge: float) -> tuple[np.ndarray, np.ndarray]:
    """Nodes that are not under an upper margin, and nodes that are not over a lower one; `edge` pixels of a lip may be the other's."""
    above, below = np.ones(nodes.shape[:2], bool), np.ones(nodes.shape[:2], bool)
    for name, slit in slits.items():
        st = slit.frame.to(nodes)
        upper, lower = slit.at(st[..., 0])
        if name == "lip":
            upper, lower = upper - edge, lower + edge
        here = slit.within(st[..., 0]) & slit.near(st, 0.8)  # well inside the part where the curves choose
        above &= ~(here & (st[..., 1] > upper))
        below &= ~(here & (st[..., 1] < lower))
    return above, below
