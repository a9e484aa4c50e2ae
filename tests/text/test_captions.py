"""Captions hold of the picture they are made for, say what they mean in words that are known, and hold of others by what those show."""

from pathlib import Path

import numpy as np
import pytest
import torch

from mien import aus
from mien.aus import AXES, EMOTIONS
from mien.data import captions
from mien.data.captions_meanings import Shown
from mien.data.captions_words import MEANINGS, degrees
from mien.errors import DataError

NAMES = [meaning.name for meaning in MEANINGS]


def shown(*faces, turn=(0.0, 0.0, 0.0)):
    values = np.stack([aus.AUVector.of(face).values for face in faces])
    return Shown(values, np.tile(turn, (len(faces), 1)), np.zeros(len(faces)))


def held(face, **other):
    return {name for name, degree in zip(NAMES, degrees(shown(face, **other))[0], strict=True) if degree > 0.5}


def test_prototypes_are_their_emotion_and_no_other():
    for name, units in EMOTIONS.items():
        found = held(units) & set(EMOTIONS)
        assert found == {name}, name
    weak = {unit: 0.3 * value for unit, value in EMOTIONS["anger"].items()}
    assert "slight anger" in held(weak) and "strong anger" not in held(weak)
    assert "strong anger" in held(EMOTIONS["anger"])


@pytest.mark.parametrize(
    ("face", "yes", "no"),
    [
        ({"AU12": 3}, {"smile", "closed mouth", "no frown"}, {"no smile", "open mouth", "crooked smile"}),
        ({"AU12L": 4}, {"crooked smile"}, {"no frown" and "frown"}),
        ({"AU27": 5}, {"wide open mouth", "open mouth", "jaw drop", "strong open mouth"}, {"closed mouth", "smile"}),
        ({"AU43": 5}, {"closed eyes"}, {"wink", "open eyes"}),
        ({"AU43L": 5}, {"wink", "wink left"}, {"wink right", "closed eyes"}),
        ({"AU01": 3, "AU02": 3}, {"raised brows", "inner brows"}, {"frown", "neutral"}),
        ({}, {"neutral", "open eyes", "closed mouth", "frontal"}, {"smile", "happiness"}),
    ],
)
def test_units_mean_what_is_said_of_them(face, yes, no):
    assert yes <= held(face) and not no & held(face)


def test_a_turn_is_seen_from_the_subject():
    assert "turned right" in held({}, turn=(0.0, 20.0, 0.0)) and "turned left" in held({}, turn=(0.0, -20.0, 0.0))


def test_every_sentence_is_of_known_words_and_short_enough():
    rng = np.random.default_rng(0)
    words = captions.vocabulary()
    for _ in range(400):
        said = captions.say(rng.choice(len(MEANINGS), size=3, replace=False).tolist(), rng)
        assert not words.unknown(said), said
        assert len(words.encode(said)) <= captions.CONTEXT - 2, said
    assert captions.say([NAMES.index("wink left")], np.random.default_rng(1)) != captions.say([0], np.random.default_rng(1))


def test_pictures_with_captions_that_hold_of_them(heads):
    known = captions.pictures([heads], 32, "train")
    assert len(known) == 36 and len(captions.pictures([heads], 32, "val")) == 4
    samples = captions.Captioned(known, size=24, seed=0)
    for number in range(20):
        picture, tokens, meanings, holds, units = samples[number]
        assert picture.shape == (3, 24, 24) and picture.abs().max() <= 1 and tokens.shape == (captions.CONTEXT,)
        assert bool((holds[meanings] > 0.5).all())
        which = int(np.flatnonzero((known.aus == units.numpy()).all(1))[0])
        assert torch.equal(holds, torch.from_numpy(known.holds[which]))
        assert all(torch.equal(a, b) for a, b in zip(samples[number], (picture, tokens, meanings, holds, units), strict=True))
    assert len({tuple(samples[n][1].tolist()) for n in range(20)}) > 15
    assert known.holds.shape == (36, len(MEANINGS)) and known.aus.shape == (36, len(AXES))


def test_a_split_without_pictures_says_so(heads):
    with pytest.raises(DataError, match=r"no picture of the split test is in .*make more with `mien data synth`"):
        captions.pictures([Path(heads)], 32, "test")
