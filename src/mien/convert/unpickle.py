"""Reads pickles of arrays and tensors without trusting them: what they name is looked up in a table, never imported or called.

Allowed are plain containers, NumPy arrays and scalars, SciPy sparse matrices, torch tensors, stand-ins for chumpy objects, which come out
as the arrays they hold, and for objects that hold settings, which come out as dictionaries. Everything else in a pickle, such as a call of
``os.system``, is refused before it could act.
"""

import io
from pathlib import Path
from typing import Any

from mien.convert import torchfile
from mien.convert.builders import run
from mien.convert.machine import whole
from mien.convert.standins import finish
from mien.errors import WeightsError


def read(path: Path | str) -> Any:
    """What a pickle holds, chumpy objects as arrays; Python 2 text is read as latin1.

    Raises `WeightsError` for a missing or damaged file, and for a pickle that asks for anything off the list.
    """
    path = Path(path)
    if not path.is_file():
        raise WeightsError(f"no file at {path}")
    return loads(path.read_bytes(), str(path))


def loads(data: bytes, name: str) -> Any:
    """What the bytes of a pickle hold, as `read` gives it; raises `WeightsError` that begins with `name`."""
    with whole(name, "pickle"):
        return finish(run(io.BytesIO(data), persistent=_elsewhere, nested=torchfile.nested))


def _elsewhere(key: Any) -> Any:
    raise WeightsError("the pickle keeps its tensors elsewhere: import it as a torch checkpoint")
