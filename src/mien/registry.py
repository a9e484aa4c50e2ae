"""Engines, readers, captures and generators by name: a module ``mien.engines.NAME`` with a function `build` is the engine NAME."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

from mien.errors import UsageError, one_of
from mien.protocols import Capture, Engine, Generator, Reader

Kind = Literal["engines", "readers", "captures", "generators", "recipes"]
ENGINE, READER, CAPTURE = "mesh", "geometry", "fit"  #: what is meant when nothing is said


def names(kind: Kind) -> list[str]:
    """What there is of a kind, in alphabetical order; nothing of it is imported."""
    package = importlib.import_module(f"mien.{kind}")
    return sorted(module.name for module in pkgutil.iter_modules(package.__path__) if not module.name.startswith("_"))


def _builder(kind: Kind, name: str) -> Callable[..., Any]:
    if name not in names(kind):
        raise UsageError(f"{kind.removesuffix('s')} {one_of(name, names(kind))}")
    return importlib.import_module(f"mien.{kind}.{name}").build


def engine(name: str, **options: Any) -> Engine[Any]:
    """The engine of that name with its bundled weights; options that are None are not given.

    Raises `UsageError` when there is none, or when it has no such option, and `WeightsError` when it has no weights.
    """
    return _built("engines", name, _given(options))


def reader(name: str, **options: Any) -> Reader:
    """The reader of that name with the weights that are here; ``weights=Path(...)`` names others. Options that are None are not given.

    Raises `UsageError` when there is none, or when it has no such option, and `WeightsError` when it has no weights.
    """
    return _built("readers", name, _given(options))


def _given(options: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple((option, value) for option, value in options.items() if value is not None)


@cache
def _built(kind: Kind, name: str, given: tuple[tuple[str, Any], ...]) -> Any:
    build = _builder(kind, name)
    has = inspect.signature(build).parameters
    for option, _ in given:
        if option not in has:
            told = f"it has {', '.join(has)}" if has else "it has no options"
            raise UsageError(f"the {kind.removesuffix('s')} {name} has no {option}; {told}")
    return build(**dict(given))


@cache
def capture(name: str) -> Capture:
    """The capture of that name with its bundled weights; raises `UsageError` when there is none."""
    return _builder("captures", name)()


def generator(name: str, path: Path | None = None) -> Generator:
    """The generator of that name, with the weights of a file or those that are here.

    Raises `UsageError` when there is none of that name, `WeightsError` when there are no weights for it.
    """
    return _builder("generators", name)(path)
