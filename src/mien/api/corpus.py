"""Read a corpus, as large as it may be, into a folder of Parquet shards."""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import pandas as pd

import mien
from mien import registry, tables
from mien.api.crews import Crew, in_processes
from mien.api.reading import batches, read_each
from mien.api.sources import Clip, Failure, clips, stamp_of
from mien.api.spooling import rests_on
from mien.artefacts import digest
from mien.data.shardfolder import Input, Shard, ShardFolder, Tally, check_target
from mien.errors import MienError, UsageError
from mien.protocols import Reader
from mien.tables import Row

SHARD = 512  #: pictures
_FRAME = 20_000  # bytes: about what a frame of a video takes on disk
_DEATHS = 3  # of processes at one input, after which it is given up


@dataclass(frozen=True)
class Corpus:
    """Where the shards go, and what each process that fills them is told."""

    folder: Path
    reader: str = registry.READER
    columns: str = "mien"
    weights: Path | None = None  #: of the reader; None: those that are here

    def built(self) -> Reader:
        """The reader; raises `UsageError` and `WeightsError` as `registry.reader`."""
        return registry.reader(self.reader, weights=self.weights)

    def check(self) -> None:
        """Raise the `UsageError`, `WeightsError` or `DataError` that filling it would raise, before the long work."""
        if not {"file", "input"} & set(tables.table([], self.columns).columns):
            raise UsageError(f"the columns of {self.columns} do not say which file a row is of: shards have those of mien or pyfeat")
        self.built()
        check_target(self.folder)

    def anywhere(self) -> "Corpus":
        """The same for processes of which nobody knows where they work."""
        return replace(self, folder=_absolute(self.folder), weights=self.weights and _absolute(self.weights))


def read_corpus(
    inputs: Sequence[Clip],
    corpus: Corpus,
    *,
    crew: Crew = in_processes,
    workers: int | None = None,
    size: int = SHARD,
    missing: Sequence[Failure] = (),
    on_inputs: Callable[[int], None] = lambda _: None,
) -> Tally:
    """Read photos and videos into the shards of `corpus`, each of about `size` pictures; what the folder holds when all are done.

    The rows are those of `mien.read`, each file's together. A run that was stopped, however hard, goes on when it is started again and
    takes up what is new; what changed is read anew. The files are the same, byte for byte, whichever `crew` of how many `workers` fills
    them. What cannot be read is told in the tally's `failures`, after the `missing` that got into no shard. `on_inputs` is told of inputs
    as they are done. Raises `DataError` where the folder cannot take the shards.
    """
    corpus.check()
    named = [Input(clip.file, stamp_of(clip.file), _pictures(clip)) for clip in {clip.file: clip for clip in inputs}.values()]
    measured = {"reader": corpus.reader, "weights": " ".join(digest(path)[:12] for path in rests_on(corpus.built()))}
    settings = {"made by": f"mien {mien.__version__}", **measured, "columns": corpus.columns}
    with closing(ShardFolder(corpus.folder.expanduser(), settings)) as folder:
        shards = {shard.number: shard for shard in folder.plan(named, size)}
        on_inputs(len({each.file for each in named} - {file for shard in shards.values() for file in shard.stamps}))
        build = partial(ShardReader, corpus.anywhere(), str(Path.cwd()))
        tasks = [json.dumps({"number": shard.number, "files": list(shard.stamps)}) for shard in shards.values()]
        for result in crew(build, tasks, workers) if tasks else ():
            number, tally = json.loads(result)
            folder.commit(shards[number], Tally(**tally))
            on_inputs(len(shards[number].stamps))
        return folder.finish({failure.file: str(failure.error) for failure in missing})


def _absolute(path: Path) -> Path:
    return path.expanduser().absolute()


def _pictures(clip: Clip) -> int:
    """About how many pictures an input has; nothing is opened."""
    path = Path(clip.file).expanduser()
    return 1 + path.stat().st_size // _FRAME if clip.is_video and path.exists() else 1


class ShardReader:
    """Reads the inputs of shards, one shard after the other; the reader's models are loaded once."""

    def __init__(self, corpus: Corpus, here: str) -> None:
        """`here` is the folder that the names of inputs start from. The process is set to work there, on one thread."""
        import cv2
        import torch

        os.chdir(here)
        torch.set_num_threads(1)
        cv2.setNumThreads(1)
        self._corpus, self._reader = corpus, corpus.built()

    def __call__(self, task: str) -> str:
        """Write a shard; its number and tally, as JSON."""
        asked = json.loads(task)
        shard = Shard(asked["number"], dict.fromkeys(asked["files"], ""))
        pictures, rows, faces = 0, 0, 0
        failures = list[Failure]()
        trail = Trail(self._corpus.folder / f".{shard.name}.trail")
        with tables.writing(self._corpus.folder / shard.name, self._table([])) as write:
            for part in batches(_rows(trail.along(clips(list(shard.stamps), failures), failures), self._reader, failures)):
                write(self._table(part))
                pictures += len({(row.file, row.frame) for row in part})
                rows += len(part)
                faces += sum(row.reading is not None for row in part)
        trail.end()
        told = {failure.file: str(failure.error) for failure in failures}
        return json.dumps([shard.number, asdict(Tally(len(shard.stamps), pictures, rows, faces, told))])

    def _table(self, rows: Sequence[Row]) -> pd.DataFrame:
        return tables.table(rows, self._corpus.columns, self._reader)


def _rows(inputs: Iterable[Clip], reader: Reader, failures: list[Failure]) -> Iterator[list[Row]]:
    """The rows of one input after the other. No input, whatever is wrong with it, ends the work on the others."""
    for clip in inputs:
        try:
            clip.file.encode()
            yield from read_each([clip], reader, failures)
        except UnicodeEncodeError:
            failures.append(Failure(clip.file, MienError(f"{clip.file!r}: the name of the file is not UTF-8: rename it")))
        except Exception as error:
            why = f"{clip.file}: this is a bug of mien: {type(error).__name__}: {error}"
            failures.append(Failure(clip.file, MienError(why)))


class Trail:
    """Where a process is within a shard, on disk: the one that comes after its death does not die at the same input for ever."""

    def __init__(self, path: Path) -> None:
        """Take up the trail of the one that died, if any did."""
        self._path = path
        self._deaths = dict[str, int]()
        try:
            left = json.loads(path.read_text())
        except (OSError, ValueError):  # nobody died, or while writing this
            return
        self._deaths = left["deaths"]
        self._deaths[left["at"]] = self._deaths.get(left["at"], 0) + 1

    def along(self, inputs: Iterable[Clip], failures: list[Failure]) -> Iterator[Clip]:
        """The inputs; those at which too many have died are put into `failures` instead."""
        for clip in inputs:
            if self._deaths.get(clip.file, 0) >= _DEATHS:
                why = f"{clip.file}: {_DEATHS} processes died when they read it; is there too little memory?"
                failures.append(Failure(clip.file, MienError(why)))
                continue
            self._path.write_text(json.dumps({"at": clip.file, "deaths": self._deaths}))
            yield clip

    def end(self) -> None:
        """The shard is done."""
        self._path.unlink(missing_ok=True)
