"""The core learns what the same loop without it learns, bit for bit: recipes on it have the quality that they would have anyhow."""

from copy import deepcopy

import torch
from torch import nn
from torch.utils.data import Dataset

from mien.nn.landmarks import PartNet
from mien.training import Run, RunOptions, launch
from mien.training.schedule import cosine, kept

RATE, CLIP, MEMORY, BATCH, STEPS = 3e-3, 0.5, 40.0, 4, 6


class Squares(Dataset):
    def __len__(self):
        return 64

    def __getitem__(self, index):
        draw = torch.Generator().manual_seed(index)
        return torch.rand(3, 32, 32, generator=draw), torch.rand(5, 2, generator=draw)


def loss_of(net, pictures, points):
    return (net(pictures) - points).abs().mean()


def test_a_recipe_on_the_core_learns_what_a_bare_loop_learns(tmp_path):
    run = Run(launch(RunOptions()), tmp_path, total=STEPS, batch=BATCH)
    whole = PartNet(5, size=32, widths=(8, 16), depths=(1, 1), neck=4, rank=8)
    bare = deepcopy(whole)
    learner = run.learner(whole, torch.optim.AdamW(whole.parameters(), lr=RATE), memory=MEMORY, warmup=2)
    seen = []
    for pictures, points in run.steps(run.batches(Squares()), what="core"):
        seen.append((pictures.clone(), points.clone()))
        learner.learn(loss_of(learner.network, pictures, points), clip=CLIP)

    average, optimizer = deepcopy(bare), torch.optim.AdamW(bare.parameters(), lr=RATE)
    for step, (pictures, points) in enumerate(seen):
        optimizer.param_groups[0]["lr"] = RATE * cosine(step, STEPS, warmup=2)
        optimizer.zero_grad()
        loss_of(bare, pictures, points).backward()
        nn.utils.clip_grad_norm_(bare.parameters(), CLIP)
        optimizer.step()
        for name, value in average.state_dict().items():
            now = bare.state_dict()[name]
            if value.is_floating_point():
                value.lerp_(now, 1 - kept(step * BATCH, BATCH, MEMORY))
            else:
                value.copy_(now)

    assert len(seen) == STEPS
    for mine, its in ((bare, whole), (average, learner.average)):
        for name, value in mine.state_dict().items():
            assert torch.equal(value, its.state_dict()[name]), name
    assert not torch.equal(average.points.weight, bare.points.weight)
