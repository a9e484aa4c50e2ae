"""Action units as a command line names them: ``1,2,12``."""

import re
from collections.abc import Sequence

from mien import aus
from mien.errors import UsageError, one_of


def named(words: str, allowed: Sequence[int]) -> tuple[int, ...]:
    """Those of the `allowed` units that ``1,2,12`` or ``AU01 AU12`` names, in their own order; all of them when it names none.

    Raises `UsageError` for a name that is not of one of them.
    """
    columns = {aus.column(unit): unit for unit in allowed}
    told: set[int] = set()
    for word in re.findall(r"[^\s,]+", words):
        number = re.fullmatch(r"(?i:AU)?(\d+)", word)
        name = aus.column(int(number[1])) if number else word
        if name not in columns:
            raise UsageError(f"--aus: {one_of(name, columns)}")
        told.add(columns[name])
    return tuple(unit for unit in allowed if not told or unit in told)
