"""``mien read``."""

from pathlib import Path
from typing import Annotated

import typer

from mien import registry
from mien.cli.shards import read_shards
from mien.cli.words import Paths, named
from mien.errors import UsageError

_OUT = "Write the whole table: .csv, .parquet or .json; or, for many, a folder of Parquet shards."
_PLOT = "Draw what was read of each photo and video into this folder, and where a network sees it."


def read(
    paths: Paths,
    *,
    reader: Annotated[str, typer.Option(help="The reader that measures.")] = registry.READER,
    weights: Annotated[Path | None, typer.Option(metavar="FILE", help="Weights of the reader's network; else those that are here.")] = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", callback=named, help=_OUT)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole table as one JSON document.")] = False,
    plot: Annotated[Path | None, typer.Option(metavar="DIR", help=_PLOT)] = None,
    columns: Annotated[str, typer.Option(help="Whose columns: mien, openface or pyfeat.")] = "mien",
    workers: Annotated[int | None, typer.Option(min=1, help="Shards: how many processes read; all processors if not given.")] = None,
    ray: Annotated[bool, typer.Option("--ray", help="Shards: Ray Data reads, here or on the cluster of RAY_ADDRESS.")] = False,
    shard: Annotated[int | None, typer.Option(min=1, help="Shards: pictures in each; 512 if not given.")] = None,
) -> None:
    """Read faces: box, pose, landmarks, action units 0..5 or how likely they are, emotions. One row for each face."""
    weights = weights.expanduser() if weights else None
    if (folder := _folder(out, ray or bool(workers or shard), as_json or plot is not None)) is not None:
        read_shards(paths, folder, reader=reader, weights=weights, columns=columns, workers=workers, ray=ray, size=shard)
        return
    from mien.cli.table import read_table

    read_table(paths, registry.reader(reader, weights=weights), columns=columns, out=out, as_json=as_json, plot=plot)


def _folder(out: Path | None, for_shards: bool, for_table: bool) -> Path | None:
    """`out` where it names a folder, for shards; raises `UsageError` where other options want something else."""
    folder = out if out is not None and (out.is_dir() or not out.suffix) else None
    if for_shards and folder is None:
        raise UsageError("--ray, --workers and --shard write Parquet shards into a folder: name it with -o, as in -o shards/")
    if for_table and folder is not None:
        raise UsageError(f"--json and --plot go with one table, {out} is a folder of shards: leave them out, or let -o name a file")
    return folder
