"""AU-CLIP's data and the terms that a mapper learns from it: against a second writing, and what is refused."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mien.data import transfers
from mien.data.layouts import auclip as latents
from mien.data.transfers import Classes, Transfers, told_classes
from mien.errors import DataError
from mien.faces import identity
from mien.losses import prompts, transfer, units
from mien.losses.likeness import Likeness
from mien.losses.transfer import Transfer, Wanted
from mien.nn.mapper import LEVELS, UNITS, LevelsMapper


def test_the_terms_are_auclips(faces, a_generator, comparer, reader, monkeypatch):
    """Against a second writing, on codes of two faces."""
    draw, generator = torch.Generator().manual_seed(0), a_generator(faces, widths=(6,) * 4, seed=2)
    likeness, read = Likeness(identity.recognizer().network), units.opened(reader)
    codes, targets, moved = (torch.randn(2, 8, 8, generator=draw) for _ in range(3))
    wanted = Wanted(codes, targets, torch.zeros(2, 8), ["happy face", "sad face"], ["mouth open", "lips closed"])
    terms = Transfer(generator, likeness, comparer, read, reach=0.2)(wanted, moved)
    made, real, goal = (generator(x).detach() for x in (codes + moved, codes, targets))
    cosine = torch.nn.functional.cosine_similarity
    told = torch.stack([cosine(comparer.codes(made), comparer.texts(each)) for each in (wanted.classes, wanted.shown)])
    assert float(terms["identity"]) == pytest.approx(float(1 - cosine(likeness.codes(made), likeness.codes(real)).mean()), abs=1e-5)
    assert float(terms["clip"]) == pytest.approx(float(1 - told.mean()), abs=1e-5)
    assert float(terms["units"]) == pytest.approx(float((read(made) - read(goal)).abs().mean()), abs=1e-5)
    assert float(terms["length"]) == pytest.approx(float(moved.square().mean()))
    assert not any(parameter.requires_grad for parameter in generator.parameters()), "only the mapper learns"


def test_the_length_counts_as_published_where_a_level_is_left_out():
    moved = torch.ones(2, 18, 512)
    moved[:, 8:] = 0
    assert float(transfer.length(moved, as_published=True)) == pytest.approx(2.25 * 8 / 18) == float(transfer.length(moved))
    moved = torch.ones(2, 18, 512)
    moved[:, :4] = 0
    assert float(transfer.length(moved, as_published=True)) == pytest.approx(2.25 * 14 / 18) and float(
        transfer.length(moved)
    ) == pytest.approx(1)
    assert float(transfer.length(torch.zeros(2, 18, 4))) == 0


@torch.no_grad()
def test_a_lesson_moves_codes_as_far_as_it_is_told_and_keeps_them_where_nothing_changes(faces, a_generator):
    network = LevelsMapper([8, 6, 8], 8, tuple(LEVELS), "calibrated", UNITS)
    wanted = Wanted(torch.zeros(1, 8, 8), torch.zeros(1, 8, 8), torch.full((1, 8), 0.3), [""], [""])
    lesson = Transfer(a_generator(faces, widths=(6,) * 4), None, None, None, reach=0.2)
    assert torch.allclose(lesson.moved(network, wanted), 0.2 * network(network.repeated(wanted.change)))
    assert float(lesson.moved(network, wanted._replace(change=torch.zeros(1, 8))).abs().max()) == 0


def test_transfers_are_from_those_that_are_trained_on_to_any_other(faces):
    found = latents.read(faces)
    samples = Transfers(found, None, as_published=True, seed=1)
    sources, targets = set(), set()
    for number in range(60):
        sample = samples[number]
        (source,), (target,) = (
            [i for i in range(len(found.codes)) if torch.equal(found.codes[i], codes)] for codes in (sample.codes, sample.targets)
        )
        assert source != target and np.allclose(sample.change, found.scores[target] - found.scores[source], atol=1e-6)
        sources.add(source)
        targets.add(target)
    assert sources == {0, 2, 3} and targets == set(range(len(found.codes)))


def test_prompts_say_class_and_strongest_units(faces):
    assert prompts.of_class("happy") == "happy human face picture." and prompts.of_class("") == "human face picture."
    scores = np.array([0.6, 0.1, 0.0, 0.9, 0.0, 0.7, 0.8, 0.55])
    assert prompts.of_units(scores) == "human face with cheek raise, mouth open, lip corner raise up."
    shut = np.array([0.0, 0.6, 0.0, 0.0, 0.0, 0.7, 0.5, 0.0])
    assert prompts.of_units(shut) == "human face with lip corner raise up, outer brow raise, mouth closed, lips closed."
    assert (
        prompts.of_units(shut, as_published=True) == "human face with lip corner raise up, outter brow raise, mouth closed, lips closed.."
    )
    assert prompts.of_units(np.zeros(8), as_published=True) == "human face with , mouth closed, lips closed.."
    found = latents.read(faces)
    sample = Transfers(found, Classes(found, told_classes(faces, "train")), as_published=False, seed=0)[0]
    target = next(i for i in range(len(found.codes)) if torch.equal(found.codes[i], sample.targets))
    assert sample.classes == f"{'happy' if target % 2 else 'sad'} human face picture."
    assert sample.shown == prompts.of_units(found.scores[target])


def test_without_a_table_the_rendering_is_read_and_without_that_one_is_asked_for(faces, monkeypatch):
    found = latents.read(faces)
    with pytest.raises(DataError, match="00003 has no rendering to see its expression in: name its class"):
        Classes(found, {}).of(3)
    reading = SimpleNamespace(
        emotions={"anger": 0.1, "contempt": 0.6, "surprise": 0.3}
        | dict.fromkeys(("disgust", "fear", "happiness", "sadness", "neutral"), 0.0)
    )
    pictures = SimpleNamespace(names=("00004.jpg",), read=lambda place: np.full((32, 32, 3), 90 + place, np.uint8))
    monkeypatch.setattr(transfers.landmarks, "find", lambda photo: [SimpleNamespace()] if photo.rgb[0, 0, 0] == 90 else [])
    monkeypatch.setattr(transfers.align, "cut", lambda photo, face, spec: photo)
    monkeypatch.setattr(transfers.registry, "reader", lambda name: SimpleNamespace(measure=lambda crops: [reading]))
    told = replace(found, pictures=None)
    object.__setattr__(told, "pictures", pictures)  # a source of pictures
    assert Classes(told, {}).of(4) == "surprise", "contempt is none of the classes"
    assert Classes(told, {4: "happy"}).of(4) == "happy"
    monkeypatch.setattr(pictures, "read", lambda place: np.zeros((32, 32, 3), np.uint8))
    assert Classes(told, {}).of(4) == "", "no face is seen"


@pytest.mark.parametrize(
    ("row", "says"), [("00001", "not a number and a class"), ("x,happy", "not a number"), ("00001,glad", "'glad' is not one of")]
)
def test_a_table_of_something_else_is_refused(tmp_path, row, says):
    assert told_classes(tmp_path, "train") == {}
    (tmp_path / "train_classes.csv").write_text(f"00000,sad\n{row}\n")
    with pytest.raises(DataError, match=f"line 2: .*{says}"):
        told_classes(tmp_path, "train")
