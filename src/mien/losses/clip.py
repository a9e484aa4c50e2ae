"""How far pictures are from texts, by CLIP (Patashnik et al. 2021, StyleCLIP, equation 1): 1 minus the cosine of their vectors.

Pictures are shown to the network as it was trained, or as StyleCLIP and AU-CLIP show them (`mien.nn.framing`). A small network ships
(``mien train clip``); one that was imported (``mien weights import clip FILE``) goes first.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from mien import artefacts, weights
from mien.errors import WeightsError
from mien.nn import clip, tokens
from mien.nn.clip import CLIP, KIND
from mien.nn.framing import STYLECLIP_SIZE, compatible, shown
from mien.nn.tokens import Tokenizer, Words

NONE = "no CLIP is on this machine: `mien weights import clip FILE`, or `mien train clip`"


class Comparer:
    """A network with its tokenizer, which does not learn: both sides of the comparison as vectors of length 1."""

    def __init__(self, network: CLIP, tokenizer: Tokenizer | Words, *, as_published: bool = False) -> None:
        """`as_published`: show pictures as StyleCLIP and AU-CLIP do; raises `WeightsError` for a network that does not see 224 pixels."""
        if as_published and network.size != STYLECLIP_SIZE:
            raise WeightsError(
                f"this CLIP sees {network.size} px; published losses show {STYLECLIP_SIZE}: import ViT-B-32.pt, or calibrate"
            )
        self.network, self.tokenizer, self.as_published = network.eval().requires_grad_(False), tokenizer, as_published
        self._read = cache(self._encoded)

    def codes(self, pictures: Float[Tensor, "b 3 s s"]) -> Float[Tensor, "b d"]:
        """Vectors of RGB pictures in -1..1, through which gradients flow."""
        seen = compatible(pictures) if self.as_published else shown(pictures, self.network)
        return F.normalize(self.network.encode_image(seen))

    def texts(self, words: Sequence[str]) -> Float[Tensor, "t d"]:
        """Vectors of texts; each is read once. Raises `EditError` for one that is too long, or that has no word that is known."""
        return torch.stack([self._read(each) for each in words])

    @torch.no_grad()
    def _encoded(self, words: str) -> Float[Tensor, " d"]:
        rows = self.tokenizer.rows([words], self.network.context).to(self.network.logit_scale.device)
        return F.normalize(self.network.encode_text(rows))[0]


def away(codes: Float[Tensor, "b d"], texts: Float[Tensor, "b d"]) -> Float[Tensor, ""]:
    """1 minus the cosine of each picture with its own text, on average."""
    return 1 - F.cosine_similarity(codes, texts).mean()


def installed() -> Sequence[Path]:
    """The networks that were imported or put into the cache folder, then the one that ships; none of them need be there."""
    return artefacts.weight_files(KIND)


def chosen(path: Path | None = None) -> Path:
    """The file that is used: the given one, else the first of `installed`; raises `WeightsError` that says how to get one."""
    if path is not None:
        return path
    if not (found := installed()):
        raise WeightsError(NONE)
    return found[0]


def opened(path: Path | None = None, *, as_published: bool = False) -> Comparer:
    """The comparer of a file, see `chosen`; raises `WeightsError` when it is of another network, or reads no text."""
    path = chosen(path)
    return _opened(path, path.stat().st_mtime_ns if path.is_file() else 0, as_published)


@cache
def _opened(path: Path, written: int, as_published: bool) -> Comparer:
    del written  # a file that was written anew is another network
    stored = weights.load(path)
    return Comparer(clip.of(stored), tokens.of(stored), as_published=as_published)
