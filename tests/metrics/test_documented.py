"""The commands of docs/metrics.md exist, and its code runs."""

import re
from pathlib import Path

import numpy as np
import pytest

from mien.cli.app import app

PAGE = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text()


def test_every_command_exists():
    (score,) = (group.typer_instance for group in app.registered_groups if group.typer_instance.info.name == "score")
    known = {command.name or command.callback.__name__ for command in score.registered_commands}
    told = {name for row in re.findall(r"^\| `mien score (.*?) \|", PAGE, re.MULTILINE) for name in re.findall(r"\b[a-z]+\b", row)}
    assert told and told <= known


def test_the_code_prints_what_its_comments_say(capsys):
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(code, {})
    psnr, ssim, cosine, errors = capsys.readouterr().out.splitlines()
    assert float(psnr) == pytest.approx(20 * np.log10(255 / 9))
    assert 0.9 < float(ssim) < 1
    assert cosine == "[1. 1.]" and errors == "{'pose': 1.0}"
