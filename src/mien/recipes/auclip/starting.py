"""The mapper of the recipe `auclip` before the first step."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import torch
from torch import nn

from mien import weights
from mien.data.changes import Changes
from mien.errors import UsageError
from mien.nn import mapper as mapping
from mien.nn.equal import EqualLinear
from mien.nn.mapper import AUCLIP, LEVELS, LevelsMapper, Mode
from mien.nn.stylegan2 import Generator
from mien.recipes.auclip.options import AUCLIPConfig

_RIDGE = 1e-2  # of the spread of what is shown


def fresh(config: AUCLIPConfig, generator: Generator, names: Sequence[str]) -> LevelsMapper:
    """A mapper before training; a calibrated one moves nothing yet."""
    if config.start is not None:
        return _started(config.start, config.mode, generator, names)
    calibrated = config.mode == "calibrated"
    widths = [len(names), *[config.width] * (config.depth - 1), generator.code] if calibrated else [*AUCLIP[:-1], generator.code]
    network = LevelsMapper(widths, generator.rows, config.levels, config.mode, names)
    if calibrated:
        for level in config.levels:
            nn.init.zeros_(network.get_parameter(f"{level}.mapping.{config.depth}.weight"))
    return network


def _started(path: Path, mode: Mode, generator: Generator, names: Sequence[str]) -> LevelsMapper:
    """A mapper that was trained before; raises `UsageError` for one of other codes, units, or of the other mode."""
    network = ungained(path).train()
    held = (network.config["mode"], network.styles, network.code, network.units)
    if held != (wanted := (mode, generator.rows, generator.code, tuple(names))):
        told = (f"{kind}, codes of {rows} x {code}, {len(units)} units" for kind, rows, code, units in (held, wanted))
        raise UsageError(f"{path} does not fit ({', not '.join(told)}): leave --start out")
    return network


def ungained(path: Path) -> LevelsMapper:
    """A mapper without its gains and limit, which are measured anew."""
    stored = weights.load(path)
    return mapping.of(replace(stored, config={**stored.config, "gains": [], "limit": 0.0}))


def begin(mapper: LevelsMapper, samples: Changes) -> None:
    """Set linear levels to what explains best, in least squares, how the codes of people differ from their mean by what they show."""
    people = samples.faces.of_person()
    shown = torch.from_numpy(samples.faces.shown).double()
    steps, codes = (torch.cat([x[person] - x[person].mean(0) for person in people]) for x in (shown, samples.codes.double()))
    spread = steps.T @ steps
    spread += _RIDGE * spread.diagonal().mean() * torch.eye(len(spread))
    for level in mapper.levels:
        if not codes[:, LEVELS[level]].shape[1]:
            continue  # a generator of few pixels has no such rows
        layer = cast(EqualLinear, mapper.get_submodule(f"{level}.mapping.1"))
        solved = torch.linalg.solve(spread, steps.T @ codes[:, LEVELS[level]].mean(1))
        with torch.no_grad():
            layer.weight.copy_(solved.T / layer.scale)
