"""The zip file of aligned faces: pictures, a table of what each shows, and how they were made.

``crops/*.png`` are the faces, ``faces.csv`` is a table in mien's columns and a few more (`OWN_COLUMNS`) with a row for each face,
``codes.npy`` says in as many rows whose face it is, and ``faces.json`` has the settings and a line for each input. Nothing is compressed
twice, and the same faces are the same bytes. `mien.data.sources` reads the pictures.
"""

import io
import json
import math
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from glob import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float32

from mien import files, tables
from mien.data.ledger import Ledger, Record
from mien.errors import DataError

TABLE, CODES, ABOUT = "faces.csv", "codes.npy", "faces.json"
CODE = "code_"  #: how the columns begin, of rows that are not written yet, which become ``codes.npy``
#: Where the crop is in the zip, "" for a picture without a face, and the affine map of its pixels to the photo's:
#: ``x = xx u + xy v + x0``, ``y = yx u + yy v + y0``.
OWN_COLUMNS = ("crop", "photo_xx", "photo_xy", "photo_x0", "photo_yx", "photo_yy", "photo_y0")
_WORDS = ("file", "crop")  # columns that are no numbers


@dataclass(frozen=True, eq=False)
class Finished:
    """The inputs that are in a zip file already; an empty one when there is no file."""

    path: Path
    inputs: Mapping[str, tuple[str, pd.DataFrame]]  #: the stamp and the rows of each file

    @staticmethod
    def of(path: Path, settings: Mapping[str, Any]) -> "Finished":
        """Open it; raises `DataError` when it is something else, or holds faces of other settings."""
        if not path.is_file():
            return Finished(path, {})
        try:
            with zipfile.ZipFile(path) as archive:
                about = json.loads(archive.read(ABOUT))
                with archive.open(TABLE) as file:
                    table = pd.read_csv(file, keep_default_na=False, na_values={c: [""] for c in tables.COLUMNS if c not in _WORDS})
                if CODES in archive.namelist():
                    table = pd.concat([table, code_columns(np.load(io.BytesIO(archive.read(CODES))))], axis=1)
            was = about["settings"]
            inputs, start = dict[str, tuple[str, pd.DataFrame]](), 0
            for entry in about["inputs"]:
                rows = table.iloc[start : start + entry["rows"]].assign(file=entry["file"])
                inputs[entry["file"]] = (entry["stamp"], rows)
                start += entry["rows"]
        except (zipfile.BadZipFile, KeyError, TypeError, ValueError) as problem:
            raise DataError(f"{path} is there and was not written by `mien data faces`: name another file, or delete it") from problem
        if was != settings:
            raise DataError(f"{path} holds faces of other settings ({_told(was)} instead of {_told(settings)}): name another file")
        return Finished(path, inputs)

    def has(self, file: str, stamp: str) -> bool:
        """Whether this version of a file is in it."""
        return file in self.inputs and self.inputs[file][0] == stamp


def _told(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in settings.items())


def write(before: Finished, ledger: Ledger, settings: Mapping[str, Any]) -> pd.DataFrame:
    """Put what is finished and what is in the ledger into one zip file, sorted by input; what is in both is taken from the ledger.

    Gives the whole table. The file appears whole or not at all; raises `DataError` when it cannot be written. Whoever holds the ledger
    is the only one who writes: half a file of an earlier run that was killed here is removed.
    """
    for stale in before.path.parent.glob(f".{escape(before.path.stem)}.{'[0-9a-f]' * 8}{before.path.suffix}"):
        stale.unlink()
    new = {record.name: record for record in ledger.records}
    inputs: list[dict[str, Any]] = []
    parts: list[pd.DataFrame] = []
    with files.replacing(before.path, inputs=(), error=DataError) as partial, zipfile.ZipFile(partial, "w") as archive:
        for file in sorted(before.inputs.keys() | new.keys()):
            stamp, rows = (new[file].stamp, rows_of(new[file])) if file in new else before.inputs[file]
            for name, data in _pictures(before, ledger, new.get(file), rows):
                archive.writestr(zipfile.ZipInfo(name), data)
            inputs.append({"file": file, "stamp": stamp, "rows": len(rows)})
            parts.append(rows)
        table = pd.concat(parts, ignore_index=True)
        codes = [name for name in table.columns if name.startswith(CODE)]
        archive.writestr(zipfile.ZipInfo(TABLE), _csv(table.drop(columns=codes)), compress_type=zipfile.ZIP_DEFLATED)
        if codes:
            archive.writestr(zipfile.ZipInfo(CODES), _npy(table[codes].to_numpy(np.float32)))
        about = json.dumps({"settings": dict(settings), "inputs": inputs}, ensure_ascii=False, indent=1)
        archive.writestr(zipfile.ZipInfo(ABOUT), about, compress_type=zipfile.ZIP_DEFLATED)
    return table


def _pictures(before: Finished, ledger: Ledger, record: Record | None, rows: pd.DataFrame) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of the crops of an input, from the ledger or from the file that was finished before."""
    if record is not None:
        yield from ((name, ledger.read(place)) for name, place in record.pictures.items())
        return
    with zipfile.ZipFile(before.path) as archive:
        yield from ((name, archive.read(name)) for name in rows["crop"] if name)


def code_columns(codes: Float32[np.ndarray, "n d"]) -> pd.DataFrame:
    """The codes of faces as columns of their rows; NaN where there is no face."""
    return pd.DataFrame(codes, columns=[f"{CODE}{i:03d}" for i in range(codes.shape[1])])


def text_of(rows: pd.DataFrame) -> str:
    """The rows of an input as the text of a `Record`."""
    return str(rows.to_json(orient="split", index=False, double_precision=12))


def rows_of(record: Record) -> pd.DataFrame:
    """The rows in the text of a `Record`."""
    told = json.loads(record.text)
    columns = zip(told["columns"], zip(*told["data"], strict=True), strict=True)
    return pd.DataFrame({name: column if name in _WORDS else [math.nan if v is None else v for v in column] for name, column in columns})


def _csv(table: pd.DataFrame) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return tables.write(table, Path(folder) / TABLE).read_bytes()


def _npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()
