"""Generated pictures against real ones: FID, KID, precision and recall on the features of a network.

Pictures are decoded one after the other, brought to the network's square as its features say, and forgotten. The Frechet distance takes in
all of them; KID, precision and recall need single features, and keep at most `KEPT` of each set, drawn evenly (Vitter 1985, algorithm R).
So memory is flat however many pictures there are.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Shaped

from mien.data.problems import Problem
from mien.data.sources import Source
from mien.errors import DataError
from mien.metrics import frechet, kernel, manifold
from mien.metrics.features import Features

KEPT = 10_000
LEAST = 4  #: pictures of each kind, below which KID, precision and recall are not defined
_ENOUGH = 10  # pictures for each feature, below which it is said that FID is too high: its bias falls with them (Chong & Forsyth 2020)
_BATCH = 64


@dataclass(frozen=True)
class Generation:
    """How near generated pictures come to real ones. Numbers on other features cannot be compared with these."""

    features: str  #: the network, by name
    width: int  #: numbers that it gives for a picture
    real: int  #: pictures that were read
    fake: int
    fid: float  #: squared Frechet distance, 0 for equal moments
    kid: float  #: mean of the estimates; around 0 for one distribution
    kid_spread: float  #: their standard deviation
    kid_subset: int  #: pictures of each kind in an estimate
    precision: float
    recall: float
    notes: tuple[str, ...]  #: what a reader of the numbers has to know
    problems: tuple[Problem, ...]  #: pictures that could not be read


class _Seen:
    """What is remembered of a set."""

    def __init__(self, width: int, seed: int) -> None:
        self.moments = frechet.Moments(width)
        self.sizes = Counter[tuple[int, int]]()
        self.problems: list[Problem] = []
        self._kept = np.zeros((KEPT, width))
        self._draw = np.random.default_rng(seed)

    def add(self, features: Float64[np.ndarray, "n d"]) -> None:
        for number, feature in enumerate(features, start=self.moments.count):
            place = number if number < KEPT else int(self._draw.integers(number + 1))
            if place < KEPT:
                self._kept[place] = feature
        self.moments.add(features)

    @property
    def kept(self) -> Float64[np.ndarray, "n d"]:
        return self._kept[: self.moments.count]


def score_generation(
    real: Source, fake: Source, features: Features, *, seed: int = 0, on_picture: Callable[[], None] = lambda: None
) -> Generation:
    """Compare two sources; `seed` draws what is kept and the subsets of KID.

    A picture that cannot be read is listed in `problems` and left out. Raises `DataError` when fewer than `LEAST` of a kind remain.
    """
    seen = {kind: _look(source, features, seed, on_picture) for kind, source in (("real", real), ("fake", fake))}
    for kind, one in seen.items():
        if one.moments.count < LEAST:
            why = f"; {one.problems[0]}" if one.problems else ""
            raise DataError(f"{one.moments.count} {kind} pictures can be read: at least {LEAST} are needed{why}")
    a, b = seen["real"], seen["fake"]
    kid = kernel.distance(a.kept, b.kept, seed=seed)
    cover = manifold.cover(a.kept, b.kept)
    return Generation(
        features=features.name,
        width=features.width,
        real=a.moments.count,
        fake=b.moments.count,
        fid=frechet.distance(a.moments, b.moments),
        kid=kid.mean,
        kid_spread=kid.spread,
        kid_subset=kid.subset,
        precision=cover.precision,
        recall=cover.recall,
        notes=tuple(_notes(a, b, features)),
        problems=(*a.problems, *b.problems),
    )


def _look(source: Source, features: Features, seed: int, on_picture: Callable[[], None]) -> _Seen:
    seen = _Seen(features.width, seed)
    seen.problems.extend(source.problems)
    batch: list[Shaped[np.ndarray, "s s 3"]] = []
    for index, name in enumerate(source.names):
        try:
            picture = source.read(index)
        except DataError as error:
            seen.problems.append(Problem(name, str(error).removeprefix(f"{name}: ")))
            continue
        finally:
            on_picture()
        seen.sizes[picture.shape[1], picture.shape[0]] += 1
        batch.append(features.prepared(picture))
        if len(batch) == _BATCH:
            seen.add(features.features(np.stack(batch)))
            batch.clear()
    if batch:
        seen.add(features.features(np.stack(batch)))
    return seen


def _notes(real: _Seen, fake: _Seen, features: Features) -> list[str]:
    notes: list[str] = []
    fewer, more = sorted((real.moments.count, fake.moments.count))
    if fewer < _ENOUGH * features.width:
        singular = ", not even enough for a covariance" if fewer <= features.width else ""
        notes.append(
            f"{fewer} pictures are few for {features.width} features{singular}: FID is too high, and compares only with one on as many "
            "pictures; KID has no such bias."
        )
    if more > KEPT:
        notes.append(f"KID, precision and recall are on at most {KEPT:,} pictures of each kind, drawn evenly.")
    if real.sizes.keys() != fake.sizes.keys():
        notes.append(f"Real pictures are {_told(real.sizes)}, fake ones {_told(fake.sizes)}: how they were resized moves all numbers.")
    return notes


def _told(sizes: Counter[tuple[int, int]]) -> str:
    (width, height), _ = sizes.most_common(1)[0]
    others = len(sizes) - 1
    return f"{width} x {height}" + (f" and {others} other size{'s' if others > 1 else ''}" if others else "")
