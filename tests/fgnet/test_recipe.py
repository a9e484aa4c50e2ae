"""The recipe `fgnet`: what is learned from what, which weights are kept, and that stopped equals never stopped."""

import json
import re
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from safetensors.torch import load_file
from torch.nn import functional as F
from torch.utils.data import default_collate

from mien import images, weights
from mien.data.heatmap_views import Stills, View
from mien.data.occurrences import SYNTHETIC
from mien.errors import DataError
from mien.metrics.detection.judged import Seen, judged
from mien.nn import calibration, fgnet
from mien.nn.encoders import Inverter, Shape, stretch
from mien.nn.fgnet import Told
from mien.nn.stylegan2 import Generator, initialise
from mien.readers.fgnet import build
from mien.recipes.fgnet import FGNetConfig, looking, terms, train
from mien.recipes.fgnet.looking import laid_over
from mien.recipes.fgnet.starting import Parts, faces, fresh, parts
from mien.training import RunOptions

NAN = float("nan")
AU04, AU12 = (SYNTHETIC.index(unit) for unit in (4, 12))


@pytest.fixture
def small(synthetic, style_files, tmp_path):
    """A run of seconds: epochs of three steps."""
    return FGNetConfig(
        data=synthetic, generator=style_files / "stylegan2.safetensors", out=tmp_path / "run", cache=tmp_path / "faces", epochs=2, batch=4,
        options=RunOptions(workers=0, every=3),
    )  # fmt: skip


def journal(config):
    return [json.loads(line) for line in (config.out / "metrics.jsonl").read_text().splitlines()]


def begun(config):
    """The network before the first step, and its faces."""
    known = faces(config, 32, Fabric(accelerator="cpu"))
    return fresh(config, parts(config), known.learned.units, known.learned.graded if config.mode == "corrected" else ()), known


def scripted(monkeypatch, scores):
    """Let validations find these F1, one after the other."""
    left = iter(scores)
    monkeypatch.setattr(looking, "judged", lambda *_: {"f1": next(left)})


def test_the_published_options_are_the_defaults():
    config = FGNetConfig()
    assert (config.batch, config.epochs, config.rate, config.decay, config.clip, config.dropout) == (16, 15, 5e-5, 5e-4, 0.1, 0.1)
    assert config.options.seed == 0 and config.options.precision == "32-true"
    assert config.epoch(100, 16) == 7 and config.epoch(130_000, 16) == 500, "of each epoch: FG-Net's grows shorter as it goes"


def test_every_option_decides_something():
    """FG-Net has some that nothing reads, such as the kind of its interpreter."""
    source = "".join(path.read_text() for path in Path(looking.__file__).parent.glob("*.py"))
    assert [field.name for field in fields(FGNetConfig) if not re.search(rf"config\.{field.name}\b", source)] == []


def test_heatmaps_are_compared_unit_by_unit_and_what_nobody_knows_counts_nothing():
    draw = torch.Generator().manual_seed(0)
    made, targets = (torch.randn(3, 4, 8, 8, generator=draw) for _ in range(2))
    present, none = torch.ones(3, 4), torch.zeros(3, 0)
    view = View(torch.zeros(3, 3, 8, 8), targets, present, none)
    assert terms(Told(made, none), view).keys() == {"heatmaps"}
    assert torch.allclose(terms(Told(made, none), view)["heatmaps"], F.mse_loss(made, targets)), "as published where all is known"
    unknown = present.clone()
    unknown[:, 2] = unknown[0] = NAN
    made.requires_grad_(True)
    loss = terms(Told(made, none), view._replace(present=unknown))["heatmaps"]
    assert torch.allclose(loss, F.mse_loss(made[1:, [0, 1, 3]], targets[1:, [0, 1, 3]]))
    loss.backward()
    assert not made.grad[0].any() and not made.grad[:, 2].any() and made.grad[1, 3].any()
    strong = terms(Told(made, torch.zeros(3, 1)), view._replace(intensities=torch.tensor([[NAN], [3.0], [NAN]])))["strength"]
    assert float(strong) == 2.5


