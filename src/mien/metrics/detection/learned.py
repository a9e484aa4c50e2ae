"""What a reader's weights have learned from, and what they may be tested on: nobody is tested who was learned from.

The recipe in a weight file says it: ``corpus = "BP4D"`` and ``fold = 0``, the fold whose people were kept for the test. What a file or a
folder is called says nothing.
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from mien.data.layouts.coded import REPORTED
from mien.errors import UsageError, WeightsError, one_of
from mien.protocols import Reader


@runtime_checkable
class TrainedReader(Reader, Protocol):
    """A reader that knows how its weights were trained."""

    recipe: str  #: `mien.weights.Weights.recipe`, TOML; "" where it is not known


@dataclass(frozen=True)
class Learned:
    """The corpus that weights have learned from, and the fold that was kept from them; None where they do not say which."""

    corpus: str
    fold: int | None

    @staticmethod
    def of(reader: Reader) -> "Learned | None":
        """What a reader's weights say; None when they say of no corpus. Raises `WeightsError` for a recipe that cannot be read."""
        try:
            told = tomllib.loads(reader.recipe) if isinstance(reader, TrainedReader) else {}
        except tomllib.TOMLDecodeError as error:
            raise WeightsError(
                f"the recipe in the weights of reader {reader.name} is no TOML ({error}): train or import them again"
            ) from error
        corpus, fold = told.get("corpus"), told.get("fold")
        return Learned(str(corpus), fold if isinstance(fold, int) else None) if corpus else None


def check(readers: Sequence[Reader], corpus: str) -> None:
    """Raises `UsageError` for an unknown corpus, and `WeightsError` for a reader whose weights do not say that they learned from it."""
    if corpus not in REPORTED:
        raise UsageError(f"--train: {one_of(corpus, REPORTED)}")
    for reader in readers:
        learned = Learned.of(reader)
        if learned is None or learned.corpus != corpus:
            said = f"were trained on {learned.corpus}" if learned else "do not say that they were trained on a corpus"
            raise WeightsError(
                f"--train {corpus}: the weights of reader {reader.name} {said}; take a reader of {corpus}, or leave --train out"
            )


def tester(readers: Sequence[Reader], corpus: str, fold: int) -> Reader:
    """The first reader that has not learned from the people of a fold, as far as its weights say.

    Raises `WeightsError` when all have.
    """
    seen: list[str] = []
    for reader in readers:
        learned = Learned.of(reader)
        if learned is None or learned.corpus != corpus or learned.fold in (fold, None):
            return reader
        seen.append(f"those of reader {reader.name} were trained for fold {learned.fold}")
    raise WeightsError(
        f"fold {fold} of {corpus} needs weights that were trained for it: {', '.join(seen)}, and have learned from its people; "
        "leave the fold out of --fold"
    )


def doubts(readers: Sequence[Reader], corpus: str) -> list[str]:
    """A line for each reader that has learned from a corpus and does not say which fold was kept from it."""
    unsure = [reader.name for reader in readers if Learned.of(reader) == Learned(corpus, None)]
    return [
        f"The weights of reader {name} learned from {corpus} and do not say which fold was kept: it may know who is tested."
        for name in unsure
    ]
