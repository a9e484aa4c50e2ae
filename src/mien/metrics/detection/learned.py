"""What a reader's weights have learned from, and what they may be tested on: nobody is tested who was learned from.

The recipe in a weight file says it: ``corpus = "BP4D"`` and ``fold = 0``, the fold whose people were kept for the test. What a file or a
folder is called says nothing. An ensemble knows whom any of its members knows.
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from mien.data.layouts.coded import REPORTED
from mien.errors import UsageError, WeightsError, one_of
from mien.protocols import EnsembleReader, Reader


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


def _all(reader: Reader) -> list[tuple[str, Learned]]:
    """What the weights of a reader, or of the members of an ensemble, have learned from, by the name of their reader."""
    members = reader.members if isinstance(reader, EnsembleReader) else (reader,)
    return [(member.name, learned) for member in members if (learned := Learned.of(member)) is not None]


def check(readers: Sequence[Reader], corpus: str) -> None:
    """Raises `UsageError` for an unknown corpus, and `WeightsError` for a reader whose weights do not say that they learned from it, and
    from no other.
    """
    if corpus not in REPORTED:
        raise UsageError(f"--train: {one_of(corpus, REPORTED)}")
    for reader in readers:
        found = sorted({learned.corpus for _, learned in _all(reader)})
        if found != [corpus]:
            said = f"were trained on {' and '.join(found)}" if found else "do not say that they were trained on a corpus"
            raise WeightsError(
                f"--train {corpus}: the weights of reader {reader.name} {said}; take a reader of {corpus}, or leave --train out"
            )


def tester(readers: Sequence[Reader], corpus: str, fold: int) -> Reader:
    """The first reader that has not learned from the people of a fold, as far as its weights say.

    Raises `WeightsError` when all have.
    """
    seen: list[str] = []
    for reader in readers:
        knows = [(name, learned) for name, learned in _all(reader) if learned.corpus == corpus and learned.fold not in (fold, None)]
        if not knows:
            return reader
        seen += [f"those of reader {name} were trained for fold {learned.fold}" for name, learned in knows]
    raise WeightsError(
        f"fold {fold} of {corpus} needs weights that were trained for it: {', '.join(seen)}, and have learned from its people; "
        "leave the fold out of --fold"
    )


def doubts(readers: Sequence[Reader], corpus: str) -> list[str]:
    """A line for each reader that has learned from a corpus and does not say which fold was kept from it."""
    unsure = [name for reader in readers for name, learned in _all(reader) if learned == Learned(corpus, None)]
    return [
        f"The weights of reader {name} learned from {corpus} and do not say which fold was kept: it may know who is tested."
        for name in unsure
    ]
