"""Run by a test as ``python killed.py FOLDER KILLS``: a run that is killed so many times, started again each time, and then left alone."""

import os
import random
import signal
import sys
import time
from pathlib import Path

import torch
from ranks import Numbers
from torch import nn

from mien.training import Run, RunOptions, launch

STEPS = 300


def learn(folder: Path) -> None:
    torch.random.default_generator.manual_seed(0)
    network = nn.Sequential(nn.Linear(6, 8), nn.Dropout(0.2), nn.Linear(8, 1))
    run = Run(launch(RunOptions()), folder, total=STEPS, batch=4)
    learner = run.learner(network, torch.optim.AdamW(network.parameters(), lr=1e-2), memory=24, warmup=3)
    run.resume("auto")
    for x, y in run.steps(run.batches(Numbers()), what="killed"):
        learner.learn((learner.network(x) - y).square().mean())
        if run.due(3):
            run.save()


def forked(folder: Path) -> int:
    """A process of its own that learns, forked off this one: it has torch loaded already."""
    child = os.fork()
    if not child:
        learn(folder)
        os._exit(0)
    return child


def newest(folder: Path) -> int:
    """The step of the newest checkpoint."""
    return max((int(path.stem.split("-")[1]) for path in folder.glob("step-*.ckpt")), default=0)


def main(folder: Path, kills: int) -> None:
    moments = random.Random(0)
    folder.mkdir(parents=True)
    for _ in range(kills):
        child, goal = forked(folder), newest(folder) + 3 * moments.randint(1, 4)
        while newest(folder) < goal:
            time.sleep(0.0005)
        time.sleep(moments.uniform(0, 0.01))  # somewhere in a step or in the midst of a checkpoint
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        with (folder / "reached.txt").open("a") as file:
            file.write(f"{newest(folder)}\n")
    assert os.waitpid(forked(folder), 0)[1] == 0


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
