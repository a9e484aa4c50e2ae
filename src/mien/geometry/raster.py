"""A z-buffer in a few tensor operations: triangles in, the nearest one at every pixel centre out.

Coverage follows the usual rules exactly: a pixel belongs to a triangle when its centre is inside, and a centre on a shared edge
belongs to the triangle for which that edge is a *top* or *left* one, so that neighbours neither overlap nor leave gaps. To be exact
the corners are snapped to 1/65536 pixel and tested in integers; everything that is interpolated uses the corners as they were.
Nothing is culled. Gradients flow through the barycentric coordinates to vertices and attributes.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

_SUBPIXEL = 65536  # corners are exact to this fraction of a pixel; products stay below 2**63 up to 16k pixels
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
    snapped = torch.round(corners[:, :2].double() * _SUBPIXEL).long()[triangles]  # t 3 2
    edge = torch.roll(snapped, -1, dims=1) - snapped
    area = edge[:, 0, 0] * edge[:, 1, 1] - edge[:, 0, 1] * edge[:, 1, 0]
    low = -torch.div(-snapped.amin(1), _SUBPIXEL, rounding_mode="floor")  # first centre inside the box, rounded up
    high = torch.div(snapped.amax(1), _SUBPIXEL, rounding_mode="floor")
    limit = torch.tensor([width - 1, height - 1], device=corners.device)
    low, high = low.clamp(min=0), torch.minimum(high, limit)
    extent = (high - low + 1).clamp(min=0)
    count = extent[:, 0] * extent[:, 1] * (area != 0)
    kept = torch.nonzero(count).flatten()
    total = torch.cumsum(count[kept], 0)
    start = 0
    while start < len(kept):
        done = total[start - 1] if start else 0
        stop = max(start + 1, int(torch.searchsorted(total, done + _CANDIDATES, right=True)))
        chunk = kept[start:stop]
        _offer(chunk, corners, triangles, snapped=snapped, area=area, low=low, extent=extent, count=count, width=width, best=best)
        start = stop


def _offer(
    chunk: Tensor, corners: Tensor, triangles: Tensor, *, snapped: Tensor, area: Tensor, low: Tensor, extent: Tensor, count: Tensor,
    width: int, best: Tensor,
) -> None:  # fmt: skip
    """Test every pixel in the boxes of some triangles."""
    many = count[chunk]
    which = torch.repeat_interleave(torch.arange(len(chunk), device=many.device), many)
    step = torch.arange(len(which), device=many.device) - (torch.cumsum(many, 0) - many)[which]
    columns = extent[chunk, 0][which]
    row = torch.div(step, columns, rounding_mode="floor")
    x, y = low[chunk, 0][which] + step - row * columns, low[chunk, 1][which] + row
    sign = torch.sign(area[chunk])
    values: list[Tensor] = []
    inside: Tensor | None = None
    for a, b in ((1, 2), (2, 0), (0, 1)):  # the edge opposite corner 0, 1, 2
        origin, along = snapped[chunk, a], (snapped[chunk, b] - snapped[chunk, a]) * sign[:, None]
        top_left = (along[:, 1] < 0) | ((along[:, 1] == 0) & (along[:, 0] > 0))
        # the edge function is linear in the pixel: one constant and two slopes a triangle
        constant = along[:, 1] * origin[:, 0] - along[:, 0] * origin[:, 1]
        slope = along * _SUBPIXEL
        value = constant[which] + slope[:, 0][which] * y - slope[:, 1][which] * x
        within = value >= torch.where(top_left, 0, 1)[which]
        inside = within if inside is None else inside & within
        values.append(value)
    assert inside is not None
    hit = torch.nonzero(inside).flatten()
    owner = which[hit]
    depth = corners[:, 2][triangles[chunk]].double()[owner]
    weights = torch.stack([value[hit] for value in values], -1).double() / area[chunk].abs().double()[owner, None]
    near = (weights * depth).sum(-1).float()
    bits = near.view(torch.int32).long()
    order = torch.where(bits < 0, -(bits & 0x7FFFFFFF), bits)  # orders as the floats do
    key = (-order << 32) | chunk[owner]
    best.scatter_reduce_(0, y[hit] * width + x[hit], key, "amin")


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
