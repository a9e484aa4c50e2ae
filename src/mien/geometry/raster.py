"""A z-buffer in a few tensor operations: triangles in, the nearest one at every pixel centre out.

Coverage follows the usual rules exactly: a pixel belongs to a triangle when its centre is inside, and a centre on a shared edge
belongs to the triangle for which that edge is a *top* or *left* one, so that neighbours neither overlap nor leave gaps. To be exact
the corners are snapped to 1/4096 pixel and tested in whole numbers; everything that is interpolated uses the corners as they were.
Nothing is culled. Gradients flow through the barycentric coordinates to vertices and attributes.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

_SUBPIXEL = 4096  # corners are exact to this fraction of a pixel; float64 holds their products exactly up to 8k pixels
_CANDIDATES = 1 << 21  # pixel-triangle pairs tested at a time: bounds memory
_NOTHING = torch.iinfo(torch.int64).max


@dataclass(frozen=True, eq=False)
class Fragments:
    """What is seen at each pixel."""

    triangle: Int[Tensor, "b h w"]  #: index of the nearest triangle, -1 where there is none
    barycentric: Float[Tensor, "b h w 3"]  #: weights of its corners, affine in the image; 0 where there is none

    @property
    def covered(self) -> Tensor:
        """Where any triangle is seen."""
        return self.triangle >= 0


def rasterize(corners: Float[Tensor, "b v 3"], triangles: Int[Tensor, "t 3"], width: int, height: int) -> Fragments:
    """The nearest triangle at each pixel centre.

    `corners` are x, y in pixels (centres at integers, x right, y down) and nearness, of which the larger wins; on a tie the triangle
    listed first. Triangles of either orientation are drawn; those without area are not.
    """
    batch = corners.shape[0]
    with torch.no_grad():
        best = torch.full((batch * height * width,), _NOTHING, dtype=torch.int64, device=corners.device)
        for item in range(batch):
            view = best[item * height * width : (item + 1) * height * width]
            _nearest(corners[item].detach(), triangles, width, height, view)
        triangle = torch.where(best == _NOTHING, -1, best & 0xFFFFFFFF).reshape(batch, height, width)
    return Fragments(triangle, _barycentric(corners, triangles, triangle))


def interpolate(fragments: Fragments, attributes: Float[Tensor, "b v c"], triangles: Int[Tensor, "t 3"]) -> Float[Tensor, "b h w c"]:
    """Vertex attributes at each pixel; 0 where no triangle is seen."""
    item = torch.arange(attributes.shape[0], device=attributes.device)[:, None]
    shown = triangles[fragments.triangle.clamp(min=0)].flatten(1, 2)  # b (h w) 3
    out = torch.zeros((*shown.shape[:2], attributes.shape[2]), dtype=attributes.dtype, device=attributes.device)
    weights = fragments.barycentric.flatten(1, 2)
    for corner in range(3):
        out = out + weights[..., corner, None] * attributes[item, shown[..., corner]]
    return out.reshape(*fragments.triangle.shape, -1)


def _nearest(corners: Tensor, triangles: Tensor, width: int, height: int, best: Tensor) -> None:
    """Lower `best` to the key of the nearest triangle at each pixel: nearness in the high half, the triangle in the low half."""
    snapped = torch.round(corners[:, :2].double() * _SUBPIXEL)[triangles]  # t 3 2, whole numbers
    edge = torch.roll(snapped, -1, dims=1) - snapped
    area = edge[:, 0, 0] * edge[:, 1, 1] - edge[:, 0, 1] * edge[:, 1, 0]
    low = torch.ceil(snapped.amin(1) / _SUBPIXEL).clamp(min=0)
    high = torch.minimum(torch.floor(snapped.amax(1) / _SUBPIXEL), low.new_tensor([width - 1, height - 1]))
    extent = (high - low + 1).clamp(min=0)
    count = (extent[:, 0] * extent[:, 1] * (area != 0)).long()
    kept = torch.nonzero(count).flatten()
    tests, depth = _edge_tests(snapped[kept], area[kept]), corners[:, 2].double()[triangles[kept]]
    boxes = torch.cat([low[kept], extent[kept, :1]], 1)
    total = torch.cumsum(count[kept], 0)
    start = 0
    while start < len(kept):
        done = total[start - 1] if start else 0
        stop = max(start + 1, int(torch.searchsorted(total, done + _CANDIDATES, right=True)))
        part = slice(start, stop)
        pixel, near, which = _offer(boxes[part], count[kept[part]], tests[part], depth[part] / area[kept[part], None].abs(), width)
        bits = near.view(torch.int32).long()
        order = torch.where(bits < 0, -(bits & 0x7FFFFFFF), bits)  # orders as the floats do
        best.scatter_reduce_(0, pixel, (-order << 32) | kept[part][which], "amin")
        start = stop


def _edge_tests(snapped: Tensor, area: Tensor) -> Tensor:
    """For the edge opposite each corner, c, a, b such that c + a x + b y > 0 inside, and is the double area at the corner: t 3 3."""
    rows: list[Tensor] = []
    for first, second in ((1, 2), (2, 0), (0, 1)):
        origin, along = snapped[:, first], (snapped[:, second] - snapped[:, first]) * torch.sign(area)[:, None]
        constant = along[:, 1] * origin[:, 0] - along[:, 0] * origin[:, 1]
        top_left = (along[:, 1] < 0) | ((along[:, 1] == 0) & (along[:, 0] > 0))
        rows.append(torch.stack([constant, -along[:, 1] * _SUBPIXEL, along[:, 0] * _SUBPIXEL, torch.where(top_left, 0.0, 1.0)], -1))
    return torch.stack(rows, 1)


def _offer(boxes: Tensor, count: Tensor, tests: Tensor, depth: Tensor, width: int) -> tuple[Tensor, Tensor, Tensor]:
    """Pixel, nearness and triangle wherever the centre of a pixel in a triangle's box is inside it."""
    which = torch.repeat_interleave(torch.arange(len(count), device=count.device), count)
    step = (torch.arange(len(which), device=count.device) - (torch.cumsum(count, 0) - count)[which]).double()
    place = boxes[which]
    row = torch.floor((step + 0.5) / place[:, 2])
    x, y = place[:, 0] + step - row * place[:, 2], place[:, 1] + row
    for opposite in range(3):
        test = tests[:, opposite][which]
        hit = torch.nonzero(test[:, 0] + test[:, 1] * x + test[:, 2] * y >= test[:, 3]).flatten()
        which, x, y = which[hit], x[hit], y[hit]
    values = tests[which]
    weights = values[..., 0] + values[..., 1] * x[:, None] + values[..., 2] * y[:, None]
    near = (weights * depth[which]).sum(-1).float()
    return (y * width + x).long(), near, which


def _barycentric(corners: Tensor, triangles: Tensor, triangle: Tensor) -> Tensor:
    """Affine weights of the pixel centres in their triangles."""
    batch, height, width = triangle.shape
    seen = triangle.flatten() >= 0
    pixel = torch.nonzero(seen).flatten()
    item = torch.div(pixel, height * width, rounding_mode="floor")
    place = pixel - item * height * width
    y = torch.div(place, width, rounding_mode="floor")
    centre = torch.stack([place - y * width, y], -1).to(corners.dtype)
    shown = triangles[triangle.flatten()[pixel]]
    a, b, c = (corners[item, shown[:, k], :2] - centre for k in range(3))
    parts = torch.stack([_cross(b, c), _cross(c, a), _cross(a, b)], -1)
    weights = torch.zeros((batch * height * width, 3), dtype=corners.dtype, device=corners.device)
    weights[pixel] = parts / parts.sum(-1, keepdim=True)
    return weights.reshape(batch, height, width, 3)


def _cross(a: Tensor, b: Tensor) -> Tensor:
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
