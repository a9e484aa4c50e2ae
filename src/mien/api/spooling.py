"""The rows of a video on disk while it is read: memory stays flat however long it is, and a run that was stopped goes on.

A spool is a file of records of one size, one for each row, and a file that says how many of them count, by which reader of which video
they are, and who was followed where. It is replaced whenever a part of the video has been appended, which alone makes the part count.
"""

import hashlib
import json
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, overload

import numpy as np

import mien
from mien import artefacts, files, weights
from mien.api.following import Follower, slim
from mien.api.sources import Clip, stamp_of
from mien.artefacts import digest
from mien.aus import AXES, EMOTIONS, AUVector
from mien.data.ledger import lock
from mien.errors import DataError
from mien.protocols import DetectingReader, EnsembleReader, Reader, WeightedReader
from mien.tables import Row
from mien.types import Crop, Face, Presence, Reading

PART = 512  #: frames after which what was read of a video is kept, and rows that are taken from a spool at a time
_ROWS, _STATE = ".rows", ".state.json"

Settings = Mapping[str, str]
Open = Callable[[Clip, Reader], AbstractContextManager["Spool"]]


class Spool:
    """What was read of one video so far."""

    def __init__(self, path: Path, file: str, reader: Reader, settings: Settings) -> None:
        """Take up what lies at `path` (a name without suffix) if it was read under the same settings, else begin anew.

        Raises `DataError` where another run is at it, or where nothing can be written.
        """
        self._file, self._units, self._settings = file, reader.detects if isinstance(reader, DetectingReader) else (), dict(settings)
        self._kind = _record(len(self._units))
        self._state = path.with_name(path.name + _STATE)
        with _told(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._records = path.with_name(path.name + _ROWS).open("a+b")
        lock(self._records, path)
        left = self._left()
        self.changed = [name for name in settings if left["settings"].get(name) != settings[name]] if left else []  #: since, in words
        whole = left and not self.changed and left["rows"] * self._kind.itemsize <= self._records.seek(0, 2)
        self.rows: int = left["rows"] if whole else 0
        self.follower = Follower.of(left["follower"]) if whole else Follower()  #: as it was after the last row
        self._records.truncate(self.rows * self._kind.itemsize)

    def _left(self) -> dict[str, Any]:
        """What an earlier run left; {} where none did."""
        with suppress(OSError, ValueError):
            return json.loads(self._state.read_text(encoding="utf-8"))
        return {}

    def add(self, rows: Sequence[Row]) -> None:
        """Append the rows of further frames, all that `follower` has looked at."""
        records = np.zeros(len(rows), self._kind)
        for row, record in zip(rows, records, strict=True):
            self._fill(record, row)
        with _told(self._state):
            self._records.write(records.tobytes())
            self._records.flush()
            state = {"settings": self._settings, "rows": self.rows + len(rows), "follower": self.follower.state()}
            with files.replacing(self._state, inputs=(), error=DataError) as partial:
                partial.write_text(json.dumps(state), encoding="utf-8")
        self.rows += len(rows)

    def __iter__(self) -> Iterator[list[Row]]:
        """The rows in their order, `PART` at a time."""
        for start in range(0, self.rows, PART):
            yield [self._row(record) for record in self._read(start, PART)]

    def faces(self) -> dict[int, "Faces"]:
        """All faces of each person."""
        places: dict[int, list[int]] = {}
        for start in range(0, self.rows, PART):
            records = self._read(start, PART)
            for place in np.flatnonzero(~np.isnan(records["score"])):
                places.setdefault(int(records["face"][place]), []).append(start + int(place))
        return {person: Faces(self, mine) for person, mine in places.items()}

    def crop(self, place: int) -> Crop:
        """The face of a row, without its pixels."""
        return slim(_face(self._read(place, 1)[0]))

    def close(self) -> None:
        """Leave it for the next run."""
        self._records.close()

    def _read(self, start: int, count: int) -> np.ndarray:
        self._records.seek(start * self._kind.itemsize)
        data = self._records.read(min(count, self.rows - start) * self._kind.itemsize)
        return np.frombuffer(data, self._kind)

    def _fill(self, record: Any, row: Row) -> None:
        record["frame"], record["time"], record["face"], record["size"] = row.frame, row.time, row.face, row.size
        if row.reading is None:
            record["score"] = np.nan
            return
        face = row.reading.face
        record["box"], record["score"], record["landmarks"] = face.box, face.score, face.landmarks
        record["aus"], record["angles"] = row.reading.aus.values, row.reading.angles
        record["emotions"] = [row.reading.emotions.get(name, np.nan) for name in EMOTIONS]
        record["spread"] = [row.reading.spread.get(axis, np.nan) for axis in AXES]
        record["presence"] = np.reshape([row.reading.presence.get(unit, _UNKNOWN) for unit in self._units], (-1, 3))

    def _row(self, record: Any) -> Row:
        width, height = record["size"].tolist()
        return Row(self._file, (width, height), self._reading(record), int(record["frame"]), float(record["time"]), int(record["face"]))

    def _reading(self, record: Any) -> Reading | None:
        if np.isnan(record["score"]):
            return None
        pitch, yaw, roll = record["angles"].tolist()
        presence = {unit: (float(p), bool(c), float(sd)) for unit, (p, c, sd) in zip(self._units, record["presence"], strict=True)}
        return Reading(
            _face(record),
            AUVector(record["aus"]),
            _known(EMOTIONS, record["emotions"]),
            (pitch, yaw, roll),
            {unit: Presence(*told) for unit, told in presence.items() if not np.isnan(told[0])},
            _known(AXES, record["spread"]),
        )


_UNKNOWN = Presence(np.nan, present=False)


def _record(units: int) -> np.dtype:
    """A row on disk; `score` is NaN where the picture has no face, other numbers where a reader does not tell them."""
    return np.dtype(
        [
            ("frame", "i8"), ("time", "f8"), ("face", "i8"), ("size", "i8", 2), ("box", "f8", 4), ("score", "f8"),
            ("landmarks", "f4", (468, 3)), ("aus", "f8", len(AXES)), ("angles", "f8", 3), ("emotions", "f8", len(EMOTIONS)),
            ("spread", "f8", len(AXES)), ("presence", "f8", (units, 3)),
        ]
    )  # fmt: skip


def _known(names: Sequence[str] | Mapping[str, Any], values: np.ndarray) -> dict[str, float]:
    return {name: value for name, value in zip(names, values.tolist(), strict=True) if not np.isnan(value)}


def _face(record: Any) -> Face:
    x, y, width, height = record["box"].tolist()
    return Face((x, y, width, height), float(record["score"]), record["landmarks"])


class Faces(Sequence[Crop]):
    """The faces of one person in a spool, without their pixels; each is taken from the disk when it is asked for."""

    def __init__(self, spool: Spool, places: Sequence[int]) -> None:
        self._spool, self._places = spool, places

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> Crop: ...
    @overload
    def __getitem__(self, index: slice) -> list[Crop]: ...
    def __getitem__(self, index: int | slice) -> Crop | list[Crop]:
        if isinstance(index, slice):
            return [self._spool.crop(place) for place in self._places[index]]
        return self._spool.crop(self._places[index])


@contextmanager
def temporary(clip: Clip, reader: Reader) -> Generator[Spool]:
    """A spool that is gone when it is left."""
    with TemporaryDirectory(prefix="mien-") as folder:
        spool = Spool(Path(folder) / "video", clip.file, reader, {})
        try:
            yield spool
        finally:
            spool.close()


@contextmanager
def beside(out: Path, tell: Callable[[str], None]) -> Generator[Open]:
    """Opens spools in a folder beside the table `out`, ``faces.parquet.partial``, where they stay until the block ends well.

    `tell` is told in a line when a video goes on, when it is read anew though it had been begun, and how to go on after an interruption.
    """
    folder = out.expanduser().with_name(f"{out.name}.partial")

    @contextmanager
    def opened(clip: Clip, reader: Reader) -> Generator[Spool]:
        spool = Spool(folder / _name(clip.file), clip.file, reader, _settings(clip, reader))
        if spool.changed:
            tell(f"{clip.file}: is read anew: {' and '.join(spool.changed)} changed since it was begun")
        elif spool.rows:
            tell(f"{clip.file}: goes on after the {spool.follower.frames} frames in {folder}")
        try:
            yield spool
        finally:
            spool.close()

    try:
        yield opened
    except KeyboardInterrupt:
        if any(folder.glob(f"*{_STATE}")):
            tell(f"{folder} has what was read of videos: the same command goes on")
        raise
    for suffix in (_ROWS, _STATE):
        for path in folder.glob(f"*{suffix}"):
            path.unlink()
    with suppress(OSError):  # something else is in it, or it was never made
        folder.rmdir()


def _name(file: str) -> str:
    """What the spool of a video is called, another for each path."""
    return f"{Path(file).stem[:40]}.{hashlib.sha256(file.encode('utf-8', 'surrogateescape')).hexdigest()[:8]}"


def rests_on(reader: Reader) -> list[Path]:
    """The files that what is read rests on: the list of those that ship, the reader's own, and a detector that was fetched."""
    members = reader.members if isinstance(reader, EnsembleReader) else (reader,)
    fetched = artefacts.installed("yunet")
    own = [member.path for member in members if isinstance(member, WeightedReader)]
    return [weights.assets() / "SHA256SUMS", *own, *([fetched] if fetched else [])]


def _settings(clip: Clip, reader: Reader) -> Settings:
    """What rows rest on, by the name that a user is told when it changed."""
    sums = " ".join(digest(path) for path in rests_on(reader))
    return {"the video": stamp_of(clip.file), "the reader": reader.name, "its weights": sums, "mien": mien.__version__}


@contextmanager
def _told(path: Path) -> Generator[None]:
    """An error of the disk as what the user can do about it."""
    try:
        yield
    except OSError as problem:
        raise DataError(f"{path} cannot be written: {problem.strerror or problem}") from problem