@pytest.mark.parametrize("mode", ["corrected", "compatible"])
def test_all_parts_learn_to_see_a_unit(small, mode):
    """The same eight faces, some of them with a bright mouth, again and again."""
    config = replace(small, mode=mode, dropout=0.0)
    known = faces(config, 32, Fabric(accelerator="cpu"))
    stills = Stills(known.learned, known.learned.graded if mode == "corrected" else (), 32)
    view = View(*default_collate([stills[index] for index in range(8)]))
    view.present[:, [place for place in range(len(SYNTHETIC)) if place not in (AU04, AU12)]] = NAN
    network = fresh(config, random_parts(view.picture), known.learned.units, known.learned.graded if mode == "corrected" else ())
    start = {name: parameter.clone() for name, parameter in network.named_parameters()}
    adam = torch.optim.AdamW([parameter for parameter in network.parameters() if parameter.requires_grad], lr=2e-3)
    losses = []
    for _ in range(20):
        found = terms(network.tell(view.picture), view)
        losses.append(found["heatmaps"].item())
        adam.zero_grad()
        sum(found.values()).backward()
        adam.step()
    assert losses[-1] < 0.2 * losses[0]
    seen = network(view.picture)[:, AU12].mean((1, 2))
    assert seen[view.present[:, AU12] == 1].min() > seen[view.present[:, AU12] == 0].max() + 0.2
    moved = {name.split(".")[0] for name, parameter in network.named_parameters() if not torch.equal(parameter, start[name])}
    assert moved == {"encoder", "generator", "interpreter", *(["grades"] if mode == "corrected" else [])}


def random_parts(pictures):
    """A generator of 32 pixels and an encoder that tells pictures apart, neither of which has learned anything."""
    generator = Generator((16, 16, 16, 12), 8, 2)
    initialise(generator, torch.Generator().manual_seed(0))
    with torch.random.fork_rng():
        torch.random.default_generator.manual_seed(0)
        encoder = Inverter("e4e", Shape(size=32, units=(1, 1, 1, 1), widths=(8, 12, 16, 20), styles=8, code=8)).eval()
    stretch(encoder.encoder, pictures)
    return Parts(encoder, generator)


def test_a_run_leaves_a_reader_numbers_and_pictures(small):
    path = train(small)
    assert path == small.out / "fgnet.safetensors" and build(path).detects == tuple(f"AU{unit:02d}" for unit in SYNTHETIC)
    lines = journal(small)
    assert [line["step"] for line in lines if "val_f1" in line] == [3, 6], "after each epoch"
    last = lines[-1]
    assert 0 <= last["val_f1"] <= 1 and 0 <= last["val_auc_AU12"] <= 1 and "val_f1_AU12" in last
    assert "val_f1_AU09" not in last and "val_auc_AU09" not in last, "nobody shows it"
    (told,) = (line for line in lines if "loss" in line)
    assert told["loss"] == pytest.approx(told["heatmaps"] + small.strength * told["strength"], rel=1e-5)
    sheet = images.read(small.out / "samples" / "heatmaps-00000006.png").rgb
    assert sheet.shape == (96 * 2 * 4, 96 * (1 + len(SYNTHETIC)), 3), "four faces, what was to be drawn and what was"
    recipe = weights.load(path).recipe
    assert "\nfold = 0\n" in recipe and "corpus =" not in recipe and str(small.data) not in recipe


def test_the_probabilities_are_of_people_not_learned_from(small):
    stored = weights.load(train(small))
    held, network = calibration.of(stored, len(SYNTHETIC)), fgnet.of(stored)
    unseen = begun(small)[1].unseen
    views = [Stills(unseen, (), network.config["size"])[index] for index in range(len(unseen))]
    with torch.no_grad():
        scores = fgnet.scores(fgnet.read(network, torch.stack([view.picture for view in views])).heatmaps)
    plain = calibration.plain(len(SYNTHETIC), slope=2.0)
    wanted = calibration.fitted(scores, torch.stack([view.present for view in views]), plain)
    assert all(torch.allclose(one, other, rtol=1e-2, atol=1e-3) for one, other in zip(held, wanted, strict=True))
    nobody = SYNTHETIC.index(9)  # a unit that nobody shows keeps the published threshold
    assert held.slope[nobody] == 2.0 and held.offset[nobody] == 0 and held.threshold[nobody] == 0.5


def test_a_compatible_one_is_as_published(small):
    path = train(replace(small, mode="compatible", epochs=1))
    network, stored = fgnet.of(weights.load(path)), weights.load(path)
    assert network.config["outputs"] == 32 and network.mode == "compatible" and network.graded == ()
    assert calibration.of(stored, len(SYNTHETIC)) is None, "it decides by its scores"
    assert "strength" not in journal(replace(small, mode="compatible"))[0]


