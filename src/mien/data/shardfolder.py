"""A folder of Parquet shards that many processes fill, stopped at any moment and gone on with by the next run.

======================  ==========================================================================================================
`shard-000000.parquet`  the rows of some hundred inputs; each appears whole or not at all
`_manifest.json`        there once all are read: each shard's inputs, pictures, rows, faces, failures, bytes and SHA-256, and the sums
`_failures.csv`         the inputs that could not be read, and why
`_ledger.tar`           which versions of which inputs are in which shard
======================  ==========================================================================================================

Arrow, Spark, Dask and Ray pass over names that begin with ``_`` or ``.``: to them the folder is one table.
"""

import importlib.util
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from mien import files, tables
from mien.artefacts import digest
from mien.data.ledger import Ledger, Record
from mien.errors import DataError

MANIFEST, FAILURES, LEDGER = "_manifest.json", "_failures.csv", "_ledger.tar"


@dataclass(frozen=True)
class Input:
    """One picture or video to be read."""

    file: str
    stamp: str  #: of its version
    pictures: int  #: about how many it has


@dataclass(frozen=True)
class Shard:
    """Inputs whose rows go into one file."""

    number: int
    stamps: Mapping[str, str]  #: input -> version

    @property
    def name(self) -> str:
        """The name of its file."""
        return f"shard-{self.number:06d}.parquet"


@dataclass(frozen=True)
class Tally:
    """What one shard, or all of them, hold; the numbers are the same whoever did the work."""

    inputs: int
    pictures: int
    rows: int
    faces: int
    failures: Mapping[str, str]  #: input -> why


class ShardFolder:
    """The folder of one run, which may be continued by the next one with the same settings."""

    def __init__(self, path: Path, settings: Mapping[str, str]) -> None:
        """Open or begin it. Raises `DataError` for a folder of other things, of other settings, or that another run is filling."""
        check_target(path)
        self._path, self._settings = path, settings
        self._ledger = Ledger(path / LEDGER, json.dumps(settings))
        self._clear()

    def _clear(self) -> None:
        """Delete what processes that died were writing."""
        for left in self._path.glob(".shard-*"):
            with suppress(OSError):
                left.unlink()

    def plan(self, inputs: Sequence[Input], size: int) -> list[Shard]:
        """The shards that are to be read, each of about `size` pictures.

        First those that are gone, and those of which an input has changed since, under their old names; then new ones for the inputs
        that are in none. The rows of inputs that are no longer there, or not asked for this time, stay.
        """
        now = {each.file: each.stamp for each in inputs}
        known, again = dict[str, str](), list[Shard]()
        for record in self._ledger.records:
            before = self._inputs(record)
            known |= before
            shard = Shard(_number(record), {file: now.get(file) or stamp for file, stamp in before.items()})
            if shard.stamps != before or not self._whole(record):
                again.append(shard)
        fresh = _grouped([each for each in inputs if each.file not in known], size)
        first = max((_number(record) + 1 for record in self._ledger.records), default=0)
        work = again + [Shard(number, {each.file: each.stamp for each in part}) for number, part in enumerate(fresh, first)]
        if work:
            (self._path / MANIFEST).unlink(missing_ok=True)  # it says that all is there
        return work

    def _inputs(self, record: Record) -> dict[str, str]:
        return json.loads(self._ledger.read(record.pictures["inputs.json"]))

    def _whole(self, record: Record) -> bool:
        path = self._path / record.name
        return path.is_file() and path.stat().st_size == json.loads(record.text)["bytes"]

    def commit(self, shard: Shard, tally: Tally) -> None:
        """The file of a shard is there: from now on it is done."""
        path = self._path / shard.name
        text = json.dumps({**asdict(tally), "bytes": path.stat().st_size})
        with self._ledger.entry(shard.name, digest(path)) as entry:
            entry.add("inputs.json", json.dumps(dict(shard.stamps)).encode())
            entry.commit(text)

    def finish(self, elsewhere: Mapping[str, str]) -> Tally:
        """Write the list of failures, with those that got into no shard, and the manifest; what all shards together hold."""
        self._clear()
        shards = [json.loads(record.text) for record in self._ledger.records]
        failures = dict(elsewhere) | {file: why for shard in shards for file, why in shard["failures"].items()}
        lines = [(_printable(file), _printable(why)) for file, why in failures.items()]
        tables.write(pd.DataFrame(lines, columns=["file", "why"]), self._path / FAILURES)
        about = [
            {"file": record.name, **shard, "failures": len(shard["failures"]), "sha256": record.stamp}
            for record, shard in zip(self._ledger.records, shards, strict=True)
        ]
        sums = {key: sum(int(shard[key]) for shard in shards) for key in ("inputs", "pictures", "rows", "faces")}
        total = {"shards": len(about), **sums, "failures": len(failures)}
        text = json.dumps({**self._settings, "total": total, "shards": about}, indent=1)
        with files.replacing(self._path / MANIFEST, inputs=(), error=DataError) as partial:
            partial.write_text(text + "\n", encoding="utf-8")
        return Tally(**sums, failures=failures)

    def close(self) -> None:
        """Leave it for the next run."""
        self._ledger.close()


def check_target(path: Path) -> None:
    """Raise the `DataError` that opening the folder would raise, without making it."""
    if importlib.util.find_spec("pyarrow") is None:
        raise DataError("shards need pyarrow, which is not installed: pip install 'mien[parquet]', or write one .csv file")
    if path.is_dir() and any(path.iterdir()) and not (path / LEDGER).is_file():
        raise DataError(f"{path} has other things in it: name a new or empty folder for the shards, or one that an earlier run left")
    files.target(path / LEDGER, inputs=(), error=DataError)


def _number(record: Record) -> int:
    return int(record.name.removeprefix("shard-").removesuffix(".parquet"))


def _grouped(inputs: Sequence[Input], size: int) -> list[list[Input]]:
    """The inputs in their order, in groups that are full once they have `size` pictures."""
    groups, pictures = list[list[Input]](), size
    for each in inputs:
        if pictures >= size:
            groups.append([])
            pictures = 0
        groups[-1].append(each)
        pictures += each.pictures
    return groups


def _printable(text: str) -> str:
    r"""The text with bytes of file names that are no UTF-8 as ``\udcff``."""
    return text.encode("utf-8", "backslashreplace").decode()
