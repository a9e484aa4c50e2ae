"""Verification: whether two pictures show one person, by the cosine of their codes (Huang et al. 2007, Labeled Faces in the Wild).

Pairs are all of one split's pictures of people that have several there: those of one person against those of two.
"""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import pandas as pd
from jaxtyping import Float, Float64, Int, UInt8
from sklearn.metrics import roc_auc_score

from mien.data.crops import open_crops
from mien.data.folder import need
from mien.errors import DataError
from mien.faces.identity import aligned

STRANGERS = 0.01  #: share of pairs of two people that a threshold lets pass, for `Verification.recognised`
_GREY = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601


@runtime_checkable
class Describer(Protocol):
    """What makes codes of aligned faces: a network for identity, or something to compare one with."""

    name: str  #: what a report calls it
    size: int  #: pixels of the square crops that it takes

    def codes(self, crops: UInt8[np.ndarray, "n h w 3"]) -> Float64[np.ndarray, "n d"]:
        """A code for each crop; what else is in the batch does not matter."""
        ...


class Pixels:
    """No network: grey levels less their mean. What does not do better than this recognises nobody."""

    name = "none: grey pixels of the aligned crop"
    size = 32

    def codes(self, crops: UInt8[np.ndarray, "n h w 3"]) -> Float64[np.ndarray, "n d"]:
        """See `Describer`."""
        grey = (crops @ _GREY).reshape(len(crops), -1)
        return grey - grey.mean(axis=1, keepdims=True)


@dataclass(frozen=True)
class Verification:
    """How well cosines tell pairs of one person from pairs of two."""

    same: int  #: pairs
    different: int
    auc: float  #: area under the ROC curve: 0.5 by chance, 1 when every pair of one person is more alike than every other
    recognised: float  #: share of pairs of one person above the threshold that `STRANGERS` of the others pass


def verify(codes: Float[np.ndarray, "n d"], who: Int[np.ndarray, " n"]) -> Verification:
    """All pairs of codes; `who` numbers the people. Raises `DataError` without pairs of both kinds."""
    unit = codes / np.linalg.norm(codes, axis=1, keepdims=True)
    one, other = np.triu_indices(len(codes), 1)
    alike = (unit @ unit.T)[one, other]
    same = who[one] == who[other]
    if same.all() or not same.any():
        raise DataError(f"{len(codes)} pictures make no pairs of one person and of two: several pictures of several people are needed")
    threshold = np.quantile(alike[~same], 1 - STRANGERS)
    return Verification(int(same.sum()), int((~same).sum()), float(roc_auc_score(same, alike)), float((alike[same] > threshold).mean()))


def score_identity(data: Path | None, describers: Sequence[Describer], *, split: str = "test") -> pd.DataFrame:
    """A row for each describer on a split of `lfw_eval`, or on ``all``: `network, people, photos, same, different` (pairs), `AUC` and
    `recognised` (percent), `ms` (a photo).
    """
    crops = open_crops(need(data, "lfw_eval.npz") / "lfw_eval.npz")
    indices = crops.where(split=None if split == "all" else split)
    photos = Counter(crops.subjects[i] for i in indices)
    chosen = [int(i) for i in indices if photos[crops.subjects[i]] > 1]
    names, who = np.unique([crops.subjects[i] for i in chosen], return_inverse=True)
    rows: list[dict[str, object]] = []
    for describer in describers:
        faces = np.stack([aligned(crops[i], crops.points[i].astype(np.float64), describer.size) for i in chosen])
        start = time.process_time()
        codes = describer.codes(faces)
        taken = time.process_time() - start
        found = verify(codes, who)
        rows.append(
            {
                "network": describer.name, "people": len(names), "photos": len(chosen), "same": found.same, "different": found.different,
                "AUC": 100 * found.auc, "recognised": 100 * found.recognised, "ms": 1000 * taken / len(chosen),
            }
        )  # fmt: skip
    return pd.DataFrame(rows)
