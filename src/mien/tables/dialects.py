"""Whose columns a table has."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import pandas as pd

from mien.errors import UsageError, one_of
from mien.protocols import Reader
from mien.tables import openface, own, pyfeat
from mien.tables.own import Row

DIALECTS: Mapping[str, Callable[[Sequence[Row], Reader | None], pd.DataFrame]] = {
    "mien": own.frame_of,
    "openface": lambda rows, _: openface.frame_of(rows),
    "pyfeat": lambda rows, _: pyfeat.frame_of(rows),
}


def table(rows: Iterable[Row], columns: str = "mien", reader: Reader | None = None) -> pd.DataFrame:
    """The rows as a table with the columns of `columns`, one of `DIALECTS`; raises `UsageError` for another name.

    The `reader` they come from decides which columns mien's table has, whatever was found; without it, there are those of every reader.
    """
    if columns not in DIALECTS:
        raise UsageError(f"columns {one_of(columns, DIALECTS)}")
    return DIALECTS[columns](list(rows), reader)
