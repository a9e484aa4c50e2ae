"""A z-buffer in a few tensor operations: triangles in, the nearest one at every pixel centre out.

Coverage follows the usual rules exactly: a pixel belongs to a triangle when its centre is inside, and a centre on a shared edge
belongs to the triangle for which that edge is a *top* or *left* one, so that neighbours neither overlap nor leave gaps. To be exact
the corners are snapped to 1/4096 pixel and tested in whole numbers; everything that is interpolated uses the corners as they were.
Nothing is culled. Gradients flow through the barycentric coordinates to vertices and attributes.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

_SUBPIXEL = 4096  # corners are exact to this fraction of a pixel; float64 holds their products exactly up to 8k pixels
_CANDIDATES = 1 << 21  # pixels of boxes looked at at a time: bounds memory
_NARROW = 4  # pixels: the boxes of triangles so narrow are tested whole, which costs less than the ends of their rows
_NOTHING = torch.iinfo(torch.int64).max
_Affine = tuple[Tensor, Tensor, Tensor]  # c, a, b of c + a x + b y


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
    item = torch.div(pixel, height * width, rounding_mode="floor")
    corners = triangles.index_select(0, triangle.index_select(0, pixel)) + (item * attributes.shape[1])[:, None]
    weights, values = fragments.barycentric.flatten(0, 2).index_select(0, pixel), attributes.flatten(0, 1)
    a, b, c = (weights[:, i : i + 1] * values.index_select(0, corners[:, i]) for i in range(3))
    out = attributes.new_zeros(batch * height * width, attributes.shape[2])
    return out.index_copy_(0, pixel, a + b + c).reshape(batch, height, width, -1)


class _Boxes(NamedTuple):
    """Triangles whose boxes hold a pixel centre, in float64. Places inside a box count from its first pixel."""

    triangle: Tensor  #: its number in the list of all
    left: Tensor  #: first column of pixels in the box
    top: Tensor  #: first row
    columns: Tensor  #: how many
    rows: Tensor
    edges: tuple[_Affine, ...]  #: opposite each corner c, a, b: c + a x + b y >= 0 at the pixels on the inside
    nearness: _Affine  #: c, a, b of the nearness at a pixel

    def at(self, index: Tensor) -> "_Boxes":
        """Some of them, or some more than once."""
        own = (part.index_select(0, index) for part in (self.triangle, self.left, self.top, self.columns, self.rows))
        return _Boxes(*own, edges=tuple(_at(edge, index) for edge in self.edges), nearness=_at(self.nearness, index))


def _at(numbers: _Affine, index: Tensor) -> _Affine:
    """Gathers one by one: of a matrix they take torch several times as long."""
    c, a, b = (number.index_select(0, index) for number in numbers)
    return c, a, b


def _nearest(corners: Tensor, triangles: Tensor, width: int, height: int, best: Tensor) -> None:
    """Lower `best` to the key of the nearest triangle at each pixel: nearness in the high half, the triangle in the low half."""
    boxes = _boxes(corners, triangles, width, height)
    for narrow in (True, False):
        mine = torch.nonzero((boxes.columns <= _NARROW) == narrow).flatten()
        total = torch.cumsum((boxes.columns * boxes.rows).index_select(0, mine), 0)
        start = 0
        while start < len(mine):
            done = total[start - 1] if start else 0.0
            stop = max(start + 1, int(torch.searchsorted(total, done + _CANDIDATES, right=True)))
            some = boxes.at(mine[start:stop])
            which, x, y = _of_boxes(some) if narrow else _of_rows(some)
            c, a, b = _at(some.nearness, which)
            bits = (c + a * x + b * y + 0.0).float().view(torch.int32).long()  # + 0.0: there is no -0.0, which would lose to 0.0
            order = bits ^ ((bits >> 31) & 0x7FFFFFFF)  # orders as the floats do
            pixel = (some.top.index_select(0, which) + y) * width + some.left.index_select(0, which) + x
            best.scatter_reduce_(0, pixel.long(), (~order << 32) | some.triangle.index_select(0, which), "amin")
            start = stop


def _boxes(corners: Tensor, triangles: Tensor, width: int, height: int) -> _Boxes:
    """The triangles with area whose boxes hold a pixel centre of the picture."""
    vertex = triangles.T.contiguous()
    whole = torch.round(corners[:, :2].double() * _SUBPIXEL)
    x, y = ([column.index_select(0, v) for v in vertex] for column in whole.T.contiguous())
    (left, columns), (top, rows) = _extent(x, width), _extent(y, height)
    area = (x[1] - x[0]) * (y[2] - y[0]) - (y[1] - y[0]) * (x[2] - x[0])
    index = torch.nonzero((columns > 0) & (rows > 0) & (area != 0)).flatten()
    left, top, columns, rows, area = (part.index_select(0, index) for part in (left, top, columns, rows, area))
    x = [part.index_select(0, index) - left * _SUBPIXEL for part in x]
    y = [part.index_select(0, index) - top * _SUBPIXEL for part in y]
    turn, near = torch.sign(area), corners[:, 2].double()
    edges: list[_Affine] = []
    nearness = 0.0 * area, 0.0 * area, 0.0 * area
    for corner, (first, second) in enumerate(((1, 2), (2, 0), (0, 1))):
        right, down = (x[second] - x[first]) * turn, (y[second] - y[first]) * turn
        edge = down * x[first] - right * y[first], -down * _SUBPIXEL, right * _SUBPIXEL
        share = near.index_select(0, vertex[corner].index_select(0, index)) / area.abs()
        nearness = nearness[0] + share * edge[0], nearness[1] + share * edge[1], nearness[2] + share * edge[2]
        top_left = (down < 0) | ((down == 0) & (right > 0))
        edges.append((edge[0] - (~top_left).double(), edge[1], edge[2]))  # among whole numbers, more than 0 is 1 at least
    return _Boxes(index, left, top, columns, rows, tuple(edges), nearness)


def _extent(place: list[Tensor], count: int) -> tuple[Tensor, Tensor]:
    """The first of the pixels 0 .. `count` - 1 that three places reach over, and how many they do."""
    low = torch.ceil(torch.minimum(torch.minimum(place[0], place[1]), place[2]) / _SUBPIXEL).clamp(min=0)
    high = torch.floor(torch.maximum(torch.maximum(place[0], place[1]), place[2]) / _SUBPIXEL).clamp(max=count - 1)
    return low, high - low + 1


def _of_boxes(t: _Boxes) -> tuple[Tensor, Tensor, Tensor]:
    """Triangle, column and row of every pixel centre inside one: all pixels of the boxes are tested."""
    which, step = _repeated((t.columns * t.rows).long())
    columns = t.columns.index_select(0, which)
    y = torch.floor(step / columns)
    x = step - y * columns
    least = torch.full_like(x, torch.inf)
    for edge in t.edges:
        c, a, b = _at(edge, which)
        least = torch.minimum(least, c + a * x + b * y)
    inside = torch.nonzero(least >= 0).flatten()
    return which.index_select(0, inside), x.index_select(0, inside), y.index_select(0, inside)


def _of_rows(t: _Boxes) -> tuple[Tensor, Tensor, Tensor]:
    """The same of wide boxes: a row of pixels meets a triangle in one span, and each edge bounds it on one side."""
    which, y = _repeated(t.rows.long())
    columns = t.columns.index_select(0, which)
    first, last = torch.zeros_like(y), columns - 1
    for edge in t.edges:
        c, a, b = _at(edge, which)
        row = c + b * y
        bound = torch.minimum((-row / a).clamp(min=-1.0), columns)  # the division rounds: the whole number beside it is tested exactly
        enter, leave = torch.ceil(bound), torch.floor(bound)
        enter += (row + a * enter < 0).double() - (row + a * (enter - 1) >= 0).double()
        leave += (row + a * (leave + 1) >= 0).double() - (row + a * leave < 0).double()
        first = torch.where(a > 0, torch.maximum(first, enter), first)
        last = torch.where(a < 0, torch.minimum(last, leave), torch.where((a == 0) & (row < 0), -1.0, last))
    span, step = _repeated((last - first + 1).clamp(min=0).long())
    return which.index_select(0, span), first.index_select(0, span) + step, y.index_select(0, span)


def _repeated(count: Tensor) -> tuple[Tensor, Tensor]:
    """Every index as often as its count says, and 0, 1, .. within each."""
    which = torch.repeat_interleave(torch.arange(len(count), device=count.device), count)
    start = (torch.cumsum(count, 0) - count).index_select(0, which)
    return which, (torch.arange(len(which), device=count.device) - start).double()


def _barycentric(corners: Tensor, triangles: Tensor, triangle: Tensor) -> Tensor:
    """Affine weights of the pixel centres in their triangles."""
    batch, height, width = triangle.shape
    seen = triangle.flatten()
    pixel = torch.nonzero(seen >= 0).flatten()
    item = torch.div(pixel, height * width, rounding_mode="floor")
    place = pixel - item * height * width
    y = torch.div(place, width, rounding_mode="floor")
    which = triangles.index_select(0, seen.index_select(0, pixel)) + (item * corners.shape[1])[:, None]
    flat = corners[..., :2].flatten(0, 1)
    a, b, c = (flat.index_select(0, which[:, i]).unbind(1) for i in range(3))
    along, beside = (b[0] - a[0], b[1] - a[1]), (c[0] - a[0], c[1] - a[1])
    away = (place - y * width).to(corners.dtype) - a[0], y.to(corners.dtype) - a[1]
    area = _cross(along, beside)
    area = torch.where(area == 0, 1.0, area)  # lost in rounding
    first, second = _cross(away, beside) / area, _cross(along, away) / area
    parts = torch.stack([1.0 - first - second, first, second], -1)
    weights = parts.new_zeros(batch * height * width, 3)
    return weights.index_copy_(0, pixel, parts).reshape(batch, height, width, 3)


def _cross(a: tuple[Tensor, Tensor], b: tuple[Tensor, Tensor]) -> Tensor:
    return a[0] * b[1] - a[1] * b[0]
