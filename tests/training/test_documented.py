"""The commands and the code of docs/training.md do what it says."""

import json
import re
from pathlib import Path

import pytest
import torch

from mien.cli import main

PAGE = (Path(__file__).parents[2] / "docs" / "training.md").read_text()
COMMANDS = [line.split("#")[0].split() for line in PAGE.splitlines() if line.startswith("mien train")]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Where the page's commands and code run, with a generator of random numbers of their own."""
    monkeypatch.chdir(tmp_path)
    with torch.random.fork_rng():
        torch.random.default_generator.manual_seed(0)
        yield tmp_path


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_names_options_that_exist(words, folder, capsys):
    (folder / "mine.toml").write_text("rate = 0.001\n")
    dry = [] if {"--help", "--dry-run"} & set(words) else ["--dry-run"]
    with pytest.raises(SystemExit) as end:
        main([*words[1:], *dry])
    told = capsys.readouterr()
    assert end.value.code == 0, told.err
    assert "seed" in told.out


RECIPES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def told_by(code, capsys):
    """The lines that the code prints."""
    exec(code, {"__name__": "page"})
    return capsys.readouterr().out.splitlines()


def test_the_recipe_on_the_page_learns_and_leaves_what_the_table_says(folder, capsys):
    (loss,) = told_by(RECIPES[0], capsys)
    assert float(loss) < 0.01
    left = sorted(path.name for path in (folder / "runs" / "sums").iterdir())
    assert left == ["metrics.jsonl", "step-00000100.ckpt", "step-00000200.ckpt"]


def test_the_augmented_recipe_on_the_page_follows_what_its_judge_says(folder, capsys):
    (strength,) = told_by(RECIPES[1], capsys)
    told = [json.loads(line) for line in (folder / "runs/rings/metrics.jsonl").read_text().splitlines()]
    p = 0.0
    for four in (told[first : first + 4] for first in range(0, 60, 4)):
        rises = sum(line["overfits"] for line in four) / 4 > 0.6
        p = max(0.0, p + (64 if rises else -64) / 500_000)
        assert four[-1]["p"] == pytest.approx(p, rel=1e-4)
    assert p > 0 and float(strength) == pytest.approx(p)


def test_the_generator_on_the_page_is_trained_and_draws_and_so_is_its_encoder(folder, capsys):
    assert told_by(RECIPES[2], capsys) == ["(16, 16, 3)"]
    assert (folder / "runs/grey/stylegan2.safetensors").is_file()
    assert told_by(RECIPES[3], capsys) == [f"{how} (1, 4, 8) True" for how in ("encoder", "refine", "pivotal")]
