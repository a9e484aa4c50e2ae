"""The commands of docs/metrics.md exist and run, and its code prints what it says."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mien import artefacts
from mien.cli import main
from mien.cli.app import app
from mien.convert import importers
from mien.metrics import edits

PAGE = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text()
COMMANDS = [line.split("#")[0].split() for line in PAGE.splitlines() if line.startswith("mien ")]
TOLD = {  # what a command says
    "data faces photos/": "2 faces of 2 files",
    "score edits --data faces.zip --plot": "2 faces of faces.zip, engine mesh, every unit set to 0, 1, 2, 3, 4, 5",
    "score edits --data photos/": "2 faces of photos, engine mesh, every unit set to 1, 3, 5",
    "score edits --data faces.zip --faces 1 --aus 12": "1 face of faces.zip, engine mesh, each of these units set to 0, 1, 2, 3, 4, 5",
    "score edits --data faces.zip --faces 2": '"faces": "2 faces of faces.zip"',
    "score pictures made/ true/": "No LPIPS: its networks are not on this machine",
    "score pictures made/a.png": '"pairs": 1',
    "score pictures results/ targets/ --units": "of the 2 pairs in both of which a face was found",
    "score fid real/ fake/": "On 256 features of: mien landmark network",
    "score aus measured.csv": "2 faces in both tables",
    "score aus --data DISFA/": "Reader geometry on DISFA, folds 0, 1, 2: 29 frames of 27 people",
    "score aus --data BP4D/": "Reader geometry on BP4D, fold 0: 14 frames of 14 people",
    "score aus --data labels/DISFA": "Reader geometry on FG-Net's DISFA, fold 1: 9 frames of 9 people",
    "score points": "Mean distance of the 68 points",
}


@pytest.fixture
def folder(tmp_path, monkeypatch, drawn, drawn_smile, corpora, once):
    """A folder with all that the page names, without third-party data."""
    monkeypatch.delenv("MIEN_DATA", raising=False)
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(edits, "UNITS", (12,))
    monkeypatch.chdir(tmp_path)
    for name, faces in (
        ("photos", (drawn, drawn_smile)),
        ("made", (drawn, drawn)),
        ("true", (drawn_smile, drawn_smile)),
        ("results", (drawn, drawn)),
        ("targets", (drawn_smile, drawn)),
    ):
        write(tmp_path / name, [face.photo.rgb for face in faces])
    for name, face in (("real", drawn), ("fake", drawn_smile)):
        write(tmp_path / name, [np.roll(face.photo.rgb, 5 * i, axis=1) for i in range(5)])
    for name in ("DISFA", "BP4D", "labels", "data"):
        (tmp_path / name).symlink_to(corpora / name)
    points = {f"{axis}_{i}": [3.0 * i, float(i * i)] for axis in "xy" for i in range(68)}
    table = {"file": ["a.jpg", "b.jpg"], "AU12": [0.0, 3.0], **points}
    for name in ("measured", "labels", "true"):
        pd.DataFrame(table).to_csv(tmp_path / f"{name}.csv", index=False)
    return tmp_path


def write(folder, pictures):
    folder.mkdir()
    for letter, rgb in zip("abcde", pictures, strict=False):
        Image.fromarray(rgb).save(folder / f"{letter}.png")


def test_every_command_exists():
    (score,) = (group.typer_instance for group in app.registered_groups if group.typer_instance.info.name == "score")
    known = {command.name or command.callback.__name__ for command in score.registered_commands}
    told = {name for row in re.findall(r"^\| `mien score (.*?) \|", PAGE, re.MULTILINE) for name in re.findall(r"(?<!-)\b[a-z]+\b", row)}
    assert told == known


def test_every_artefact_and_format_exists():
    assert set(re.findall(r"weights get ([\w-]+)", PAGE)) <= set(artefacts.register())
    imports = re.findall(r"weights import\s(\w+)\s([\w.-]+\.pth)", PAGE)
    assert len(imports) == 3 and {kind for kind, _ in imports} <= set(importers.FORMATS)
    assert {(entry.format, entry.file) for entry in artefacts.register().values()} >= set(imports)


def test_every_command_does_what_it_says(folder, capsys):
    for words in COMMANDS:
        with pytest.raises(SystemExit) as end:
            main(words[1:])
        said = " ".join("".join(capsys.readouterr()).split())
        (expected,) = (told for start, told in TOLD.items() if " ".join(words[1:]).startswith(start))
        assert expected in said and end.value.code == 0, words
    assert all((folder / name).is_file() for name in ("curves.png", "aus.csv", "aus.tex", "aus.png"))


def test_the_code_prints_what_its_comments_say(folder, capsys):
    for code in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(code, {})
    parts, own, psnr, ssim, cosine, errors, off, rows = capsys.readouterr().out.splitlines()
    assert (parts, own) == ("10 True", "10 False")
    assert float(psnr) == pytest.approx(20 * np.log10(255 / 9))
    assert 0.9 < float(ssim) < 1
    assert cosine == "[1. 1.]" and errors == "{'pose': 1.0}"
    assert off == "[0.15, 0.167]" and rows == "5"
