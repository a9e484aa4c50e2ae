"""StyleCLIP's ways: relevance against pictures that are drawn, the picture nearer to the text, and nothing random."""

from copy import deepcopy
from functools import partial

import pytest
import torch

from mien import text, weights
from mien.errors import WeightsError
from mien.faces import identity
from mien.losses import clip
from mien.losses.clip import Comparer, away
from mien.losses.likeness import Likeness
from mien.nn.clip import KIND
from mien.nn.irse import IRSE
from mien.nn.stylegan2.generator import drawn
from mien.nn.tokens import WORDS, packed_words
from mien.text import directions


def code_of(generator, seed):
    return generator.spread(generator.map(drawn([seed], generator.code)))


def test_relevance_is_what_drawn_pictures_move_along_the_text(comparer, generator):
    generator, comparer = deepcopy(generator).double(), Comparer(deepcopy(comparer.network).double(), comparer.tokenizer)
    codes = torch.cat([generator.spread(generator.map(drawn([seed], generator.code).double())) for seed in range(3)])
    goal = directions.text_direction(comparer, "a big smile")
    spread = [style.std(0) for style in generator.styles(codes)]
    found = directions.relevance(goal, comparer, generator, codes, spread)
    assert not found[1].any() and not found[4].any()  # colours
    styles, step = generator.styles(codes), 1e-6
    for layer, channel in ((0, 3), (2, 7), (5, 11)):
        ends = []
        for sign in (1, -1):
            moved = [style.clone() for style in styles]
            moved[layer][:, channel] += sign * step * spread[layer][channel]
            ends.append((comparer.codes(generator.draw(moved)) @ goal).mean())
        assert float(found[layer][channel]) == pytest.approx(float(ends[0] - ends[1]) / (2 * step), rel=1e-3)


def test_a_move_in_codes_makes_the_steps_that_a_code_can_make(generator):
    move = torch.randn(1, generator.rows, generator.code, generator=torch.Generator().manual_seed(0))
    zero = torch.zeros_like(move)
    steps = [(a - b)[0] for a, b in zip(generator.styles(move), generator.styles(zero), strict=True)]
    again = directions.in_codes(steps, generator)
    for a, b, step in zip(generator.styles(again), generator.styles(zero), steps, strict=True):
        assert torch.allclose(a - b, step[None], atol=1e-3)


def test_a_direction_leads_to_its_text_on_average(comparer, generator):
    codes = torch.cat([code_of(generator, seed) for seed in range(100, 116)])
    goal = directions.text_direction(comparer, "angry")
    way = directions.direction("angry", comparer, generator)
    assert way is directions.direction("angry", comparer, generator)
    with torch.no_grad():
        along = [(comparer.codes(generator(codes + strength * way)) @ goal).mean() for strength in (-0.5, 0.0, 0.5)]
    assert along[0] < along[1] < along[2]


def test_optimised_codes_are_nearer_to_the_text_and_still_when_told_to(comparer, generator):
    with torch.random.fork_rng():
        torch.random.default_generator.manual_seed(0)
        likeness = Likeness(IRSE(16, (1, 1, 1, 1), (8, 8, 8, 8), 8))
    code = code_of(generator, 5)
    before = torch.random.get_rng_state()
    goal = comparer.texts(["a happy face"])
    free = text.optimised("a happy face", code, comparer, generator, likeness, steps=30, rate=0.05, still=0.05, person=0.3)
    held = text.optimised("a happy face", code, comparer, generator, likeness, steps=30, rate=0.05, still=50.0, person=0.3)
    assert torch.equal(
        free, text.optimised("a happy face", code, comparer, generator, likeness, steps=30, rate=0.05, still=0.05, person=0.3)
    )
    assert torch.equal(before, torch.random.get_rng_state())
    distances = [float(away(comparer.codes(generator(code + move)), goal)) for move in (torch.zeros_like(code), held, free)]
    assert distances[2] < distances[1] <= distances[0] and distances[2] < distances[0] - 0.02
    assert held.square().mean() < 0.1 * free.square().mean()


def test_without_a_network_it_says_how_to_get_one(generator, tmp_path, monkeypatch):
    monkeypatch.setattr(clip, "installed", list)
    with pytest.raises(WeightsError, match="no CLIP is on this machine"):
        text.move("angry", code_of(generator, 0), generator)


@pytest.mark.parametrize("by", ["directions", "optimise"])
def test_the_network_that_ships_is_warned_of_and_another_one_is_not(by, comparer, generator, tmp_path, monkeypatch):
    path = tmp_path / "clip.safetensors"
    own = comparer.network.state_dict() | {WORDS: packed_words(comparer.tokenizer)}
    weights.save(path, own, {"kind": KIND, **comparer.network.config})
    move = partial(text.move, "angry", code_of(generator, 0), generator, by=by, path=path)
    quiet = move()  # warnings are errors in tests
    person = identity.recognizer()
    monkeypatch.setattr(identity, "recognizer", lambda: person)
    monkeypatch.setattr(weights, "assets", lambda: tmp_path)
    with pytest.warns(UserWarning, match=f"sees too little for moves by {by}: .*mien weights get clip-vit-b32"):
        assert torch.equal(move(), quiet)