def test_the_best_weights_are_kept_and_it_ends_when_nothing_gets_better(small, monkeypatch):
    """Chosen on people of the folds that are learned from, who are not learned from: FG-Net chooses by those whom it then tests."""
    scripted(monkeypatch, [0.2, 0.5, 0.5, 0.4])
    config = replace(small, epochs=9, patience=2, mode="compatible")
    kept = load_file(train(config))
    assert journal(config)[-1]["step"] == 12, "two epochs after the second"
    assert [path.name for path in sorted(config.out.glob("*.ckpt"))] == ["step-00000009.ckpt", "step-00000012.ckpt"]
    second = replace(config, out=config.out.with_name("second"), epochs=2)
    scripted(monkeypatch, [0.2, 0.5])
    assert all(torch.equal(kept[name], value) for name, value in load_file(train(second)).items())
    last = load_file(config.out / "step-00000012.ckpt")
    assert any(not torch.equal(value, last[f"network.network.{name}"].half()) for name, value in kept.items() if value.is_floating_point())
    scripted(monkeypatch, [])
    train(config)  # it has ended: nothing is left to do


def test_it_does_not_end_before_anything_is_detected(small, monkeypatch):
    """Units that are rare are below the published threshold for long."""
    scripted(monkeypatch, [0.0, 0.0, 0.0, 0.1, 0.0])
    config = replace(small, epochs=9, patience=1, options=replace(small.options, every=1))
    train(config)
    assert journal(config)[-1]["step"] == 5


def test_f1_is_told_by_the_thresholds_that_the_reader_will_have(made):
    """Of a compatible one by the published threshold."""
    scores = torch.tensor([[-0.9], [-0.8], [-0.3], [-0.2]])
    found = Seen(scores, torch.zeros(4, 0), torch.tensor([[0.0], [0.0], [1.0], [1.0]]), torch.zeros(4, 0))
    for mode, f1 in (("corrected", 1.0), ("compatible", 0.0)):
        told = looking.told(made(units=("AU12",), mode=mode), found)
        assert told["f1"] == f1 and told["auc"] == 1.0


def test_stopped_and_resumed_equals_never_stopped(small, tmp_path):
    config = replace(small, epochs=3)
    whole, parts_ = (replace(config, out=tmp_path / name) for name in ("whole", "parts"))
    train(whole)
    train(parts_)
    (parts_.out / "step-00000009.ckpt").unlink()
    train(parts_)
    for name in ("step-00000009.ckpt", "fgnet.safetensors"):
        one, other = (load_file(folder.out / name) for folder in (whole, parts_))
        assert one.keys() == other.keys() and not [key for key in one if not torch.equal(one[key], other[key])]
    before, last = (load_file(whole.out / f"step-0000000{step}.ckpt") for step in (6, 9))
    assert any(not torch.equal(before[name], last[name]) for name in last), "the comparison can fail"
    assert journal(whole)[-1]["val_f1"] == journal(parts_)[-1]["val_f1"]


def test_samples_are_the_same_in_every_run_and_fewer_are_among_more(small):
    few, more = (begun(replace(small, samples=count))[1] for count in (12, 24))
    again = begun(replace(small, samples=12))[1]
    numbers = [sorted([*known.learned.numbers, *known.unseen.numbers]) for known in (few, more, again)]
    assert numbers[0] == numbers[2] and len(numbers[0]) == 12 and set(numbers[0]) < set(numbers[1]) and len(numbers[1]) == 24
    with pytest.raises(DataError, match="41 faces to learn from are not possible: there are 1 to 40 here"):
        begun(replace(small, samples=41))


def test_what_nobody_shows_is_no_failure():
    """F1 of such a unit is no 0, which would pull the mean down."""
    present = torch.tensor([[1.0, 0.0, NAN], [0.0, 0.0, NAN], [1.0, 0.0, 1.0]])
    scores = torch.tensor([[0.2, 0.3, -1.0], [-0.1, -0.2, 1.0], [0.0, -0.5, 0.5]])
    told = judged(Seen(scores, torch.zeros(3, 0), present, torch.zeros(3, 0)), ("AU01", "AU02", "AU04"), looking._ABOVE)
    assert told["f1_AU01"] == pytest.approx(2 / 3), "a score of 0 is none"
    assert told["f1"] == pytest.approx((2 / 3 + 1) / 2) and told["auc"] == 1.0 == told["auc_AU01"]
    assert told.keys() == {"f1", "auc", "f1_AU01", "f1_AU04", "auc_AU01"}


def test_heatmaps_on_the_sheet_are_red_and_blue():
    maps = torch.zeros(3, 8, 8)
    maps[0, :4], maps[1, 4:] = 1.0, -1.0
    tiles = laid_over(torch.full((1, 3, 8, 8), 0.5), maps)
    red, blue = tiles[0, :, 0, 0], tiles[1, :, 7, 7]
    assert red[0] > red[2] + 0.3 and blue[2] > blue[0] + 0.3
    assert torch.equal(tiles[2], torch.full((3, 8, 8), 0.5)) and np.allclose(tiles[0, :, 7, 7], 0.5)
