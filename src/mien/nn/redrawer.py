"""The network that does to a photo what a generator does to its own, coarser picture of it.

Inverted codes draw a face again, but not its details (the distortion that Wang et al., "High-Fidelity GAN Inversion for Image Attribute
Editing", 2022, consult). What an edit changes between the generator's two pictures is told apart as in first-order motion models
(Siarohin et al. 2019): a dense motion that carries the photo's own pixels, how light changes, and, where nothing could have moved to,
what is new. Which way and how far the code was moved is told to every layer beside, by scales and shifts (Perez et al., "FiLM", 2018).
What is new is mixed from the photo's own colours a little further on, in more or less light: so lids are of that skin. The network sees
no colours but how they differ from the face's own. All is of the size of the photo that the network looks at; a larger one keeps its own
detail wherever that is known.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple, TypedDict

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from mien import weights
from mien.nn.sizing import sized
from mien.weights import Weights

KIND = "redrawer"
_COARSE = 4  # pixels of the photo's side to a cell of the finest grid on which motion is found
_FAR, _NEAR = 0.1, 0.02  # of the side: the scales of motion, and of what is finer than those cells
_LITTLE = 4.0  # how much larger than a picture its change is shown to the network
_KNOWN = 3.0  # logit of being known, before anything is learned
_MOVED = 10.0  # how much larger than it is a move of a code is shown
_GROUPS, _TOLD = 8, 64
_ACROSS, _DOWN = (-3, 0, 3), (-6, -4, -2, 0, 2, 4, 6)  # so many of those cells away are the colours that what is new is mixed of
_LAST = (2, 1, 1, 1)  # channels: finer motion, light of what moved, known, light of what is new
_FLAT = 0.05  # the least by which the face's colours are taken to differ

Pictures = Float[Tensor, "b 3 s s"]


class Shape(TypedDict):
    """How large a redrawer is: its arguments."""

    size: int  #: pixels of the photo's side: a multiple of 4 x 2^(levels - 1)
    widths: Sequence[int]  #: channels of each level, from a quarter of the size down, each half as fine
    fine: int  #: channels at half the size
    styles: int  #: rows of the generator's codes
    code: int  #: numbers of a row


class Redrawn(NamedTuple):
    """What changes in a photo."""

    motion: Float[Tensor, "b 2 s s"]  #: where each pixel comes from, x and y, as a step in shares of the side
    added: Pictures  #: to the light of what moved there
    fresh: Pictures  #: what is new, -1..1
    known: Float[Tensor, "b 1 s s"]  #: 1: what is seen has moved there, 0: it is new


class Tones(NamedTuple):
    """Of the middle half of pictures, where the face is."""

    mean: Float[Tensor, "b 3 1 1"]
    spread: Float[Tensor, "b 3 1 1"]  #: standard deviation

    def off(self, pictures: Pictures) -> Pictures:
        """By how many spreads colours differ from the mean: the same in any light."""
        return (pictures - self.mean) / self.spread


class Block(nn.Module):
    """A convolution, normalised, whose channels are scaled and shifted by what is told."""

    def __init__(self, channels: int, width: int, *, stride: int = 1, reach: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, width, 3, stride, reach, reach, bias=False)
        self.norm, self.told = nn.GroupNorm(_GROUPS, width), nn.Linear(_TOLD, 2 * width)
        nn.init.zeros_(self.told.weight)
        nn.init.zeros_(self.told.bias)

    def forward(self, x: Float[Tensor, "b c h w"], told: Float[Tensor, "b t"]) -> Float[Tensor, "b d i j"]:
        """The next grid."""
        scale, shift = self.told(told)[:, :, None, None].chunk(2, 1)
        return F.silu(self.norm(self.conv(x)) * (1 + scale) + shift)


class Redrawer(nn.Module):
    """A U-Net that finds motion from coarse pictures, and then looks at what moved: edges that part or meet are finer than its cells."""

    def __init__(self, size: int, widths: Sequence[int], fine: int, styles: int, code: int) -> None:
        """See `Shape`."""
        super().__init__()
        self.config: Shape = {"size": size, "widths": list(widths), "fine": fine, "styles": styles, "code": code}
        self.told = nn.Sequential(nn.Flatten(), nn.Linear(styles * code, _TOLD), nn.SiLU())
        self.first = Block(3 * _COARSE**2 + 6, widths[0])
        self.down = nn.ModuleList(Block(a, b, stride=2) for a, b in pairwise(widths))
        self.on = nn.ModuleList(Block(width, width) for width in widths[1:])
        self.up = nn.ModuleList(Block(a + b, a) for a, b in pairwise(widths))
        self.motion = nn.Conv2d(widths[0], 2, 3, padding=1)
        self.look = nn.ModuleList([Block(3 * 4 + 6 + widths[0], fine), Block(fine, fine, reach=2), Block(fine, fine)])
        self.last, self.mixture = (nn.Conv2d(fine, width, 3, padding=1) for width in (4 * sum(_LAST), len(_ACROSS) * len(_DOWN) + 1))
        for parameter in (*self.motion.parameters(), *self.last.parameters(), *self.mixture.parameters()):
            nn.init.zeros_(parameter)

    def forward(
        self, photo: Pictures, before: Float[Tensor, "b 3 g g"], after: Float[Tensor, "b 3 g g"], move: Float[Tensor, "b l d"]
    ) -> Redrawn:
        """What changes in photos of the size `size`, -1..1, as the generator's pictures of them do by a `move` of their codes."""
        told, own, drawn = self.told(_MOVED * move), tones(photo), tones(before)
        seen_photo, change = own.off(photo), _LITTLE * (after - before) / drawn.spread
        hints = [torch.cat([sized(part, photo.shape[2] // cells) for part in (drawn.off(before), change)], 1) for cells in (_COARSE, 2)]
        seen = [self.first(torch.cat([F.pixel_unshuffle(seen_photo, _COARSE), hints[0]], 1), told)]
        for down, on in zip(self.down, self.on, strict=True):
            seen.append(on(down(seen[-1], told), told))
        grid = seen.pop()
        for up in reversed(self.up):
            grid = up(torch.cat([seen.pop(), _doubled(grid)], 1), told)
        motion = sized((_FAR * self.motion(grid)).float(), photo.shape[2])
        look = torch.cat([F.pixel_unshuffle(carried(seen_photo, motion), 2), hints[1], _doubled(grid)], 1)
        for block in self.look:
            look = block(look, told)
        nearer, light, known, shade = F.pixel_shuffle(self.last(look), 2).float().split(_LAST, 1)
        new = 2 * torch.sigmoid(shade) * mixed(photo, self.mixture(look).float().softmax(1)) - 1
        return Redrawn(motion + _NEAR * nearer, light * own.spread, new, torch.sigmoid(known + _KNOWN))


def tones(pictures: Pictures) -> Tones:
    """Those of pictures that are aligned to the face."""
    middle = _middle(pictures)
    return Tones(middle.mean((2, 3), keepdim=True), middle.std((2, 3), keepdim=True).clamp(min=_FLAT))


def mixed(photo: Pictures, shares: Float[Tensor, "b k h h"]) -> Pictures:
    """The light (0..2) of so large shares of colours at places around each pixel, and of the brightest of the face."""
    cells, right, below = F.avg_pool2d(photo.float() + 1, _COARSE), max(_ACROSS), max(_DOWN)
    wide, side = F.pad(cells, (right, right, below, below), mode="replicate"), cells.shape[2]
    around = [wide.narrow(2, below + down, side).narrow(3, right + across, side) for across in _ACROSS for down in _DOWN]
    brightest = _middle(cells).amax((2, 3), keepdim=True).expand_as(cells)
    colours = _doubled(torch.cat([*around, brightest], 1)).unflatten(1, (-1, 3))
    return _doubled((shares[:, :, None] * colours).sum(1))


def carried(pictures: Pictures, motion: Float[Tensor, "b 2 s s"]) -> Pictures:
    """What is that step away from each pixel."""
    side = pictures.shape[2]
    line = (torch.arange(side, device=pictures.device, dtype=motion.dtype) + 0.5) / side
    places = torch.stack(torch.meshgrid(line, line, indexing="xy")) + motion
    return F.grid_sample(pictures.float(), 2 * places.permute(0, 2, 3, 1) - 1, padding_mode="border", align_corners=False)


def redrawn(photo: Pictures, change: Redrawn) -> Pictures:
    """The photos with the change."""
    return change.known * (carried(photo, change.motion) + change.added) + (1 - change.known) * change.fresh


def of(stored: Weights) -> Redrawer:
    """The redrawer of a weight file, in eval mode; raises `WeightsError` for a file of another network."""
    config = dict(stored.config)
    config.pop("kind", "")
    return weights.built(lambda: Redrawer(**Shape(**config)), stored, "redrawer")


def _middle(pictures: Float[Tensor, "b c s s"]) -> Float[Tensor, "b c _ _"]:
    side = pictures.shape[2]
    return pictures[..., side // 4 : side - side // 4, side // 4 : side - side // 4]


def _doubled(grid: Float[Tensor, "b c s s"]) -> Float[Tensor, "b c _ _"]:
    return F.interpolate(grid, scale_factor=2, mode="bilinear", align_corners=False)
