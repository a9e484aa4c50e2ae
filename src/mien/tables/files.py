"""Tables as files: CSV, Parquet and JSON, written part by part."""

import importlib.util
import json
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from mien import files
from mien.errors import DataError, one_of

_SUFFIXES = (".csv", ".parquet", ".json")
#: Spreadsheets run a cell that begins like this as a formula (OWASP, "CSV injection").
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_DIGITS = 7  # significant digits: a micrometre in a picture of ten metres

Append = Callable[[pd.DataFrame], None]


def harmless(text: object) -> object:
    """The text with an apostrophe before it where a spreadsheet would run it: ``=cmd()`` becomes ``'=cmd()``."""
    return f"'{text}" if isinstance(text, str) and text.startswith(_FORMULA) else text


def to_json(table: pd.DataFrame) -> str:
    """The table as one JSON document: a list with an object for each row; null where nothing was measured."""
    rows = json.loads(str(table.to_json(orient="records", double_precision=6)))
    return json.dumps(rows, ensure_ascii=False, indent=1)


def check_target(path: Path, inputs: Iterable[Path] = ()) -> None:
    """Raise the `DataError` that `write` would raise for this name, before anything is done."""
    kind = path.suffix.lower()
    if kind not in _SUFFIXES:
        raise DataError(f"cannot write a table to {path.name}: its suffix {one_of(kind, _SUFFIXES)}")
    if kind == ".parquet" and importlib.util.find_spec("pyarrow") is None:
        raise DataError(f"{path.name} needs pyarrow, which is not installed: pip install 'mien[parquet]', or write .csv")
    files.target(path, inputs=inputs, error=DataError)


def write(table: pd.DataFrame, path: Path | str, *, inputs: Iterable[Path] = ()) -> Path:
    """Write a whole table, as `writing` does its parts."""
    with writing(path, table.head(0), inputs=inputs) as append:
        append(table)
    return Path(path)


@contextmanager
def writing(path: Path | str, empty: pd.DataFrame, *, inputs: Iterable[Path] = ()) -> Generator[Append]:
    """Write tables with the columns of `empty`, one below the other, as .csv, .parquet or .json, by the suffix, over none of the files
    `inputs`; the file appears whole when the block ends well, or not at all. In Parquet each part is a row group.

    In CSV, text that a spreadsheet would run as a formula gets an apostrophe in front. Raises `DataError` for
    another suffix, when the folder cannot be written, and when pyarrow is not installed and Parquet is asked for.
    """
    path, inputs = Path(path), list(inputs)
    check_target(path, inputs)
    kinds = {".csv": _csv, ".parquet": _parquet, ".json": _json}
    with files.replacing(path, inputs=inputs, error=DataError) as partial, kinds[path.suffix.lower()](partial, empty) as append:
        yield append


@contextmanager
def _csv(path: Path, empty: pd.DataFrame) -> Generator[Append]:
    with path.open("w", encoding="utf-8", newline="") as file:
        empty.to_csv(file, index=False)

        def append(table: pd.DataFrame) -> None:
            if not len(table):
                return
            text = table.apply(lambda column: column if pd.api.types.is_numeric_dtype(column) else column.map(harmless))
            text.to_csv(file, index=False, header=False, float_format=f"%.{_DIGITS}g")

        yield append


@contextmanager
def _parquet(path: Path, empty: pd.DataFrame) -> Generator[Append]:
    import pyarrow as pa
    from pyarrow import parquet

    schema: Any = pa.schema([(name, _kind(pa, dtype)) for name, dtype in empty.dtypes.items()])
    with parquet.ParquetWriter(path, schema) as writer:
        yield lambda table: writer.write_table(pa.Table.from_pandas(table, schema, preserve_index=False))


def _kind(pa: Any, dtype: Any) -> Any:
    """The type of a column as Arrow has it; what is no number is text."""
    return pa.from_numpy_dtype(dtype) if pd.api.types.is_numeric_dtype(dtype) else pa.string()


@contextmanager
def _json(path: Path, _: pd.DataFrame) -> Generator[Append]:
    with path.open("w", encoding="utf-8") as file:
        file.write("[")

        def append(table: pd.DataFrame) -> None:
            if len(table):
                file.write(("," if file.tell() > 1 else "") + to_json(table)[1:-2])

        yield append
        file.write("\n]\n" if file.tell() > 1 else "]\n")
