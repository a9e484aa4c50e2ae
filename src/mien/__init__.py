"""mien: read, edit, capture and animate facial expression in one language, FACS action units.

>>> import mien
>>> sorted(mien.__all__)
['AUShift', 'AUVector', 'EditResult', 'Head', 'MienError', '__version__', 'animate', 'capture', 'edit', 'generate', 'read']

The verbs are imported when first used, so that ``import mien`` costs next to nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mien.api.animating import animate
    from mien.api.capturing import capture
    from mien.api.editing import EditResult, edit
    from mien.api.generating import generate
    from mien.api.reading import read
    from mien.aus import AUShift, AUVector
    from mien.errors import MienError
    from mien.export import Head

__version__ = "0.1.0"

_HOME = {
    "read": "mien.api.reading",
    "edit": "mien.api.editing",
    "animate": "mien.api.animating",
    "capture": "mien.api.capturing",
    "generate": "mien.api.generating",
    "EditResult": "mien.api.editing",
    "Head": "mien.export",
    "AUShift": "mien.aus",
    "AUVector": "mien.aus",
    "MienError": "mien.errors",
}

__all__ = ["AUShift", "AUVector", "EditResult", "Head", "MienError", "__version__", "animate", "capture", "edit", "generate", "read"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'mien' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
