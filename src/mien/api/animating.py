"""Move the faces of a photo along a motion."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from mien import artefacts, images, motion, registry, video
from mien import edits as language
from mien.api.editing import NOTICED
from mien.api.portrait import Choice, Portrait
from mien.api.reading import expressions_of
from mien.api.sources import Source
from mien.aus import AXES, AUShift, AUVector, columns
from mien.edits import change_by
from mien.errors import UsageError
from mien.motion import Motion
from mien.provenance import Provenance

Words = str | Sequence[str]


@dataclass(frozen=True, eq=False)
class Animation:
    """A photo in motion: iterate over it for the frames, each drawn when it is asked for, or save it."""

    portrait: Portrait
    motions: Sequence[Motion]  #: one for each chosen face, all with the same times
    made: str  #: how, in words, for the record
    inputs: tuple[Path, ...] = ()  #: what moves it, if that is a file: never written over
    sources: tuple[str, ...] = ()  #: SHA-256 of each of `inputs`, for the record

    def __repr__(self) -> str:
        return f"Animation({self.portrait.photo}: {self.made}, {len(self)} frames)"

    @property
    def fps(self) -> float:
        """Frames a second."""
        return self.motions[0].fps

    def __len__(self) -> int:
        return len(self.motions[0])

    def __iter__(self) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        able = self.portrait.engine.moves
        for frame in range(len(self)):
            yield self.portrait.draw([[change_by(m.shift(frame).within(able))] for m in self.motions])

    @cached_property
    def passed_over(self) -> list[str]:
        """The units that the motion asks for by `NOTICED` steps or more at some time, and the engine cannot move."""
        beyond = set(AXES) - self.portrait.engine.moves
        steps = (pair for m in self.motions for frame in range(len(m)) for pair in m.shift(frame).within(beyond).items())
        return columns({axis for axis, step in steps if abs(step) >= NOTICED})

    def save(self, path: str | Path, *, on_frame: Callable[[], None] | None = None) -> Path:
        """Write .mp4, .webm, .gif or .webp, frame by frame; `on_frame` is called after each. The file says how it was made."""
        photo = self.portrait.photo
        made = Provenance("animated", self.portrait.engine.name, self.made, " ".join((photo.sha256, *self.sources)).strip())
        inputs = [*([photo.path] if photo.path else []), *self.inputs]
        with video.Writer(path, photo.size, self.fps, provenance=made, inputs=inputs) as writer:
            for rgb in self:
                writer.add(rgb)
                if on_frame is not None:
                    on_frame()
        return Path(path)


def animate(
    photo: Source,
    driver: str | Path | None = None,
    *,
    keys: str | Path | None = None,
    from_: Words | None = None,
    to: Words | None = None,
    seconds: float = 2.0,
    fps: float = motion.FPS,
    engine: str = registry.ENGINE,
    weights: str | Path | None = None,
    invert: str | None = None,
    face: Choice = None,
) -> Animation:
    """Move faces of a photo: as in the video `driver` (relative to its own neutral), by the CSV `keys`, or between two edits.

    `keys` are keyframes (``time,AU12,...``) or a table of OpenFace, py-feat or `mien.read`. Without `from_` the motion starts at the
    photo as it is; `seconds` is its length. `weights`, `invert` and `face` as in `mien.edit`. Of what moves the face as much is done as the
    engine can move; what the two edits name must be possible. Raises `UsageError` unless exactly one kind of motion is given.
    """
    between = from_ is not None or to is not None
    if sum((driver is not None, keys is not None, between)) != 1:
        raise UsageError("say what moves the face: one of a driver video (--driver), a CSV (--keys), or two edits (--from, --to)")
    drawing = registry.engine(engine, weights=None if weights is None else Path(weights).expanduser(), invert=invert)
    portrait = Portrait.of(images.read(photo), drawing, face)
    if between:
        made = f"from {_said(from_) or 'as it is'} to {_said(to) or 'as it is'}"
        return Animation(portrait, _between(portrait, from_ or (), to or (), seconds, fps), made)
    if driver is not None:
        times, expressions = expressions_of(driver)
        mover, moves, kind = Path(driver), motion.follow(times, expressions, fps), "driver"
    else:
        mover, moves, kind = Path(str(keys)), motion.read(str(keys), fps=fps), "keys"
    file = mover.expanduser()
    return Animation(portrait, [moves] * len(portrait.numbers), f"{kind} {mover.name}", (file,), (artefacts.digest(file),))


def _said(words: Words | None) -> str:
    return words if isinstance(words, str) else " ".join(words or ())


def _between(portrait: Portrait, start: Words, end: Words, seconds: float, fps: float) -> list[Motion]:
    """For each face the motion between what the two edits make of it."""
    for words in (start, end):
        portrait.shifted([language.parse(words)] * len(portrait.codes))  # what cannot be done is told before anything is drawn
    readings = registry.reader(registry.READER).measure(portrait.crops)
    ends = [[_shift(words, reading.aus) for words in (start, end)] for reading in readings]
    return [motion.between(first, last, seconds, fps) for first, last in ends]


def _shift(words: Words, measured: AUVector) -> AUShift:
    return language.commanded(language.parse(words), measured) - measured
