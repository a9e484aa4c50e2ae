"""Edit the expression of the faces in a photo."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np
import pandas as pd
from jaxtyping import UInt8
from PIL import Image

from mien import edits as language
from mien import images, registry
from mien.api.labelled import side_by_side
from mien.api.measuring import Line, identity_similarity, measure_again, report, shape_similarity
from mien.api.portrait import Choice, Portrait
from mien.api.reading import main_reading
from mien.api.solving import TOLERANCE, Solution, solve_for
from mien.api.sources import Source
from mien.aus import AUVector, columns
from mien.edits import Edit, TextEdit, TransferEdit
from mien.errors import EditError, UsageError, one_of
from mien.faces import identity as identities
from mien.protocols import InvertingEngine, Reader
from mien.provenance import Provenance
from mien.tables import Row, table
from mien.types import Photo, Reading

Words = str | Iterable[str] | Mapping[str, float]

NOTICED = 0.5  #: steps: what an engine cannot move of another face is told from here on


@dataclass(frozen=True, eq=False)
class EditResult:
    """An edited photo. What was measured on it is measured when it is first asked for."""

    photo: Photo  #: as it was
    rgb: UInt8[np.ndarray, "h w 3"]  #: as it is now, the whole picture at its own size
    edits: tuple[Edit, ...]
    portrait: Portrait
    reader: Reader
    rounds: int = 0  #: of corrections that `solve` made
    inputs: tuple[Path, ...] = ()  #: other files it was made from: never written over
    likeness: str = ""  #: SHA-256 of the photo whose expression was taken over, for the record

    def __repr__(self) -> str:
        return f"EditResult({self.photo}: {' '.join(map(str, self.edits))})"

    @property
    def image(self) -> Image.Image:
        """The edited picture for Pillow, with the alpha of the photo."""
        picture = Image.fromarray(self.rgb)
        if self.photo.alpha is not None:
            picture.putalpha(Image.fromarray(self.photo.alpha))
        return picture

    @cached_property
    def readings(self) -> tuple[list[Reading], list[Reading | None]]:
        """The edited faces before and after; None where no face was found any more."""
        before = self.reader.measure(self.portrait.crops)
        return before, measure_again(self.photo, replace(self.photo, rgb=self.rgb), self.portrait.crops, self.reader)

    @property
    def before(self) -> pd.DataFrame:
        """The edited faces as they were: the columns of `mien.read`."""
        return self._table(self.readings[0])

    @property
    def after(self) -> pd.DataFrame:
        """The edited faces as they are now: the columns of `mien.read`."""
        return self._table(self.readings[1])

    def _table(self, readings: Sequence[Reading | None]) -> pd.DataFrame:
        file = str(self.photo.path or "")
        return table([Row(file, self.photo.size, r, face=n) for n, r in zip(self.portrait.numbers, readings, strict=True)])

    @cached_property
    def lines(self) -> list[Line]:
        """The rows of `report`, typed."""
        unseen = AUVector.of({}, others=np.nan)
        lines: list[Line] = []
        for number, was, now in zip(self.portrait.numbers, *self.readings, strict=True):
            target = language.commanded(self.edits, was.aus)
            lines.extend(report(number, was.aus, unseen if now is None else now.aus, target))
        return lines

    @property
    def missed(self) -> list[str]:
        """The commanded units, each named once, that are further from their target than `solve` aims for, or were not seen any more."""
        far = (line.au for line in self.lines if line.role == "commanded" and not abs(line.error) <= TOLERANCE)
        return list(dict.fromkeys(far))

    @property
    def passed_over(self) -> list[str]:
        """The units that another face, an emotion or a text asks for by `NOTICED` steps or more, and the engine cannot move."""
        taken = [edit for edit in self.edits if isinstance(edit, TransferEdit | TextEdit)]
        wanted = [language.commanded(taken, reading.aus) - reading.aus for reading in self.readings[0]]
        far = {axis for shift in wanted for axis, steps in shift.items() if abs(steps) >= NOTICED}
        return columns(far - self.portrait.engine.moves)

    @cached_property
    def reconstructions(self) -> list[dict[str, Any]]:
        """For each edited face how like the photo the engine's network draws it unedited, see `mien.inversion.Quality`, and why it is
        `outside` of what that can draw ("" where it is not); [] with an engine that draws with the photo's own pixels alone.
        """
        engine = self.portrait.engine
        if not isinstance(engine, InvertingEngine):
            return []
        return [{**asdict(engine.quality(code)), "outside": engine.outside(code)} for code in self.portrait.codes]

    @property
    def report(self) -> pd.DataFrame:
        """Commanded against achieved, unit by unit: `face, au, role, before, commanded, achieved, error`; see `mien.api.measuring.Line`."""
        return pd.DataFrame([{**vars(line), "error": line.error} for line in self.lines])

    @cached_property
    def shape_similarity(self) -> list[float]:
        """For each edited face the cosine between the fitted identity shapes before and after: geometry, not face recognition."""
        return [shape_similarity(self.photo, replace(self.photo, rgb=self.rgb), crop) for crop in self.portrait.crops]

    @cached_property
    def identity_network(self) -> str:
        """The network for identity that is on this machine, which `identity_similarity` is by; "" when there is none."""
        return identities.recognizer().name if identities.installed() else ""

    @cached_property
    def identity_similarity(self) -> list[float]:
        """For each edited face the cosine between its codes before and after, near 1 for one person; NaN without a network."""
        if not self.identity_network:
            return [np.nan] * len(self.portrait.crops)
        network, after = identities.recognizer(), replace(self.photo, rgb=self.rgb)
        return [identity_similarity(self.photo, after, crop, network) for crop in self.portrait.crops]

    def compare(self) -> UInt8[np.ndarray, "h2 w2 3"]:
        """Before and after, side by side, with what was asked written below."""
        return side_by_side([(self.photo.rgb, "before"), (self.rgb, self.words)])

    @property
    def words(self) -> str:
        """The edits as they are written."""
        return " ".join(map(str, self.edits))

    def save(self, path: str | Path, *, in_place: bool = False) -> Path:
        """Write the edited picture; the file says how it was made. Never over the photo's own file unless `in_place`."""
        return images.write(self.rgb, path, like=self.photo, provenance=self.provenance, inputs=self.inputs, in_place=in_place)

    @property
    def provenance(self) -> Provenance:
        """What a file of this picture says of its making."""
        return Provenance("edited", self.portrait.engine.name, self.words, f"{self.photo.sha256} {self.likeness}".strip())

    def to_dict(self) -> dict[str, Any]:
        """All that was measured, for JSON: NaN where nothing was."""
        return {
            "edit": self.words,
            "engine": self.portrait.engine.name,
            "rounds": self.rounds,
            "faces": list(self.portrait.numbers),
            "shape_similarity": self.shape_similarity,
            "identity_network": self.identity_network,
            "identity_similarity": self.identity_similarity,
            "reconstructions": self.reconstructions,
            "passed_over": self.passed_over,
            "report": self.report.to_dict("records"),
        }


