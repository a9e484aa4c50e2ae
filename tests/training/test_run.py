"""Stopped and resumed equals never stopped; a broken checkpoint costs one interval, not the run."""

import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import pytest
import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import nn
from torch.utils.data import Dataset

from mien.errors import DataError
from mien.training import Learner, Resume, Run, RunOptions, StepSampler, checkpoint, cosine, launch
from mien.training.schedule import kept


class Numbers(Dataset):
    """Sample i is a function of i."""

    def __getitem__(self, index):
        generator = torch.Generator().manual_seed(index)
        x = torch.randn(6, generator=generator)
        return x, x.sum(0, keepdim=True).sin()


def network(width: int = 8) -> nn.Module:
    layers = nn.Sequential(nn.Linear(6, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Dropout(0.2), nn.Linear(width, 1))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in layers.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
    return layers


def written(config: dict[str, Any]) -> str:
    return "".join(f"{name} = {value}\n" for name, value in config.items())


def advance(
    folder: Path,
    stop: int,
    *,
    total: int = 12,
    width: int = 8,
    workers: int = 2,
    mode: Resume = "auto",
    fixed: Sequence[str] = (),
    **config: Any,
) -> tuple[Run, Learner]:
    """Train in `folder` from where it stands to step `stop` of `total`, saving every third step."""
    model = network(width)
    told = written({"rate": 0.01, "every": 3} | config)
    run = Run(launch(RunOptions()), folder, total=total, batch=config.get("batch", 4), config=told, fixed=fixed)
    learner = run.learner(model, torch.optim.AdamW(model.parameters(), lr=1e-2), memory=24, warmup=3)
    run.resume(mode)
    for x, y in run.steps(run.batches(Numbers(), stop=stop, workers=workers), what="test"):
        loss = (learner.network(x) - y).square().mean()
        learner.learn(loss)
        run.numbers["seen"] = run.numbers.get("seen", 0) + len(x)
        run.log(loss=loss.detach())
        if run.due(3):
            run.save()
    return run, learner


def same(a: Learner, b: Learner) -> bool:
    (left, groups), (right, others) = a.state(), b.state()
    return groups == others and left.keys() == right.keys() and all(torch.equal(left[k], right[k]) for k in left)


@pytest.fixture(autouse=True)
def _own_random_state():
    with torch.random.fork_rng():
        torch.random.default_generator.manual_seed(5)
        yield


def test_stopped_and_resumed_equals_never_stopped(tmp_path):
    torch.random.default_generator.manual_seed(5)
    run, whole = advance(tmp_path / "whole", 12)
    torch.random.default_generator.manual_seed(5)
    advance(tmp_path / "parts", 6)
    torch.random.default_generator.manual_seed(99)  # what another process would start with
    again, parts = advance(tmp_path / "parts", 12)
    assert run.step == again.step == 12
    assert run.numbers == again.numbers == {"seen": 48}
    assert same(whole, parts)


def test_the_comparison_above_can_fail(tmp_path):
    assert not same(advance(tmp_path / "a", 12, workers=0)[1], advance(tmp_path / "b", 9, workers=0)[1])


def test_a_broken_checkpoint_falls_back_to_the_one_before(tmp_path):
    advance(tmp_path, 9)
    newest = sorted(tmp_path.glob("step-*.ckpt"))[-1]
    newest.write_bytes(newest.read_bytes()[:100])
    assert advance(tmp_path, 6)[0].step == 6
    assert advance(tmp_path, 12)[0].step == 12


def zeroed(data: bytes) -> bytes:
    """As a power cut may leave a file whose length was on the disk before its end was."""
    return data[:-64] + bytes(64)


def without_words(data: bytes) -> bytes:
    return save_tensors(load_tensors(data))


@pytest.mark.parametrize("harm", [zeroed, without_words])
def test_a_checkpoint_that_can_be_read_and_is_not_what_was_written_falls_back_too(tmp_path, harm):
    advance(tmp_path, 9, workers=0)
    newest = tmp_path / "step-00000009.ckpt"
    newest.write_bytes(harm(newest.read_bytes()))
    assert advance(tmp_path, 6, workers=0)[0].step == 6


def test_two_checkpoints_are_kept_and_no_partial_file_stays(tmp_path):
    advance(tmp_path, 12)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["config.toml", "metrics.jsonl", "step-00000009.ckpt", "step-00000012.ckpt"]


def test_metrics_are_lines_of_json(tmp_path):
    advance(tmp_path, 12)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(1, 13))
    assert [line["images"] for line in lines] == [4 * step for step in range(1, 13)]
    assert all(line["loss"] > 0 for line in lines)


