"""The inside of a mouth that the photo does not show: teeth, gums, tongue and the dark behind, lit through the opening."""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from jaxtyping import Float, Float32

from mien.geometry.drawing import teeth
from mien.geometry.drawing.box import Box
from mien.geometry.drawing.morph import Moved, Sitting
from mien.geometry.drawing.shown import Shown
from mien.geometry.drawing.slit import Slit
from mien.geometry.drawing.warp import Grid, draw

_NODES = 240  # on the longer side of a mouth
_BACK = 2.2  # cm along the arch where teeth sink into the dark
_SHADOW, _SHADED = 0.22, 0.45  # cm below the upper lip over which its shadow fades, and how dark it is at the lip
_JAW_SEEN = 0.22  # cm below the upper teeth: a photo that shows so much shows the lower teeth too, if there are any to be seen
_FADE = 2.0  # pixels over which it does at least
_LIP_INSIDE = 0.16  # cm over which the inside of the lips falls off into the dark
_MUCOSA = 0.42  # of the colour of gums: the inside of lips and cheeks
_GRAZING = (0.08, 0.45)  # cosine to the viewer: teeth seen flatter than the first are gone, beyond the second they are whole


@dataclass(frozen=True, eq=False)
class Palette:
    """Colours of the inside of one mouth in the light of its photo, sRGB 0..255."""

    enamel: Float[np.ndarray, " 3"]
    gum: Float[np.ndarray, " 3"]
    tongue: Float[np.ndarray, " 3"]
    dark: Float[np.ndarray, " 3"]


@dataclass(frozen=True, eq=False)
class Place:
    """Where the inside of the mouth stands now."""

    line: Float[np.ndarray, " 3"]  #: where the lips meet at rest, head space
    above: Float[np.ndarray, " 2"]  #: pixels by which what hangs from the skull is moved
    below: Float[np.ndarray, " 2"]  #: and what rests on the jaw
    jaw: Float[np.ndarray, "4 3"]  #: how the jaw has moved


def drawn(
    sitting: Sitting, moved: Moved, place: Place, palette: Palette, *, shown: Shown | None, box: Box, blur: float
) -> Float32[np.ndarray, "h w 3"]:
    """The inside at the pixels of a box; `blur` is the photo's, a sigma in pixels, `shown` the teeth that it has itself."""
    step = max(0.75, max(box.width, box.height) / _NODES)
    grid = Grid(box.left, box.top, step, int(np.ceil(box.width / step)) + 1, int(np.ceil(box.height / step)) + 1)
    rows = (teeth.upper(place.line), teeth.lower(place.line))
    moves = (None, place.jaw)
    points = [teeth.carried(row, move) for row, move in zip(rows, moves, strict=True)]
    corners = np.concatenate([teeth.projected(p, sitting, by) for p, by in zip(points, (place.above, place.below), strict=True)])
    hung, resting = rows[0].triangles, rows[1].triangles
    if shown and shown.room > _JAW_SEEN * sitting.code.pose.scale:
        resting = resting[rows[1].kind[resting[:, 0]] == teeth.TONGUE]
    triangles = np.concatenate([hung, resting + len(rows[0].points)])
    facing = np.concatenate([teeth.facing(row, p, sitting) for row, p in zip(rows, points, strict=True)])
    values = np.c_[np.concatenate([teeth.attributes(row) for row in rows]), facing]
    seen, covered = draw(corners, values, torch.from_numpy(triangles), grid)
    st = moved.slits["lip"].frame.to(grid.nodes())
    if shown:  # no tooth of ours below the photo's own
        covered &= (np.round(seen[..., 2]) != teeth.UPPER) | (st[..., 1] < shown.reach(st[..., 0])) | ~shown.slit.within(st[..., 0])
    colours = _coloured(seen, covered, palette, slit=moved.slits["lip"], st=st, scale=sitting.code.pose.scale)
    return grid.enlarge(cv2.GaussianBlur(colours, (0, 0), max(0.8, blur / step)), box)


