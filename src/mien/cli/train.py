"""``mien train RECIPE``: a recipe is a function ``train(config)``; the fields of its configuration, a dataclass, are the options."""

import ast
import dataclasses
import importlib
import importlib.util
import inspect
import typing
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from mien.cli.console import say
from mien.registry import names

if TYPE_CHECKING:
    from mien.training.config import Option


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
    from mien.training.config import build, from_toml, options, to_toml

    module = importlib.import_module(f"mien.recipes.{name}")
    config_type = typing.get_type_hints(module.train)["config"]

    def run(ctx: Any, config: Path | None, dry_run: bool, **values: Any) -> None:
        given = {key: value for key, value in values.items() if _given(ctx, key)}
        chosen = build(config_type, (from_toml(config_type, config) if config else {}) | given)
        if dry_run:
            say(to_toml(chosen, heading=f"mien train {name}").rstrip())
        else:
            module.train(chosen)

    _take(run, options(config_type))
    alone = typer.Typer(add_completion=False)
    alone.command(name, help=_about(name))(run)
    return typer.main.get_command(alone)


def _given(ctx: Any, name: str) -> bool:
    """Whether an option stands on the command line."""
    source = ctx.get_parameter_source(name)
    return source is not None and source.name != "DEFAULT"


_CONFIG = Annotated[Path | None, typer.Option(help="A TOML file with options; those on the command line go first.", metavar="FILE.toml")]
_DRY_RUN = Annotated[bool, typer.Option("--dry-run", help="Print all options as such a file, and train nothing.")]


def _take(function: Callable[..., None], known: "list[Option]") -> None:
    """Give a function of keywords the options of a recipe, and those of all."""
    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters = [inspect.Parameter("ctx", keyword, annotation=typer.Context)]
    for option in known:
        default = inspect.Parameter.empty if option.default is dataclasses.MISSING else option.default
        annotation = Annotated[option.hint, typer.Option(help=option.note)]
        parameters.append(inspect.Parameter(option.name, keyword, default=default, annotation=annotation))
    parameters.append(inspect.Parameter("config", keyword, default=None, annotation=_CONFIG))
    parameters.append(inspect.Parameter("dry_run", keyword, default=False, annotation=_DRY_RUN))
    function.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    function.__annotations__ = {p.name: p.annotation for p in parameters}
