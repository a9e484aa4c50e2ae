"""How near a generator draws faces that it has not learned from, by each way to invert them."""

from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from time import process_time

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from mien.data.folder import need
from mien.data.squares import open_squares
from mien.errors import UsageError
from mien.inversion import How, Networks, Quality, invert, outside

_SET = "sfhq_256.npz"


def score_inversion(
    data: Path | None, networks: Networks, ways: Mapping[How, int], *, split: str = "test", on_face: Callable[[], None] = lambda: None
) -> pd.DataFrame:
    """A row for each way: over so many faces of a split of sfhq_256, the first ones, the medians of `mien.inversion.Quality`.

    ``stranger`` is the mean cosine of a photo and that of another person; ``outside`` the percentage that `mien edit` warns of. Raises
    `NoDataError` without the crop set.
    """
    size = max(networks.generator.size, int(networks.encoder.config["size"]))
    squares = open_squares(need(data, _SET) / _SET, size, flips=False, seed=0, split=split)
    rows: list[dict[str, str | float]] = []
    for way, count in ways.items():
        pictures = [squares.shown(number)[None] for number in range(min(count, len(squares)))]
        if len(pictures) < 2:
            raise UsageError(f"{len(pictures)} faces of the split {split}: at least 2 are needed")
        began, found = process_time(), list[Quality]()
        for picture in pictures:
            found.append(invert(picture, networks, way).quality)
            on_face()
        spent = (process_time() - began) / len(pictures)
        rows.append(_row(way, found) | {"stranger": _strangers(pictures, networks), "cpu seconds": spent})
    return pd.DataFrame(rows)


def _row(way: How, found: list[Quality]) -> dict[str, str | float]:
    medians = {name: float(np.median([getattr(quality, name) for quality in found])) for name in ("psnr", "perceptual", "identity")}
    warned = 100 * float(np.mean([bool(outside(quality)) for quality in found]))
    return {"invert": way, "faces": len(found), **medians, "outside": warned}


@torch.no_grad()
def _strangers(pictures: list[Float[Tensor, "1 3 s s"]], networks: Networks) -> float:
    """The mean cosine of each picture and the next one, of somebody else."""
    codes = [networks.measure.likeness.codes(picture)[0] for picture in pictures]
    return float(torch.stack([one @ other for one, other in pairwise(codes)]).mean())