def _coloured(
    seen: Float32[np.ndarray, "h w 4"], covered: np.ndarray, palette: Palette, *, slit: Slit, st: np.ndarray, scale: float
) -> Float32[np.ndarray, "h w 3"]:
    kind = np.where(covered, np.round(seen[..., 2]), -1)
    upper, lower = slit.at(st[..., 0])
    under, over = (st[..., 1] - upper) / scale, (lower - st[..., 1]) / scale  # cm from the lips
    wide = slit.aperture / scale
    light = (0.80 + 0.20 * np.clip(wide / 1.2, 0, 1)) * (1.0 - _SHADED * np.exp(-np.clip(under, 0.0, None) / _SHADOW))
    colours = _dark(under, over, st[..., 0] / (0.5 * slit.length), palette, max(_LIP_INSIDE, _FADE / scale))
    for jaw in (teeth.UPPER, teeth.LOWER):
        here = kind == jaw
        colours[here] = _row(jaw, seen[here], colours[here], light[here], palette)
    here = kind == teeth.TONGUE
    colours[here] = _tongue(seen[here], colours[here], light[here] * np.clip(wide / 2.0, 0.35, 1.0), palette)
    return colours


def _dark(under: np.ndarray, over: np.ndarray, beside: np.ndarray, palette: Palette, reach: float) -> Float32[np.ndarray, "h w 3"]:
    """The depth of the mouth: wet lips and cheeks at its borders, and nothing to be seen in the middle."""
    near = np.exp(-np.clip(np.minimum(under, over), 0.0, None) / reach) + 0.5 * np.clip(np.abs(beside), 0.0, 1.0) ** 6
    share = np.clip(near, 0.0, 1.0)[..., None]
    return (palette.dark + share * (_MUCOSA * palette.gum - palette.dark)).astype(np.float32)


def _row(jaw: int, seen: Float32[np.ndarray, "n 4"], behind: np.ndarray, light: np.ndarray, palette: Palette) -> np.ndarray:
    """One row of teeth with its gum; what lies far back or is turned away is lost in the dark."""
    along, up, facing = seen[:, 0], seen[:, 1], seen[:, 3]
    tooth, gum, bright = teeth.crowns(jaw, along, up)
    turned = np.clip((facing - _GRAZING[0]) / (_GRAZING[1] - _GRAZING[0]), 0.0, 1.0)
    share = np.exp(-((np.abs(along) / _BACK) ** 4)) * turned * turned * (3 - 2 * turned)
    lit = light * (1.08 if jaw == teeth.UPPER else 0.75) * (0.55 + 0.45 * turned)
    surface = (tooth * bright)[:, None] * palette.enamel + gum[:, None] * palette.gum
    return behind + (share * np.clip(tooth + gum, 0.0, 1.0))[:, None] * (surface * lit[:, None] - behind)


def _tongue(seen: Float32[np.ndarray, "n 4"], behind: np.ndarray, light: np.ndarray, palette: Palette) -> np.ndarray:
    """A wet tongue: darker towards the throat, at its sides and in its furrow, and a gleam where its front turns up."""
    across, back = np.abs(seen[:, 0]), seen[:, 1]
    front = np.exp(-((np.clip(back, 0.0, None) / 0.55) ** 1.6)) * (0.55 + 0.45 * np.clip(back / 0.12, 0.0, 1.0))
    furrow = 1 - 0.2 * np.exp(-((across / 0.12) ** 2)) * np.clip(back / 0.2, 0.0, 1.0)
    lit = light * front * furrow * (1 - 0.4 * across**2)
    gleam = 0.16 * light * np.exp(-(((back - 0.2) / 0.09) ** 2)) * np.exp(-(((across - 0.3) / 0.18) ** 2))
    return np.maximum(lit[:, None] * palette.tongue + gleam[:, None] * palette.enamel, 0.9 * behind * front[:, None] + 0.1 * behind)
