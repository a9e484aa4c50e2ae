"""Aligned crops of all faces in photos and videos, with a table of what each shows and codes of who it is, in one zip file."""

import hashlib
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float64
from PIL import Image

from mien import files, registry, tables
from mien.api.following import follow, slim
from mien.api.sources import Clip, Failure, stamp_of
from mien.data import facezip
from mien.data.ledger import Entry, Ledger
from mien.errors import DataError, MienError, UsageError
from mien.faces import align, landmarks, templates
from mien.faces.identity import Recognizer, installed, recognizer
from mien.protocols import CropSpec, Reader, SequenceReader
from mien.tables import LANDMARK68, Row
from mien.types import Crop, Face, Photo

_SMALLEST, _LARGEST = 16, 4096  # pixels


@dataclass(frozen=True)
class Settings:
    """How faces are cut and read; a zip file holds faces of one kind."""

    align: str  #: one of `mien.faces.templates.TEMPLATES`
    width: int  #: pixels
    height: int
    reader: str = registry.READER
    identity: str = ""  #: the network that says whose faces they are, and which version of it; none if empty

    @staticmethod
    def of(align: str, size: int | None = None) -> "Settings":
        """The settings of a template; `size` is the width in pixels, 16..4096, the published one if None. Raises `UsageError`."""
        if size is not None and not _SMALLEST <= size <= _LARGEST:
            raise UsageError(f"size {size}: give {_SMALLEST} to {_LARGEST} pixels")
        return Settings(align, *templates.template(align).size(size), identity=_version(network) if (network := _network()) else "")


def _network() -> Recognizer | None:
    """The network for identity that is asked for scores, if there is one."""
    return recognizer() if installed() else None


def _version(network: Recognizer) -> str:
    return f"{network.name}, sha256 {hashlib.sha256(network.path.read_bytes()).hexdigest()[:12]}"


@dataclass(frozen=True)
class Tally:
    """What a zip file holds now."""

    inputs: int
    done: int  #: of the inputs asked for, how many are in it
    before: int  #: of these, how many an earlier run had done
    faces: int
    without: int  #: pictures and frames without a face


def check_target(out: Path, inputs: Sequence[Clip]) -> None:
    """Raise the `DataError` that writing to this name would raise, before anything is done."""
    if out.suffix.lower() != ".zip":
        raise DataError(f"{out}: aligned faces are written to one .zip file: name one")
    files.target(out, inputs=[Path(clip.file).expanduser() for clip in inputs if clip.file], error=DataError)


def align_each(
    inputs: Sequence[Clip], out: Path, settings: Settings, failures: list[Failure], on_picture: Callable[[], None] = lambda: None
) -> Tally:
    """Write the crops and the table of all inputs to the zip file `out`; those that fail are put into `failures`.

    Each input is kept in a ledger beside `out` as soon as it is done. A run that was stopped, however hard, goes on after the last
    one when it is started again; a finished file takes up what is new, and what changed since is done anew. `out` appears whole or
    not at all (`mien.data.facezip` says what is in it). Raises `DataError` when it holds other things or cannot be written.
    """
    check_target(out, inputs)
    out, kind = out.expanduser(), asdict(settings)
    finished = facezip.Finished.of(out, kind)
    with closing(Ledger(out.with_name(f".{out.name}.ledger"), json.dumps(kind))) as ledger:
        reader, done, before = registry.reader(settings.reader), 0, 0
        for clip in {clip.file: clip for clip in inputs}.values():
            try:
                stamp = stamp_of(clip.file)
                if finished.has(clip.file, stamp) or ledger.has(clip.file, stamp):
                    before += 1
                    on_picture()
                else:
                    with ledger.entry(clip.file, stamp) as entry:
                        entry.commit(facezip.text_of(_harvest(clip, reader, settings, entry, on_picture)))
                done += 1
            except MienError as error:
                failures.append(Failure(clip.file, error))
        if ledger.records:
            table = facezip.write(finished, ledger, kind)
        else:
            table = pd.concat([rows for _, rows in finished.inputs.values()] or [pd.DataFrame({"file": [], "crop": []})])
        ledger.remove()
    shown = int(np.count_nonzero(table["crop"].to_numpy() != ""))
    return Tally(len(set(table["file"])), done, before, shown, len(table) - shown)


def _harvest(clip: Clip, reader: Reader, settings: Settings, entry: Entry, on_picture: Callable[[], None]) -> pd.DataFrame:
    """The rows of an input, its crops put into the ledger as they come."""
    template, network = templates.template(settings.align), _network() if settings.identity else None
    prefix = f"crops/{Path(clip.file).stem}.{hashlib.sha256(clip.file.encode()).hexdigest()[:12]}"
    rows: list[Row] = []
    places: list[list[str | float]] = []
    codes: list[Float64[np.ndarray, " d"]] = []
    seen: dict[int, list[tuple[int, Crop]]] = {}  # person -> places in `rows`, and the face there
    for frame, (photo, people) in enumerate(_people(clip)):
        for person, face in people.items():
            name = f"{prefix}.{frame:06d}.{person}.png" if clip.is_video else f"{prefix}.{person}.png"
            points = face.landmarks[LANDMARK68, :2]
            entry.add(name, _png(template.cut(photo.rgb, points, settings.width)))
            places.append([name, *map(float, template.to_photo(points, settings.width)[:2].ravel())])
            crop = slim(face) if clip.is_video else align.cut(photo, face, CropSpec())
            seen.setdefault(person, []).append((len(rows), crop))
            rows.append(Row(clip.file, photo.size, None, frame, photo.time, person))
            if network:
                codes.append(network.code(photo, face))
        if not people:
            rows.append(Row(clip.file, photo.size, None, frame, photo.time))
            places.append(["", *[np.nan] * 6])
            if network:
                codes.append(np.full(network.width, np.nan))
        on_picture()
    table = tables.table(_read(rows, seen, reader, together=clip.is_video))
    parts = [table, pd.DataFrame(places, columns=list(facezip.OWN_COLUMNS))]
    return pd.concat([*parts, facezip.code_columns(np.stack(codes).astype(np.float32))] if codes else parts, axis=1)


def _people(clip: Clip) -> Iterator[tuple[Photo, Mapping[int, Face]]]:
    """Each picture of an input and its faces by number."""
    if clip.is_video:
        yield from follow(clip.frames())
    else:
        photo = next(iter(clip.frames()))
        yield photo, dict(enumerate(landmarks.find(photo)))


def _png(rgb: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "PNG", compress_level=1)
    return file.getvalue()


def _read(rows: Sequence[Row], seen: Mapping[int, list[tuple[int, Crop]]], reader: Reader, *, together: bool) -> list[Row]:
    """The rows with what the reader says of each face, of a person's frames `together` where it can."""
    done = list(rows)
    for found in seen.values():
        crops = [crop for _, crop in found]
        readings = reader.measure_sequence(crops) if together and isinstance(reader, SequenceReader) else reader.measure(crops)
        for (place, _), reading in zip(found, readings, strict=True):
            done[place] = replace(done[place], reading=reading)
    return done
