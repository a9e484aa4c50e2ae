"""Tables as files: CSV, Parquet and JSON."""

import importlib.util
import json
from pathlib import Path

import pandas as pd

from mien import files
from mien.errors import DataError, UsageError, one_of

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


def write(table: pd.DataFrame, path: Path | str) -> Path:
    """Write a table as .csv, .parquet or .json, by the suffix; the file appears whole or not at all.

    In CSV, text that a spreadsheet would run as a formula gets an apostrophe in front. Raises `UsageError` for another suffix and
    `DataError` when the folder cannot be written, or when pyarrow is not installed and Parquet is asked for.
    """
    path = Path(path)
    kind = path.suffix.lower()
    if kind not in _SUFFIXES:
        raise UsageError(f"cannot write a table to {path.name}: its suffix {one_of(kind, _SUFFIXES)}")
    if kind == ".parquet" and importlib.util.find_spec("pyarrow") is None:
        raise DataError(f"{path.name} needs pyarrow, which is not installed: pip install 'mien[parquet]', or write .csv")
    with files.replacing(path, inputs=(), error=DataError) as partial:
        if kind == ".csv":
            text = table.apply(lambda column: column if pd.api.types.is_numeric_dtype(column) else column.map(harmless))
            text.to_csv(partial, index=False, float_format=f"%.{_DIGITS}g")
        elif kind == ".parquet":
            table.to_parquet(partial, index=False)
        else:
            partial.write_text(to_json(table) + "\n", encoding="utf-8")
    return path
