"""The recipe `auclip`: both kinds of data, both modes, best weights kept, and that stopped and resumed equals never stopped."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch.utils.data import default_collate

from mien import images, weights
from mien.aus import AXES as ALL
from mien.data.changes import Changes
from mien.data.expressions import AXES, open_expressions
from mien.data.layouts import auclip as latents
from mien.errors import DataError, MienError, UsageError
from mien.inversion import choosing
from mien.inversion.encoding import encoded
from mien.losses import clip, reconstruction, units
from mien.losses.imitation import Imitation
from mien.nn import mapper
from mien.nn.mapper import LEVELS, UNITS, LevelsMapper
from mien.nn.stylegan2 import Generator
from mien.recipes.auclip import AUCLIPConfig, sitting, train
from mien.recipes.auclip.looking import followed
from mien.recipes.auclip.starting import begin
from mien.training import RunOptions, launch


@pytest.fixture
def small(expressions, networks, reader, options, monkeypatch):
    for part in ("looking", "finishing"):
        monkeypatch.setattr(f"mien.recipes.auclip.{part}.VALIDATED", 4)
    monkeypatch.setattr("mien.recipes.auclip.finishing.gains", lambda mapper, generator, sitters, redrawer: [2.0] * len(mapper.units))
    return AUCLIPConfig(
        data=expressions, generator=networks, reader=reader, steps=6, batch=2, pairs=3, width=8, memory=4, rate=0.5, options=options
    )


def test_a_calibrated_mapper_comes_nearer_to_the_other_expression(small, expressions, networks, tmp_path):
    path = train(replace(small, out=tmp_path, steps=60, pairs=16, rate=1.0, options=replace(small.options, every=60)))
    network = mapper.of(weights.load(path))
    assert network.units == AXES and network.config["mode"] == "calibrated" and network.config["widths"] == [len(AXES), 8]
    told = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    first, last = (line for line in told if "codes" in line)
    assert last["step"] == 60 and told[-1]["val_codes"] < 0.9, "1 is what a mapper that moves nothing has"
    assert torch.equal(network(torch.zeros(1, 10, len(AXES))), torch.zeros(1, 10, 8)) and first["step"] == 50
    assert 'mode = "calibrated"' in weights.load(path).recipe and str(expressions) not in weights.load(path).recipe
    sheet = images.read(tmp_path / "samples" / "faces-00000060.png").rgb
    assert sheet.shape == (2 * 64, 6 * 64, 3)
    assert networks.is_file()


def test_stopped_and_resumed_equals_never_stopped(small, tmp_path):
    small = replace(small, options=replace(small.options, workers=1))
    whole = train(replace(small, out=tmp_path / "whole"))
    parts = replace(small, out=tmp_path / "parts")
    train(parts)
    (tmp_path / "parts" / "step-00000006.ckpt").unlink()
    train(parts)
    one, other = (load_file(tmp_path / name / "step-00000006.ckpt") for name in ("whole", "parts"))
    assert one.keys() == other.keys() and not [name for name in one if not torch.equal(one[name], other[name])]
    before = load_file(tmp_path / "parts" / "step-00000003.ckpt")
    assert any(not torch.equal(before[name], one[name]) for name in one), "the comparison can fail"
    assert whole.is_file()


def test_the_best_weights_are_kept(small, tmp_path, monkeypatch):
    """A rate that ruins what was learned: the file has what was good."""
    monkeypatch.setattr("mien.recipes.auclip.cosine", lambda step, total, warmup: 1e-3 if step < 3 else 1e4)
    path = train(replace(small, out=tmp_path, memory=0))
    told = [line for line in map(json.loads, (tmp_path / "metrics.jsonl").read_text().splitlines()) if "val_loss" in line]
    assert [line["step"] for line in told] == [0, 3, 6] and told[1]["val_loss"] < told[2]["val_loss"]
    kept, last = load_file(path), load_file(tmp_path / "step-00000006.ckpt")
    early = load_file(tmp_path / "step-00000003.ckpt")
    assert all(torch.allclose(value, early[f"network.network.{name}"], atol=0.1) for name, value in kept.items())
    assert not all(torch.equal(value, last[f"network.network.{name}"]) for name, value in kept.items())


def test_a_loss_that_is_no_number_ends_the_run_with_what_to_do(small, tmp_path, monkeypatch):
    wild = mapper.LevelsMapper((len(AXES), 8), 10, tuple(LEVELS), "calibrated", AXES)
    with torch.no_grad():
        for tensor in wild.parameters():
            tensor.fill_(1e38)
    weights.save(tmp_path / "wild.safetensors", wild.state_dict(), {"kind": "auclip", **wild.config})
    with pytest.raises(MienError, match=r"at step 0 the loss on faces not learned from is (nan|inf): leave --start out"):
        train(replace(small, out=tmp_path / "wild", start=tmp_path / "wild.safetensors"))
    monkeypatch.setattr("mien.recipes.auclip.cosine", lambda step, total, warmup: 1e30)
    with pytest.raises(MienError, match=r"at step 3 the loss .* is (nan|inf): take a lower --rate than 0\.5, and --resume never"):
        train(replace(small, out=tmp_path / "fast", memory=0))
    assert (tmp_path / "fast" / "auclip.safetensors").is_file(), "what was best before is kept"


def test_without_its_data_it_says_what_fills_the_folder(small, tmp_path):
    with pytest.raises(DataError, match=r"nowhere has no synth\.json: `mien data synth --photos PHOTOS -o .*nowhere` fills it"):
        train(replace(small, out=tmp_path / "run", data=tmp_path / "nowhere"))
    with pytest.raises(DataError, match="nowhere is not a folder"):
        train(replace(small, out=tmp_path / "run", data=tmp_path / "nowhere", mode="compatible", clip=0.0))


def test_two_processes_train_one_mapper(small, faces, tmp_path):
    (tmp_path / "start.py").write_text("from mien.cli import main\nmain()\n")
    generator = faces / "stylegan2.safetensors"
    options = {"data": faces, "generator": generator, "reader": small.reader, "clip": 0, "steps": 2, "batch": 1, "width": 8}
    words = [
        word
        for name, value in (options | {"devices": 2, "workers": 0, "every": 2, "out": "run"}).items()
        for word in (f"--{name}", str(value))
    ]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "start.py", "train", "auclip", *words]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    told = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert told[-1]["images"] == 4 and (tmp_path / "run" / "auclip.safetensors").is_file()


def test_of_two_processes_each_encodes_its_share_and_both_have_all_codes(expressions, networks, tmp_path):
    people = open_expressions(expressions)
    alone = encoded(people, choosing.networks(choosing.files(networks))[0].encoder, launch(RunOptions()))
    command = [sys.executable, Path(__file__).with_name("ranks.py"), expressions, networks, tmp_path]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run([*map(str, command)], env=env, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    for rank in range(2):
        count, codes = torch.load(tmp_path / f"{rank}.pt", weights_only=True)  # noqa: TID251 - of our own
        assert count == -(-len(people) // 2) and torch.allclose(codes, alone, atol=1e-5)


def test_samples_of_changes_are_of_one_person_and_what_they_say(expressions, networks):
    people = open_expressions(expressions)
    codes = encoded(people, choosing.networks(choosing.files(networks))[0].encoder, launch(RunOptions()))
    samples = Changes(people, codes, 64, 3, seed=4)
    for number in range(8):
        sample, indices = samples[number], samples.indices(number)
        assert len(set(people.people[indices.ravel()])) == 1 and (indices[:, 0] != indices[:, 1]).all()
        assert torch.equal(sample.before, codes[indices[:, 0]]) and torch.equal(sample.after, codes[indices[:, 1]])
        assert np.allclose(sample.change, people.shown[indices[:, 1]] - people.shown[indices[:, 0]])
        assert torch.equal(sample.real, people.picture(int(indices[0, 0]), 64))
        assert torch.equal(sample.changed, people.picture(int(indices[0, 1]), 64))
    assert torch.equal(samples[5].before, Changes(people, codes, 64, 3, seed=4)[5].before)
    apart = [float((codes[i] - codes[j]).square().mean()) for group in people.of_person() for i in group for j in group if i != j]
    assert samples.spread() == pytest.approx(np.mean(apart), rel=1e-4)


@torch.no_grad()
def test_what_the_generator_cannot_draw_costs_nothing(expressions, networks, reader):
    """A mapper that moves nothing has no loss in pictures where nothing changes, however unlike the face is; and one where it does."""
    found = choosing.networks(choosing.files(networks))[0]
    people = open_expressions(expressions)
    lesson = Imitation(found.generator, reconstruction.installed(), units.opened(reader), spread=2.0)
    batch = default_collate(
        [Changes(people, encoded(people, found.encoder, launch(RunOptions())), 64, 2, seed=4)[number] for number in range(3)]
    )
    still = lesson(batch._replace(changed=batch.real, after=batch.before), torch.zeros_like(batch.before))
    assert {name: float(term) for name, term in still.items()} == pytest.approx(dict.fromkeys(still, 0.0), abs=1e-5)
    terms = lesson(batch, torch.zeros_like(batch.before))
    made, goal = (lesson.shown(batch, torch.zeros_like(batch.before))[i] for i in (1, 2))
    assert float(terms["colours"]) == pytest.approx(float((made - goal).square().mean())) and float(terms["colours"]) > 1e-3
    assert torch.allclose(goal - made, batch.changed - batch.real, atol=1e-5)
    assert float(terms["codes"]) == pytest.approx(float((batch.after - batch.before).square().mean()) / 2)


def test_the_published_defaults_are_those_of_the_compatible_mode():
    compatible, own = AUCLIPConfig(mode="compatible"), AUCLIPConfig()
    assert (compatible.steps, compatible.batch, compatible.rate, compatible.optimizer) == (50_000, 4, 0.5, "ranger")
    assert (compatible.identity, compatible.clip, compatible.length, compatible.units, compatible.memory) == (0.2, 0.8, 0.5, 1.0, 0)
    assert own.steps < compatible.steps and AUCLIPConfig(mode="compatible", steps=7).steps == 7


def test_from_auclips_data_a_calibrated_mapper_has_auclips_defaults(faces, expressions):
    published, own = AUCLIPConfig(mode="compatible", data=faces), AUCLIPConfig(data=faces)
    decided = ("steps", "batch", "rate", "units", "length", "memory")
    assert [getattr(own, name) for name in decided] == [getattr(published, name) for name in decided]
    assert AUCLIPConfig(data=expressions).steps == AUCLIPConfig().steps == 300 and AUCLIPConfig(data=faces, steps=5).steps == 5


class Drawing(Generator):
    """Draws a face for codes above 0, and nothing for others."""

    face = torch.zeros(3, 4, 4)

    def forward(self, codes):
        return torch.stack([self.face if code.mean() > 0 else torch.zeros_like(self.face) for code in codes])


def test_gains_are_measured_on_the_calmest_latents_whose_face_is_found(drawn):
    generator = Drawing([4, 4], 6, 1)
    generator.face = torch.from_numpy(drawn.photo.rgb.copy()).permute(2, 0, 1) / 127.5 - 1
    codes = torch.tensor([1.0, -1.0, 2.0, 3.0])[:, None, None].expand(4, 2, 6).contiguous()
    scores = np.tile([[0.9], [0.1], [0.2], [np.nan]], 8)
    seated = sitting.drawn(generator, latents.Latents(codes, scores, np.arange(3), None, ()))
    assert [float(sitter.code.mean()) for sitter in seated] == [2, 1], "no face is drawn of the second, and the last has no scores"
    assert np.abs(seated[0].face.landmarks[:, :2] - drawn.face.landmarks[:, :2]).mean() < 6
    assert np.array_equal(seated[0].rgb, drawn.photo.rgb)
    turn = seated[0].pose.rotation
    assert np.allclose(turn @ turn.T, np.eye(3), atol=1e-6)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"batch": 0}, "batch = 0 is not allowed: at least 1"),
        ({"rate": -1.0}, "rate = -1.0 is not allowed: above 0"),
        ({"coarse": False, "medium": False, "fine": False}, "coarse, medium and fine are all left out"),
    ],
)
def test_what_cannot_be_trained_is_refused(wrong, says):
    with pytest.raises(UsageError, match=says):
        AUCLIPConfig(**wrong)


def test_it_goes_on_from_a_mapper_and_measures_its_gains_anew(small, faces, tmp_path):
    first = train(replace(small, out=tmp_path / "first"))
    path = train(replace(small, out=tmp_path / "second", start=first, steps=1, rate=1e-6, options=replace(small.options, every=1)))
    one, other = load_file(first), load_file(path)
    assert all(torch.allclose(one[name], other[name], atol=1e-3) for name in one)
    found = mapper.of(weights.load(path))
    assert found.gains == (2.0,) * len(AXES) and found.limit > 0
    with pytest.raises(UsageError, match=r"does not fit \(calibrated, codes of 10 x 8, 38 units, not compatible"):
        train(replace(small, mode="compatible", clip=0.0, data=faces, generator=faces / "stylegan2.safetensors", start=first, out=tmp_path))


def test_followed_is_the_mean_correlation_of_what_was_asked_for():
    """Over batches, of the units of which any change was asked: one that is read, one that is not; and none."""
    asked = torch.randn(12, 3, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 1.0, 0.0])
    read = torch.stack([3 * asked[:, 0] + 1, torch.zeros(12), asked[:, 0]], 1)
    assert followed([(read[:5], asked[:5]), (read[5:], asked[5:])]) == pytest.approx(0.5)
    assert followed([(read, torch.zeros(12, 3))]) == 0


def test_linear_levels_begin_with_what_explains_codes_best(expressions, networks):
    """Of codes that are linear in what is shown, and of whoever shows it, the map itself."""
    people, draw = open_expressions(expressions), torch.Generator().manual_seed(0)
    truth = {level: torch.randn(len(AXES), 8, generator=draw) for level in LEVELS}
    shown = torch.from_numpy(people.shown)
    who = torch.randn(21, 10, 8, generator=draw)[people.people]

    def led(steps):
        return torch.cat([(steps @ truth[level])[:, None].expand(-1, count, -1) for level, count in zip(LEVELS, (4, 4, 2), strict=True)], 1)

    network = LevelsMapper([len(AXES), 8], 10, tuple(LEVELS), "calibrated", AXES)
    begin(network, Changes(people, who + led(shown), 64, 2, seed=0))
    change = shown[:1] - shown[1:2]
    expected = led(change)
    assert torch.allclose(network(network.repeated(change)), expected, atol=0.2 * float(expected.abs().max()))
    other = torch.roll(expected, 1, 2)
    assert not torch.allclose(network(network.repeated(change)), other, atol=0.2 * float(expected.abs().max()))


def test_sitters_are_people_at_their_calmest(expressions, networks):
    found = choosing.networks(choosing.files(networks))[0]
    people = open_expressions(expressions, "val")
    seated = sitting.calmest(Changes(people, encoded(people, found.encoder, launch(RunOptions())), 64, 2, seed=0))
    assert len(seated) == 2
    for sitter, person in zip(seated, people.of_person(), strict=True):
        least = person[np.abs(people.shown[person]).sum(1).argmin()]
        assert np.array_equal(sitter.rgb, people.faces.picture(int(people.numbers[least]))) and sitter.code.shape == (1, 10, 8)


def test_a_compatible_mapper_is_not_learned_from_expressions(small, tmp_path):
    with pytest.raises(UsageError, match="a compatible mapper learns from AU-CLIP's data"):
        train(replace(small, out=tmp_path, mode="compatible"))


@pytest.mark.parametrize("mode", ["compatible", "calibrated"])
def test_either_mode_learns_from_auclips_data(small, faces, tmp_path, mode):
    config = replace(small, data=faces, generator=faces / "stylegan2.safetensors", mode=mode, clip=0.0, out=tmp_path, memory=0)
    network = mapper.of(weights.load(train(config)))
    assert network.units == UNITS and network.config["mode"] == mode and network.styles == 8
    assert network.config["widths"] == ([8, 16, 32, 64, 128, 256, 512, 512, 512, 8] if mode == "compatible" else [8, 8])
    told = json.loads((tmp_path / "metrics.jsonl").read_text().splitlines()[-1])
    assert {"val_identity", "val_units", "val_length", "val_loss"} <= told.keys()
    weighed = 0.2 * told["val_identity"] + config.units * told["val_units"] + config.length * told["val_length"]
    assert told["val_loss"] == pytest.approx(weighed, rel=1e-4)


def test_codes_of_another_generator_are_refused(small, faces, tmp_path):
    with pytest.raises(UsageError, match=r"has codes of 8 x 8, .* takes 10 x 8"):
        train(replace(small, data=faces, clip=0.0, out=tmp_path))


def test_clip_takes_part_where_it_is_there(small, faces, comparer, tmp_path, monkeypatch):
    monkeypatch.setattr(clip, "opened", lambda path, as_published: comparer)
    train(replace(small, data=faces, generator=faces / "stylegan2.safetensors", out=tmp_path, memory=0))
    told = json.loads((tmp_path / "metrics.jsonl").read_text().splitlines()[-1])
    assert 0 < told["val_clip"] < 2


def test_units_are_all_of_the_axes_of_the_labels():
    assert set(AXES) <= set(ALL)