def edit(
    photo: Source,
    edits: Words = (),
    *,
    like: Source | None = None,
    only: str | None = None,
    emotion: str | None = None,
    text: str | None = None,
    by: str | None = None,
    engine: str = registry.ENGINE,
    weights: str | Path | None = None,
    invert: str | None = None,
    face: Choice = None,
    solve: bool = False,
) -> EditResult:
    """Change the expression of faces in a photo; the rest of the photo stays as it is, pixel by pixel.

    `edits` are words (``"AU12=+2 AU4=0"``) or intensities to set (``{"AU12": 3}``); `like` is a photo whose expression is taken over,
    of `only` brows, eyes or mouth; `emotion` is the name of a prototype; `text` says what the face should be, understood `by` units,
    directions or optimise (`mien.text`). They are done in this order. `face` is a number from 0, left to right, or ``"all"``; the largest
    face if not given. `solve` measures the result and corrects until it is what was commanded. `weights` and `invert` are options of
    engines that draw with a network: the file of its generator, and how a face becomes a code of it (encoder, refine, pivotal).

    Raises `EditError` for what cannot be understood or done, `FaceError` without the face, `ImageError` for an unreadable photo, and
    `WeightsError` for an engine whose network is not here.
    """
    model = None if like is None else images.read(like)
    wanted = _wanted(edits, model, only, emotion)
    if not wanted and text is None:
        raise UsageError("nothing to edit: say AU12=+2, or what it should be like (--like, --emotion, --text)")
    drawing = registry.engine(engine, weights=None if weights is None else Path(weights).expanduser(), invert=invert)
    wanted += _said(text, by, codes=isinstance(drawing, InvertingEngine))
    portrait = Portrait.of(images.read(photo), drawing, face)
    reader = registry.reader(registry.READER)
    solution = solve_for(portrait, wanted, reader) if solve else Solution(portrait.draw([wanted] * len(portrait.codes)), 0)
    others, likeness = ((model.path,) if model and model.path else ()), (model.sha256 if model else "")
    return EditResult(portrait.photo, solution.rgb, tuple(wanted), portrait, reader, solution.rounds, others, likeness)


def _wanted(edits: Words, like: Photo | None, only: str | None, emotion: str | None) -> list[Edit]:
    wanted = list(language.parse(edits))
    if only is not None and like is None:
        raise UsageError(f"only {only}: says what to take over from another photo; name it with like (--like)")
    if like is not None:
        wanted.append(TransferEdit(main_reading(like).aus, only, like.path.name if like.path else ""))
    if emotion is not None:
        wanted.append(language.to_emotion(emotion))
    return wanted


def _said(words: str | None, by: str | None, *, codes: bool) -> list[Edit]:
    """The edit of a text: of action units where the network of texts that is here understands them, else a move of an engine's codes."""
    if words is None:
        if by is not None:
            raise UsageError(f"by {by}: says how a text is understood; give one with text (--text)")
        return []
    if not words.strip():
        raise EditError("the text is empty: say what the face should be, such as 'an angry face'")
    from mien import text

    ways = get_args(text.By)
    if by is not None and by not in ways:
        raise UsageError(f"by {one_of(by, ways)}")
    way = text.default(codes=codes) if by is None else cast(text.By, by)
    return [TextEdit(words, text.expression(words)) if way == "units" else TextEdit(words, by=way)]
