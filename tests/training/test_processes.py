"""Several processes learn what one would; a process that is killed costs nothing that matters."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file


def run(script: Path, folder: Path, *words: int) -> None:
    command, env = [sys.executable, str(script), str(folder), *map(str, words)], {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def logged(folder: Path, what: str) -> list[float]:
    return [json.loads(line)[what] for line in (folder / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("wrapped", [1, 0])
def test_two_processes_learn_what_one_does_with_the_same_batch(tmp_path, wrapped):
    for folder, devices, batch in (("one", 1, 8), ("two", 2, 4)):
        run(Path(__file__).with_name("ranks.py"), tmp_path / folder, devices, batch, wrapped)
    one, two = (logged(tmp_path / folder, "loss") for folder in ("one", "two"))
    assert len(one) == 12
    assert two == pytest.approx(one, rel=1e-4)
    strength, shared = (logged(tmp_path / folder, "strength") for folder in ("one", "two"))
    assert shared == strength and len(set(strength)) > 1
    saved = [load_file(tmp_path / folder / "step-00000012.ckpt") for folder in ("one", "two")]
    assert len(saved[1]["random"]) == 2 * len(saved[0]["random"]) == 2
    for name in saved[0].keys() - {"random"}:
        assert torch.allclose(saved[0][name], saved[1][name], atol=1e-5), name


def test_a_run_killed_at_random_moments_ends_where_an_undisturbed_one_does(tmp_path):
    run(Path(__file__).with_name("killed.py"), tmp_path / "killed", 20)
    run(Path(__file__).with_name("killed.py"), tmp_path / "whole", 0)
    reached = [int(line) for line in (tmp_path / "killed" / "reached.txt").read_text().split()]
    assert len(reached) == 20
    assert reached == sorted(reached)
    assert reached[-1] < 600
    killed, whole = (load_file(tmp_path / name / "step-00000600.ckpt") for name in ("killed", "whole"))
    assert killed.keys() == whole.keys()
    assert all(torch.equal(killed[name], whole[name]) for name in whole)
