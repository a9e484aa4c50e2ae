"""Several processes learn what one would; a process that is killed costs nothing that matters."""

import json
import os
import runpy
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


def test_two_processes_learn_what_one_does_with_the_same_batch(tmp_path):
    ranks = Path(__file__).with_name("ranks.py")
    with torch.random.fork_rng():
        runpy.run_path(str(ranks))["main"](tmp_path / "one", 1, 8)
    run(ranks, tmp_path / "two", 2, 4)
    for way in ("wrapped", "bare"):
        folders = [tmp_path / processes / way for processes in ("one", "two")]
        one, two = (logged(folder, "loss") for folder in folders)
        assert len(one) == 12
        assert two == pytest.approx(one, rel=1e-4)
        strength, shared = (logged(folder, "strength") for folder in folders)
        assert shared == strength and len(set(strength)) > 1
        saved = [load_file(folder / "step-00000012.ckpt") for folder in folders]
        assert len(saved[1]["random"]) == 2 * len(saved[0]["random"]) == 2
        for name in saved[0].keys() - {"random"}:
            assert torch.allclose(saved[0][name], saved[1][name], atol=1e-5), (way, name)


def test_a_run_killed_at_random_moments_ends_where_an_undisturbed_one_does(tmp_path):
    run(Path(__file__).with_name("killed.py"), tmp_path / "killed", 20)
    run(Path(__file__).with_name("killed.py"), tmp_path / "whole", 0)
    reached = [int(line) for line in (tmp_path / "killed" / "reached.txt").read_text().split()]
    assert len(reached) == 20
    assert reached == sorted(reached)
    assert reached[-1] < 300
    killed, whole = (load_file(tmp_path / name / "step-00000300.ckpt") for name in ("killed", "whole"))
    assert killed.keys() == whole.keys()
    assert all(torch.equal(killed[name], whole[name]) for name in whole)
