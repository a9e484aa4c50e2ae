"""``mien read -o FOLDER``: many photos and videos into Parquet shards."""

from collections.abc import Sequence
from pathlib import Path

from mien.cli.console import progress, say
from mien.cli.words import end_with

_TOLD = 10  # failures


def read_shards(
    paths: Sequence[str],
    folder: Path,
    *,
    reader: str,
    weights: Path | None,
    columns: str,
    workers: int | None,
    ray: bool,
    size: int | None,
) -> None:
    """Read all into the shards of a folder, and say what it holds."""
    from mien.api import crews
    from mien.api.corpus import SHARD, Corpus, read_corpus
    from mien.api.sources import Failure, clips
    from mien.data.shardfolder import FAILURES
    from mien.errors import MienError

    if ray:
        crews.check_ray()
    corpus = Corpus(folder, reader, columns, weights)
    corpus.check()
    missing = list[Failure]()
    inputs = clips(paths, missing)
    crew = crews.on_ray if ray else crews.in_processes
    with progress("reading", len(inputs)) as tick:
        total = read_corpus(inputs, corpus, crew=crew, workers=workers, size=size or SHARD, missing=missing, on_inputs=tick)
    say(f"{folder}: {total.faces} faces in {total.pictures} pictures of {total.inputs - len(total.failures) + len(missing)} inputs")
    failures = [Failure(file, MienError(why)) for file, why in total.failures.items()]
    end_with(failures, done=total.inputs + len(missing) - len(failures), most=_TOLD, listed=folder / FAILURES)
