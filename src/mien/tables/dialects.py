"""Whose columns a table has."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import pandas as pd

from mien.errors import UsageError, one_of
from mien.tables import openface, own, pyfeat
from mien.tables.own import Row

DIALECTS: Mapping[str, Callable[[Sequence[Row]], pd.DataFrame]] = {
    "mien": own.frame_of,
    "openface": openface.frame_of,
    "pyfeat": pyfeat.frame_of,
}


def table(rows: Iterable[Row], columns: str = "mien") -> pd.DataFrame:
    """The rows as a table with the columns of `columns`, one of `DIALECTS`; raises `UsageError` for another name."""
    if columns not in DIALECTS:
        raise UsageError(f"columns {one_of(columns, DIALECTS)}")
    return DIALECTS[columns](list(rows))
