"""Run by a test as ``python ranks.py FOLDER DEVICES BATCH``: a small regression, on one process or several, wrapped by Fabric and not."""

import sys
from pathlib import Path

import torch
from lightning_fabric import Fabric
from torch import nn
from torch.utils.data import Dataset

from mien.training import AdaptiveStrength, Run, RunOptions, launch


class Numbers(Dataset):
    """Sample i is a function of i."""

    def __getitem__(self, index):
        x = torch.randn(6, generator=torch.Generator().manual_seed(index))
        return x, x.sum(0, keepdim=True).sin()


def learn(fabric: Fabric, folder: Path, batch: int, *, wrapped: bool) -> None:
    torch.random.default_generator.manual_seed(0)
    network = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 1))
    run = Run(fabric, folder, total=12, batch=batch)
    learner = run.learner(network, torch.optim.AdamW(network.parameters(), lr=1e-2), memory=50, warmup=2, wrapped=wrapped)
    strength = AdaptiveStrength(run, target=-0.5, every=2, swing=64)
    run.resume("auto")
    for x, y in run.steps(run.batches(Numbers(), workers=0), what="ranks"):
        found = learner.network(x)
        strength.see(found)
        loss = (found - y).square().mean()
        learner.learn(loss)
        run.log(loss=loss.detach(), strength=strength.p)
        if run.due(6):
            run.save()


def main(folder: Path, devices: int, batch: int) -> None:
    fabric = launch(RunOptions(devices=devices))
    learn(fabric, folder / "wrapped", batch, wrapped=True)
    learn(fabric, folder / "bare", batch, wrapped=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
