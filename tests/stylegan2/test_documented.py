"""The commands and the code of docs/generate.md do what it says."""

import re
from pathlib import Path

import pytest
import torch

from mien import images, weights
from mien.cli import main
from mien.nn import stylegan2

PAGE = (Path(__file__).parents[2] / "docs" / "generate.md").read_text()
COMMANDS = [line.split("#")[0].split() for line in PAGE.splitlines() if line.startswith(("mien generate", "mien weights show"))]
MADE = {"grid.png": (128, 128), "faces/seed0035.png": (32, 32), "mixed.png": (512, 256), "one.png": (32, 32)}


@pytest.fixture
def folder(tmp_path, monkeypatch, small):
    """Where the page's commands run, with a small network by the names that the page has."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cache").mkdir()
    tensors = {f"generator.{name}": tensor for name, tensor in small.state_dict().items()} | {stylegan2.MEAN: torch.zeros(8)}
    for path in ("cache/stylegan2-ffhq.safetensors", "mine.safetensors"):
        weights.save(tmp_path / path, tensors, {"kind": stylegan2.KIND, "generator": small.config})
    return tmp_path


def test_every_command_does_what_it_says(folder):
    assert len(COMMANDS) == 5
    for words in COMMANDS:
        with pytest.raises(SystemExit) as end:
            main(words[1:])
        assert end.value.code == 0, words
    assert {name: images.read(folder / name).size for name in MADE} == MADE
    assert len(list((folder / "faces").iterdir())) == 20


def test_the_code_on_the_page_runs(folder, capsys):
    for code in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(code, {})
    assert images.read(folder / "grid.png").size == (64, 64)
    assert capsys.readouterr().out.splitlines()[-1] == "(2, 4, 32, 32) (2, 3, 32, 32)"
