"""The commands and the code of docs/training.md do what it says."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "training.md").read_text()
COMMANDS = [line.split("#")[0].split() for line in PAGE.splitlines() if line.startswith("mien train")]


def run(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False, cwd=folder, timeout=240)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_names_options_that_exist(words, tmp_path):
    (tmp_path / "mine.toml").write_text("rate = 0.001\n")
    dry = [] if {"--help", "--dry-run"} & set(words) else ["--dry-run"]
    done = run("-c", "from mien.cli import main; main()", *words[1:], *dry, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "steps" in done.stdout


RECIPES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_the_recipe_on_the_page_learns_and_leaves_what_the_table_says(tmp_path):
    done = run("-c", RECIPES[0], folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.strip()) < 0.01
    left = sorted(path.name for path in (tmp_path / "runs" / "sums").iterdir())
    assert left == ["metrics.jsonl", "step-00000100.ckpt", "step-00000200.ckpt"]


def test_the_augmented_recipe_on_the_page_follows_what_its_judge_says(tmp_path):
    done = run("-c", RECIPES[1], folder=tmp_path)
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in (tmp_path / "runs/rings/metrics.jsonl").read_text().splitlines()]
    p = 0.0
    for four in (told[first : first + 4] for first in range(0, 60, 4)):
        rises = sum(line["overfits"] for line in four) / 4 > 0.6
        p = max(0.0, p + (64 if rises else -64) / 500_000)
        assert four[-1]["p"] == pytest.approx(p, rel=1e-4)
    assert p > 0 and float(done.stdout.strip()) == pytest.approx(p)


def test_the_generator_on_the_page_is_trained_and_draws_and_so_is_its_encoder(tmp_path):
    done = run("-c", RECIPES[2], folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "(16, 16, 3)"
    assert (tmp_path / "runs/grey/stylegan2.safetensors").is_file()
    done = run("-c", RECIPES[3], folder=tmp_path)  # its encoder
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"{how} (1, 4, 8) True" for how in ("encoder", "refine", "pivotal")]
