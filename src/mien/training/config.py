"""A recipe's options as a frozen dataclass: their notes, and TOML files that say the same.

A field is documented by the string under it. A field that is itself a dataclass, such as `RunOptions`, is a group: its fields count as
the recipe's own, on the command line and in files.
"""

import ast
import dataclasses
import inspect
import itertools
import json
import textwrap
import tomllib
import types
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

from mien.errors import UsageError, one_of
from mien.training.limits import limits_of

C = TypeVar("C")


@dataclasses.dataclass(frozen=True)
class Option:
    """One field of a configuration or of a group in it."""

    name: str
    hint: Any  #: its type
    default: Any  #: `dataclasses.MISSING` when it must be given
    note: str
    group: str | None  #: the field of the configuration that holds it; None for its own


def options(config: type[Any]) -> list[Option]:
    """All options of a configuration, its own first."""
    own: list[Option] = []
    grouped: list[Option] = []
    hints, notes, limits = typing.get_type_hints(config), field_notes(config), limits_of(config)
    for field in dataclasses.fields(config):
        hint = hints[field.name]
        if dataclasses.is_dataclass(hint):
            start = field.default_factory() if field.default_factory is not dataclasses.MISSING else field.default
            grouped += [dataclasses.replace(o, default=getattr(start, o.name), group=field.name) for o in options(cast(type[Any], hint))]
        else:
            note = notes.get(field.name, "")
            if field.name in limits:
                note = f"{note.removesuffix('.')} ({limits[field.name]})."
            own.append(Option(field.name, hint, field.default, note, None))
    return own + grouped


def build(config: type[C], values: Mapping[str, Any]) -> C:
    """The configuration with these values; what is not given keeps its default."""
    own: dict[str, Any] = {}
    groups: dict[str, dict[str, Any]] = {}
    for option in options(config):
        where = own if option.group is None else groups.setdefault(option.group, {})
        if option.name in values:
            where[option.name] = values[option.name]
        elif option.group is not None:
            where[option.name] = option.default
    hints = typing.get_type_hints(config)
    return config(**own, **{name: hints[name](**inside) for name, inside in groups.items()})


def flat(config: Any) -> dict[str, Any]:
    """The values of all options by name."""
    found: dict[str, Any] = {}
    for option in options(type(config)):
        found[option.name] = getattr(config if option.group is None else getattr(config, option.group), option.name)
    return found


def to_toml(config: Any, *, heading: str = "", folders: bool = True) -> str:
    """The configuration as a TOML document, each option under its note; those that are None are left out.

    A JSON string, number, truth or list is the same in TOML. Without `folders` paths are left out too: weights go to strangers, who need
    not know where things lay.
    """
    values = flat(config)
    lines = [f"# {heading}", ""] if heading else []
    for option in options(type(config)):
        value = values[option.name]
        if value is not None and (folders or not _names_folders(value)):
            lines += [f"# {line}" for line in option.note.splitlines()]
            lines.append(f"{option.name} = {json.dumps(value, default=str)}")
    return "\n".join(lines) + "\n"


def _names_folders(value: Any) -> bool:
    return isinstance(value, Path) or (isinstance(value, list | tuple) and any(isinstance(part, Path) for part in value))


def from_toml(config: type[Any], path: Path) -> dict[str, Any]:
    """The values that a TOML file gives; raises `UsageError` for unknown options, ill-typed values, and what is no TOML."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: there is no such file to take options from") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not TOML: {error}") from error
    known = {option.name: option for option in options(config)}
    values: dict[str, Any] = {}
    for name, value in document.items():
        if name not in known:
            raise UsageError(f"{path}: the option {one_of(name, known)}")
        values[name] = _typed(path, known[name], value)
    return values


def _typed(path: Path, option: Option, value: Any) -> Any:
    """The value as the option's type has it."""
    for hint in _alternatives(option.hint):
        if typing.get_origin(hint) is typing.Literal:
            if value in typing.get_args(hint):
                return value
        elif hint is Path and isinstance(value, str):
            return Path(value)
        elif hint is float and isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        elif typing.get_origin(hint) is tuple and isinstance(value, list):
            return tuple(value)
        elif hint in (int, str, bool) and type(value) is hint:
            return value
    raise UsageError(f"{path}: {option.name} = {value!r} is not {_words(option.hint)}")


def _alternatives(hint: Any) -> tuple[Any, ...]:
    return typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)


def _words(hint: Any) -> str:
    if typing.get_origin(hint) is typing.Literal:
        return "one of " + ", ".join(map(str, typing.get_args(hint)))
    return {int: "a whole number", float: "a number", bool: "true or false", str: "a text", Path: "a path in quotes"}.get(hint, str(hint))


def field_notes(config: type[Any]) -> dict[str, str]:
    """The string under each field of a dataclass."""
    body = cast(ast.ClassDef, ast.parse(textwrap.dedent(inspect.getsource(config))).body[0]).body
    return dict(_noted(body))


def _noted(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    for node, after in itertools.pairwise(body):
        match node, after:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(note))):
                yield name, inspect.cleandoc(note)
            case _:
                pass
