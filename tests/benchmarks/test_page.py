"""The page of speeds says what the results say, and leaves nothing out."""

import importlib.util
import shutil
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def run():
    spec = importlib.util.spec_from_file_location("run", FOLDER / "run.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_benchmark_has_its_row_and_its_plot(run):
    told = run.page(FOLDER / "results")
    for script in FOLDER.glob("*.py"):
        if script.stem != "run":
            assert f"[{script.stem}](../{script.name})" in told, script.name
            assert f"({script.stem}.png)" in told, script.name
    assert told.count("\n|") == len(run.FOUND) + 2


def test_a_number_is_that_of_the_results(run, tmp_path):
    shutil.copy(FOLDER / "results/ada.json", tmp_path)
    (tmp_path / "training.json").write_text('{"overhead": 0.0123}')
    rows = [line for line in run.page(tmp_path).splitlines() if line.startswith("| [")]
    assert len(rows) == 3 and rows[-1].endswith("| 1.2 |")
