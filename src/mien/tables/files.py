"""Tables as files: CSV, Parquet and JSON."""

import importlib.util
import json
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from mien import files
from mien.errors import DataError, one_of

_SUFFIXES = (".csv", ".parquet", ".json")
#: Spreadsheets run a cell that begins like this as a formula (OWASP, "CSV injection").
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_DIGITS = 7  # significant digits: a micrometre in a picture of ten metres


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
    """Write a table as .csv, .parquet or .json, by the suffix, over none of the files `inputs`; it appears whole or not at all.

    In CSV, text that a spreadsheet would run as a formula gets an apostrophe in front. Raises `DataError` for
    another suffix, when the folder cannot be written, and when pyarrow is not installed and Parquet is asked for.
    """
    path, inputs = Path(path), list(inputs)
    check_target(path, inputs)
    kind = path.suffix.lower()
    with files.replacing(path, inputs=inputs, error=DataError) as partial:
        if kind == ".csv":
            text = table.apply(lambda column: column if pd.api.types.is_numeric_dtype(column) else column.map(harmless))
            text.to_csv(partial, index=False, float_format=f"%.{_DIGITS}g")
        elif kind == ".parquet":
            table.to_parquet(partial, index=False)
        else:
            partial.write_text(to_json(table) + "\n", encoding="utf-8")
    return path
