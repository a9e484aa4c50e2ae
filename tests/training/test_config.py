"""A configuration is the same as a dataclass, as options and as a file."""

import math
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import pytest

from mien.errors import UsageError
from mien.training import RunOptions
from mien.training.config import build, flat, from_toml, options, to_toml
from mien.training.limits import Checked, Count, Limits, Positive, Share


@dataclass(frozen=True)
class Config:
    """Options of a recipe."""

    data: Path
    """Folder with faces."""
    steps: int = 100
    """Training steps."""
    rate: float = 1e-3
    """Learning rate."""
    start: Path | None = None
    """Weights to start from."""
    kind: Literal["small", "large"] = "small"
    """Which network.
    Two lines."""
    widths: tuple[int, ...] = (1, 2)
    """Of the stages."""
    options: RunOptions = field(default_factory=lambda: RunOptions(precision="bf16-mixed"))


@dataclass(frozen=True)
class Limited(Checked):
    """Options with limits."""

    parts: Count = 3
    """How many."""
    side: Annotated[int, Limits(16, multiple=16)] = 32
    """Pixels."""
    share: Share = 0.5
    """Of them."""
    speed: Positive = 1.0
    """Of it."""
    options: RunOptions = field(default_factory=RunOptions)


def written(folder: Path, text: str) -> Path:
    path = folder / "config.toml"
    path.write_text(text)
    return path


def test_every_option_has_a_note_and_groups_keep_their_defaults():
    found = {option.name: option for option in options(Config)}
    assert all(option.note for option in found.values())
    assert found["precision"].default == "bf16-mixed"
    assert found["devices"].group == "options"
    assert list(found)[:2] == ["data", "steps"]


def test_a_configuration_survives_its_file(tmp_path):
    config = build(Config, {"data": Path("faces"), "steps": 7, "kind": "large", "devices": 2, "widths": (3, 4, 5)})
    path = written(tmp_path, to_toml(config, heading="mien train it"))
    assert build(Config, from_toml(Config, path)) == config
    assert flat(config)["devices"] == 2
    assert config.options.precision == "bf16-mixed"
    assert "start" not in tomllib.loads(path.read_text())


def test_folders_can_be_kept_to_oneself():
    shown = tomllib.loads(to_toml(build(Config, {"data": Path("mine"), "start": Path("old")}), folders=False))
    assert not {"data", "start"} & shown.keys()
    assert shown["steps"] == 100


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("stepz = 3", "'stepz' is not one of .*did you mean 'steps'"),
        ("steps = 3.5", "steps = 3.5 is not a whole number"),
        ("steps = true", "steps = True is not a whole number"),
        ('rate = "fast"', "rate = 'fast' is not a number"),
        ('kind = "huge"', "kind = 'huge' is not one of small, large"),
        ("tensorboard = 1", "tensorboard = 1 is not true or false"),
        ("steps = ", "is not TOML"),
    ],
)
def test_what_is_no_option_is_refused_by_name(tmp_path, line, says):
    with pytest.raises(UsageError, match=says):
        from_toml(Config, written(tmp_path, line))


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"parts": 0}, "parts = 0 is not allowed: at least 1"),
        ({"side": 40}, "side = 40 is not allowed: a multiple of 16, at least 16"),
        ({"share": 1.01}, "share = 1.01 is not allowed: 0 to 1"),
        ({"speed": 0.0}, "speed = 0.0 is not allowed: above 0"),
        ({"speed": math.nan}, "speed = nan is not allowed: above 0"),
        ({"devices": 0}, "devices = 0 is not allowed: at least 1"),
    ],
)
def test_values_outside_their_limits_are_refused_however_a_configuration_is_made(tmp_path, values, says):
    with pytest.raises(UsageError, match=f"^{says}$"):
        build(Limited, values)
    if "devices" not in values:
        with pytest.raises(UsageError, match=f"^{says}$"):
            Limited(**values)


def test_limits_are_told_and_what_lies_on_them_is_allowed():
    notes = {option.name: option.note for option in options(Limited)}
    assert notes["side"] == "Pixels (a multiple of 16, at least 16)."
    assert Limited(parts=1, side=16, share=1.0, speed=1e-9).side == 16


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"none\.toml: there is no such file"):
        from_toml(Config, tmp_path / "none.toml")


def test_whole_numbers_count_as_numbers(tmp_path):
    assert from_toml(Config, written(tmp_path, "rate = 1")) == {"rate": 1.0}
