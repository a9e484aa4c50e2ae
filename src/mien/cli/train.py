"""``mien train RECIPE``: a recipe is a function ``train(config)``; the fields of its configuration, a dataclass, are the options."""

import ast
import dataclasses
import importlib
import importlib.util
import inspect
import re
import textwrap
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from mien.registry import names


class Recipes(TyperGroup):
    """The recipes by name and first line; the options of one are made when it is called, for only then its module is imported."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The called recipe with its options, and what is left of the line."""
        if args[0] in self.commands:
            self.commands[args[0]] = _command(args[0])
        return super().resolve_command(ctx, args)


app = typer.Typer(name="train", help="Train one of the models that ship, by its recipe.", cls=Recipes, no_args_is_help=True)


def _listed() -> None:
    """Stands for a recipe in the list of all; `Recipes` puts the real one in its place."""


def _about(name: str) -> str:
    """The first paragraph of a recipe's docstring, without importing it."""
    spec = importlib.util.find_spec(f"mien.recipes.{name}")
    source = Path(spec.origin or "").read_text(encoding="utf-8") if spec else ""
    return (ast.get_docstring(ast.parse(source)) or "").split("\n\n")[0]


for recipe in names("recipes"):
    app.command(recipe, help=_about(recipe))(_listed)


def _command(name: str) -> Any:
    module = importlib.import_module(f"mien.recipes.{name}")

    config = typing.get_type_hints(module.train)["config"]

    def run(**values: Any) -> None:
        module.train(config(**values))

    options(run, config)
    alone = typer.Typer(add_completion=False)
    alone.command(name, help=_about(name))(run)
    return typer.main.get_command(alone)


def options(function: Callable[..., None], config: type[Any]) -> None:
    """Give a function of keywords the options of a frozen dataclass: types, defaults, and the fields' comments as help."""
    hints, notes = typing.get_type_hints(config), field_notes(config)
    parameters: list[inspect.Parameter] = []
    for field in dataclasses.fields(config):
        default = inspect.Parameter.empty if field.default is dataclasses.MISSING else field.default
        annotation = Annotated[hints[field.name], typer.Option(help=notes.get(field.name, ""))]
        parameters.append(inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation))
    function.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    function.__annotations__ = {p.name: p.annotation for p in parameters}


def field_notes(config: type[Any]) -> dict[str, str]:
    """What stands beside or under each field of a dataclass: its ``#:`` comment, or the string that follows it."""
    source = textwrap.dedent(inspect.getsource(config))
    lines = source.splitlines()
    body = typing.cast(ast.ClassDef, ast.parse(source).body[0]).body
    notes: dict[str, str] = {}
    for node, after in zip(body, [*body[1:], None], strict=True):
        if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
            continue
        beside = re.search(r"#:\s*(.+)$", lines[(node.end_lineno or node.lineno) - 1])
        if beside:
            notes[node.target.id] = beside[1]
        elif isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) and isinstance(after.value.value, str):
            notes[node.target.id] = inspect.cleandoc(after.value.value)
    return notes