def told(folder: Path) -> list[int]:
    """The steps that the journal tells of."""
    return [json.loads(line)["step"] for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_never_starts_afresh_and_puts_the_run_before_aside(tmp_path, capfd):
    advance(tmp_path, 12, workers=0)
    again, _ = advance(tmp_path, 3, mode="never", workers=0)
    assert again.step == 3 and again.numbers == {"seen": 12}
    assert f"it is in {tmp_path / 'before-1'} now" in "".join(capfd.readouterr().err.split("\n"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["before-1", "config.toml", "metrics.jsonl", "step-00000003.ckpt"]
    assert {path.name for path in (tmp_path / "before-1").iterdir()} >= {"step-00000009.ckpt", "step-00000012.ckpt", "metrics.jsonl"}
    assert told(tmp_path) == [1, 2, 3] and told(tmp_path / "before-1") == list(range(1, 13))
    assert advance(tmp_path, 6, workers=0)[0].numbers == {"seen": 24}  # goes on with the new run, not with the old one
    (tmp_path / "network.safetensors").write_bytes(b"trained")
    advance(tmp_path, 3, mode="never", workers=0)
    assert {path.name for path in (tmp_path / "before-2").iterdir()} >= {"step-00000006.ckpt", "network.safetensors"}


def test_a_new_checkpoint_never_gives_way_to_one_of_a_later_step(tmp_path):
    for step in (90, 60, 3, 6, 9):
        checkpoint.write(tmp_path, step, {"a": torch.zeros(1)}, {"step": str(step)})
    assert [int(path.stem[5:]) for path in checkpoint.paths(tmp_path)] == [90, 60, 9, 6]


def test_steps_done_again_stand_once_in_the_journal(tmp_path):
    advance(tmp_path, 8, workers=0)  # the last checkpoint is of step 6
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 9, "ima')  # killed as it wrote
    assert advance(tmp_path, 12, workers=0)[0].step == 12
    assert told(tmp_path) == list(range(1, 13))


def test_an_average_forgets_by_images_not_by_steps():
    few, many = 1.0, 1.0
    for step in range(50):
        few *= kept(10_000 + 8 * step, 8, 200.0)
    for step in range(10):
        many *= kept(10_000 + 40 * step, 40, 200.0)
    assert few == pytest.approx(many) == pytest.approx(0.25)
    assert kept(0, 4, 1e6) < 0.01


def test_tensorboard_gets_the_same_numbers_when_asked_for(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = Run(launch(RunOptions()), tmp_path, total=2, batch=5, tensorboard=True)
    for _ in run.steps([0, 1], what="test"):
        run.log(loss=0.25 * run.step)
    found = EventAccumulator(str(tmp_path / "tensorboard")).Reload().Scalars("loss")
    assert [(event.step, event.value) for event in found] == [(5, 0.25), (10, 0.5)]
    again = Run(launch(RunOptions()), tmp_path, total=2, batch=5, tensorboard=True)
    again.step = 1  # as a resumed run does step 2 again
    for _ in again.steps([1], what="test"):
        again.log(loss=0.75)
    found = EventAccumulator(str(tmp_path / "tensorboard")).Reload().Scalars("loss")
    assert [(event.step, event.value) for event in found] == [(5, 0.25), (10, 0.75)]


def test_sample_pictures_are_laid_out_in_rows(tmp_path):
    run = Run(launch(RunOptions()), tmp_path, total=1, batch=1)
    shades = torch.linspace(0, 1, 3)[:, None, None, None].expand(3, 3, 4, 5)
    run.pictures("faces", shades, columns=2)
    sheet = cv2.imread(str(tmp_path / "samples" / "faces-00000000.png"))
    assert sheet.shape == (8, 10, 3)
    assert [int(sheet[y, x, 0]) for y, x in ((0, 0), (0, 5), (4, 0), (4, 5))] == [0, 128, 255, 255]


def test_a_checkpoint_of_another_network_is_refused(tmp_path):
    advance(tmp_path, 3)
    with pytest.raises(DataError, match="--resume never"):
        advance(tmp_path, 6, width=9)


@pytest.mark.parametrize(
    ("config", "says"),
    [({"rate": 0.02}, "rate = 0.02, not 0.01"), ({"batch": 6}, "batch x devices x nodes = 6, not 4")],
)
def test_a_run_does_not_go_on_with_options_that_make_it_another(tmp_path, config, says):
    advance(tmp_path, 3, workers=0, batch=4)
    kept = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(DataError, match=f"step-00000003.ckpt cannot go on with {says}: give the same again, another --out, or --resume"):
        advance(tmp_path, 6, workers=0, **{"batch": 4} | config)
    assert kept == {path.name: path.read_bytes() for path in tmp_path.iterdir()}


def test_a_run_goes_on_with_other_options_that_do_no_harm_and_tells_so(tmp_path, capfd):
    advance(tmp_path, 3, workers=0)
    assert advance(tmp_path, 6, workers=0, every=5)[0].step == 6
    assert "goes on with every = 5, not 3" in capfd.readouterr().err


def test_an_option_that_is_left_out_is_not_passed_over(tmp_path, capfd):
    """One that may change is told of, one that may not is refused; one that is given at last may be new."""
    advance(tmp_path, 3, workers=0, tall=7, start='"one.safetensors"')
    with pytest.raises(DataError, match="cannot go on with tall not given, which was 7: give the same again"):
        advance(tmp_path, 6, workers=0, start='"one.safetensors"')
    advance(tmp_path, 6, workers=0, tall=7, wide=2)
    assert "goes on with start not given, which was one.safetensors; wide = 2, which was not given" in capfd.readouterr().err


def test_a_recipe_may_hold_fast_what_others_let_change(tmp_path):
    advance(tmp_path, 3, workers=0, start=1)
    for words, says in (({"start": 2}, "start = 2, not 1"), ({}, "start not given, which was 1")):
        with pytest.raises(DataError, match=f"cannot go on with {says}"):
            advance(tmp_path, 6, workers=0, fixed=["start"], **words)
    assert advance(tmp_path, 6, workers=0, fixed=["start"], start=1)[0].step == 6
    advance(tmp_path / "other", 3, workers=0)
    with pytest.raises(DataError, match="cannot go on with start = 1, which was not given"):
        advance(tmp_path / "other", 6, workers=0, fixed=["start"], start=1)


def test_ranks_share_the_samples_of_a_step():
    ranks = [list(StepSampler(2, 4, 3, rank=rank, world=2)) for rank in (0, 1)]
    assert ranks == [[[12, 13, 14], [18, 19, 20]], [[15, 16, 17], [21, 22, 23]]]


def test_the_rate_rises_then_falls_to_nothing():
    rates = [cosine(step, 100, warmup=10) for step in range(101)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[10] == pytest.approx(1.0)
    assert rates[-1] == pytest.approx(0.0, abs=1e-12)
    assert all(a >= b for a, b in itertools.pairwise(rates[10:]))
