"""Texts as tokens, with a small list of merges whose result is known by hand."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mien import weights
from mien.errors import EditError, WeightsError
from mien.nn import tokens
from mien.nn.tokens import BYTES, MERGES, Tokenizer

LIST = [("l", "o"), ("lo", "w</w>"), ("e", "r</w>"), ("lo", "w"), ("low", "er</w>"), ("'", "s</w>")]


@pytest.fixture
def small():
    return Tokenizer(LIST)


def joined(n):
    return BYTES + n


def ended(letter):
    return Tokenizer([]).encode(letter)[0]


def test_pairs_are_joined_in_the_order_of_the_list(small):
    assert small.encode("low") == [joined(1)]
    assert small.encode("lower") == [joined(4)]
    assert small.encode("lowest")[0] == joined(3)
    assert small.encode("lolo")[0] == joined(0) and len(small.encode("lolo")) == 3
    assert (small.begin, small.end) == (joined(6), joined(7))


def test_letters_are_the_published_alphabet():
    """``!`` is the first of the vocabulary, and a letter that ends a word has 256 more."""
    assert ended("!") == 256 and ended("a") == 256 + ord("a") - ord("!")
    assert Tokenizer([]).encode("ab") == [ord("a") - ord("!"), ended("b")]
    assert len(Tokenizer([]).encode("é")) == 2  # bytes


def test_words_begin_where_the_published_pattern_says(small):
    assert small.encode("LOW  &amp;\n low") == [joined(1), ended("&"), joined(1)]
    assert small.encode("low's") == [joined(1), joined(5)]
    assert small.encode("12") == [ended("1"), ended("2")]
    assert small.encode("low2low") == [joined(1), ended("2"), joined(1)]
    assert small.encode("low_low") == [joined(1), ended("_"), joined(1)]
    assert small.encode("½") == Tokenizer([]).encode("½") and small.encode("") == []


@given(st.text(max_size=30))
def test_any_text_has_tokens(text):
    assert all(0 <= token < BYTES + len(LIST) for token in Tokenizer(LIST).encode(text))


def test_rows_begin_end_and_are_filled_up(small):
    assert small.rows(["low", ""], 5).tolist() == [[joined(6), joined(1), joined(7), 0, 0], [joined(6), joined(7), 0, 0, 0]]
    with pytest.raises(EditError, match=r"the text 'low low low'.. takes 5 tokens, the network reads 4: shorten it"):
        small.rows(["low low low"], 4)


def test_a_weight_file_keeps_the_list(tmp_path, small):
    weights.save(tmp_path / "a.safetensors", {MERGES: tokens.packed(LIST)}, {"kind": "clip"})
    again = tokens.of(weights.load(tmp_path / "a.safetensors"))
    assert again.encode("lower lowest's") == small.encode("lower lowest's") and again.end == small.end
    weights.save(tmp_path / "b.safetensors", {"a": torch.ones(1)}, {"kind": "clip"})
    with pytest.raises(WeightsError, match=r"b\.safetensors has no list of merges.*mien weights get clip-bpe"):
        tokens.of(weights.load(tmp_path / "b.safetensors"))
