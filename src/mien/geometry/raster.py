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
    batch, height, width = fragments.triangle.shape
    triangle = fragments.triangle.flatten()
    pixel = torch.nonzero(triangle >= 0).flatten()
    corners = attributes[:, triangles].flatten(0, 1)  # (b t) 3 c
    item = torch.div(pixel, height * width, rounding_mode="floor")
    seen = corners.index_select(0, triangle.index_select(0, pixel) + item * len(triangles))
    weights = fragments.barycentric.flatten(0, 2).index_select(0, pixel)
    out = attributes.new_zeros(batch * height * width, attributes.shape[2])
    return out.index_copy(0, pixel, (weights[..., None] * seen).sum(1)).reshape(batch, height, width, -1)


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
    tests, depth = _edge_tests(snapped[kept], area[kept]), corners[:, 2].double()[triangles[kept]] / area[kept, None].abs()
    low, high = low[kept], high[kept]
    total = torch.cumsum(count[kept], 0)
    start = 0
    while start < len(kept):
        done = total[start - 1] if start else 0
        stop = max(start + 1, int(torch.searchsorted(total, done + _CANDIDATES, right=True)))
        part = slice(start, stop)
        pixel, near, which = _offer(low[part], high[part], tests[part], depth[part], width)
        bits = near.view(torch.int32).long()
        order = torch.where(bits < 0, -(bits & 0x7FFFFFFF), bits)  # orders as the floats do
        best.scatter_reduce_(0, pixel, (-order << 32) | kept[part].index_select(0, which), "amin")
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


def _offer(low: Tensor, high: Tensor, tests: Tensor, depth: Tensor, width: int) -> tuple[Tensor, Tensor, Tensor]:
    """Pixel, nearness and triangle of every pixel centre inside a triangle; `low` and `high` are the triangles' boxes, n 2.

    A row of pixels meets a triangle in one span: each edge bounds it on one side, by an inequality between whole numbers.
    """
    which, step = _repeated((high[:, 1] - low[:, 1] + 1).long())
    y = low[:, 1].index_select(0, which) + step
    first, last = low[:, 0].index_select(0, which), high[:, 0].index_select(0, which)
    near, slope = torch.zeros_like(y), (tests[:, :, 1] * depth).sum(1)
    for opposite in range(3):
        constant, a, b, least = tests[:, opposite].index_select(0, which).unbind(1)
        row = constant + b * y
        near += row * depth[:, opposite].index_select(0, which)
        row -= least
        bound = (-row / a).clamp(-1.0, width)  # the division rounds: the whole number beside it is tested exactly
        enter, leave = torch.ceil(bound), torch.floor(bound)
        enter += (row + a * enter < 0).double() - (row + a * (enter - 1) >= 0).double()
        leave += (row + a * (leave + 1) >= 0).double() - (row + a * leave < 0).double()
        first = torch.where(a > 0, torch.maximum(first, enter), first)
        last = torch.where(a < 0, torch.minimum(last, leave), torch.where((a == 0) & (row < 0), -1.0, last))
    span, x = _repeated((last - first + 1).clamp(min=0).long())
    which, left = which.index_select(0, span), first.index_select(0, span) + x
    pixel = (y * width).index_select(0, span) + left
    return pixel.long(), (near.index_select(0, span) + slope.index_select(0, which) * left).float(), which


def _repeated(count: Tensor) -> tuple[Tensor, Tensor]:
    """Every index as often as its count says, and 0, 1, .. within each."""
    which = torch.repeat_interleave(torch.arange(len(count), device=count.device), count)
    start = (torch.cumsum(count, 0) - count).index_select(0, which)
    return which, (torch.arange(len(which), device=count.device) - start).double()


def _barycentric(corners: Tensor, triangles: Tensor, triangle: Tensor) -> Tensor:
    """Affine weights of the pixel centres in their triangles."""
    batch, height, width = triangle.shape
    pixel = torch.nonzero(triangle.flatten() >= 0).flatten()
    item = torch.div(pixel, height * width, rounding_mode="floor")
    place = pixel - item * height * width
    y = torch.div(place, width, rounding_mode="floor")
    origin, first, second = corners[:, triangles, :2].flatten(0, 1).unbind(1)
    along, beside = first - origin, second - origin
    area = _cross(along, beside)[:, None]
    area = torch.where(area == 0, 1.0, area)  # those are never seen
    placed = torch.cat([origin, along / area, beside / area], 1)
    placed = placed.index_select(0, triangle.flatten().index_select(0, pixel) + item * len(triangles))
    away = torch.stack([place - y * width, y], -1).to(corners.dtype) - placed[:, :2]
    first, second = _cross(away, placed[:, 4:]), _cross(placed[:, 2:4], away)
    parts = torch.stack([1.0 - first - second, first, second], -1)
    weights = parts.new_zeros(batch * height * width, 3)
    return weights.index_copy(0, pixel, parts).reshape(batch, height, width, 3)


def _cross(a: Tensor, b: Tensor) -> Tensor:
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
