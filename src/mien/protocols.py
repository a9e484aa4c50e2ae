"""What every engine, reader and capture promises; `tests/contract` holds all of them to it."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar, runtime_checkable

import numpy as np
from jaxtyping import Float32, UInt8

from mien.edits import Edit
from mien.types import Crop, CropSpec, Drawn, HeadCode, Reading

if TYPE_CHECKING:
    from mien.faces.align import Square
    from mien.inversion import Quality

C = TypeVar("C")


@runtime_checkable
class Engine(Protocol[C]):
    """A photo is read into a code; an edit moves the code; the engine draws it.

    The zero edit is the identity; the same seeds give the same image; item i does not depend on its batch.
    """

    name: str
    crop: CropSpec
    moves: frozenset[str]  #: the AU axes that it can move

    def encode(self, crops: Sequence[Crop]) -> list[C]:
        """Read faces into codes."""
        ...

    def shift(self, code: C, edit: Edit) -> C:
        """Move a code; raises `EditError` that names what this engine cannot do."""
        ...

    def decode(self, codes: Sequence[C], *, seeds: Sequence[int] | None = None) -> list[Drawn]:
        """Draw codes, one seed each where the engine draws at random."""
        ...


@runtime_checkable
class InvertingEngine(Engine[C], Protocol[C]):
    """An engine whose network draws the face anew, more or less like the photo."""

    def quality(self, code: C) -> "Quality":
        """How like the photo the network's own picture of the unedited face is."""
        ...

    def outside(self, code: C) -> str:
        """Why the face is not one that the network can draw; "" where it is."""
        ...


@runtime_checkable
class Reader(Protocol):
    """Faces in, action units out."""

    name: str
    measures: frozenset[str]  #: the AU axes that it measures; all others are NaN

    def measure(self, crops: Sequence[Crop]) -> list[Reading]:
        """Read each face on its own."""
        ...


@runtime_checkable
class Capture(Protocol):
    """Faces in, head codes out."""

    name: str

    def capture(self, crops: Sequence[Crop]) -> list[HeadCode]:
        """Solve each face on its own."""
        ...


@runtime_checkable
class SequenceReader(Reader, Protocol):
    """A reader that knows more of a person from many frames, such as what the neutral face shows."""

    def measure_sequence(self, crops: Sequence[Crop]) -> Iterator[Reading]:
        """Read the frames of one person together, one reading after the other.

        Only landmarks are looked at: the crops may come without their pixels. They may be more than memory holds, from a sequence that
        takes each from a disk: so they are asked for when they are needed, and not kept.
        """
        ...


@runtime_checkable
class ComparingReader(Reader, Protocol):
    """A reader that measures a change more sharply than either of two pictures."""

    def measure_against(self, crops: Sequence[Crop], references: Sequence[Crop]) -> list[Reading]:
        """Read each face, knowing that its reference shows the same person: what `measure` says of the reference, and the change."""
        ...


@runtime_checkable
class WeightedReader(Reader, Protocol):
    """A reader with a network, whose weights are in one file."""

    path: Path  #: of the weights


@runtime_checkable
class DetectingReader(Reader, Protocol):
    """A reader that says whether action units are there, not only how strong they are."""

    detects: tuple[str, ...]  #: the units such as AU12, and sides such as AU12L, whose `Presence` it says of every face, in order
    thresholds: Mapping[str, float]  #: of each of them the probability from which on it counts as present


@runtime_checkable
class HeatmapReader(DetectingReader, Protocol):
    """A detecting reader that shows where in the face it sees a unit."""

    def heatmaps(self, crops: Sequence[Crop]) -> list[Mapping[str, Float32[np.ndarray, "h h"]]]:
        """Of each face a map for each unit of `detects`: 1 where the unit is seen, -1 where it is absent."""
        ...

    def placed(self, crop: Crop) -> "Square":
        """The square of the **photo** that the maps of a face lie over; the outer edges of their cells are its edges."""
        ...


@runtime_checkable
class EnsembleReader(Reader, Protocol):
    """Several readers as one, which says how far they are apart.

    `Reading.spread` has the axes that two members measure, `Presence.spread` is of the units that two members detect.
    """

    members: tuple[Reader, ...]


@runtime_checkable
class TwofoldReader(Reader, Protocol):
    """A reader of two parts: one needs the pixels of each face, the other wants to see the frames of a person together."""

    sequence: SequenceReader
    single: Reader

    def joined(self, sequence: Reading, single: Reading, /) -> Reading:
        """What both parts say of one face as one reading; `measure` gives that of what both `measure`."""
        ...


@runtime_checkable
class SequenceCapture(Capture, Protocol):
    """A capture that knows more of a person from many frames, such as the shape."""

    def capture_sequence(self, crops: Sequence[Crop]) -> list[HeadCode]:
        """Solve the frames of one person together. Only landmarks are looked at: the crops may come without their pixels."""
        ...


class Mixed(NamedTuple):
    """Whose code is taken from which row on."""

    seed: int
    row: int

    def __str__(self) -> str:
        return f"{self.seed}:{self.row}"


@runtime_checkable
class Generator(Protocol):
    """Seeds in, pictures of people who do not exist out. A seed gives the same picture whatever it is asked for with."""

    name: str
    path: Path  #: of the weights
    size: int  #: pixels of the square pictures

    def sample(self, seeds: Sequence[int], *, truncation: float = 1.0, mix: Mixed | None = None) -> list[UInt8[np.ndarray, "h w 3"]]:
        """A picture of each seed, drawn towards the mean face (`truncation` 0 is that one) or with rows of another code in theirs."""
        ...


__all__ = [
    "Capture",
    "ComparingReader",
    "CropSpec",
    "DetectingReader",
    "Drawn",
    "Engine",
    "EnsembleReader",
    "Generator",
    "HeatmapReader",
    "InvertingEngine",
    "Mixed",
    "Reader",
    "SequenceCapture",
    "SequenceReader",
    "TwofoldReader",
    "WeightedReader",
]
