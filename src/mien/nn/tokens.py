"""Texts as the tokens that CLIP reads: pieces of words, by byte-pair encoding (Sennrich et al. 2016) as OpenAI published it.

A word begins as its bytes, each spelled as a printable character and the last one with a mark behind it. Pairs of neighbours are joined in
the order of a list of merges, which is published beside the network and kept in its weight file.

A small network knows some hundred whole words instead (`Words`), and leaves out all others.
"""

import difflib
import html
import re
import unicodedata
import warnings
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor

from mien.errors import EditError, WeightsError
from mien.weights import Weights

MERGES = "merges"  #: the tensor of a weight file that holds the merges: UTF-8, a pair a line
WORDS = "words"  #: the tensor of a weight file that holds whole words: UTF-8, one a line
SPECIAL = 2  #: tokens at the end of the vocabulary: begin and end
_END_OF_WORD = "</w>"
_WORDS = re.compile(r"'(?:s|t|re|ve|m|ll|d)|[^\W_]+|(?:[^\s\w]|_)+")


def _letters() -> tuple[list[str], list[str]]:
    """A printable character for each byte: itself where it is one, else the next from 256 on. As the vocabulary has them, and by byte."""
    plain = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in plain]
    spelled = {byte: chr(byte) for byte in plain} | {byte: chr(256 + n) for n, byte in enumerate(others)}
    return [spelled[byte] for byte in (*plain, *others)], [spelled[byte] for byte in range(256)]


_ALPHABET, _OF_BYTE = _letters()
BYTES = 2 * len(_ALPHABET)  #: tokens that need no merge


class Tokenizer:
    """Texts to rows of tokens."""

    def __init__(self, merges: Sequence[tuple[str, str]]) -> None:
        """`merges`: the first come first, and each makes a token of its own."""
        pieces = [*_ALPHABET, *(letter + _END_OF_WORD for letter in _ALPHABET), *(a + b for a, b in merges)]
        self._number = {piece: number for number, piece in enumerate(pieces)}
        self._rank = {pair: rank for rank, pair in enumerate(merges)}
        self.begin, self.end = len(pieces), len(pieces) + 1
        self._pieces = lru_cache(4096)(self._joined)

    def encode(self, text: str) -> list[int]:
        """The tokens of a text, without begin and end: capitals and spaces make no difference, each digit is a word."""
        plain = unicodedata.normalize("NFC", html.unescape(html.unescape(text))).lower()
        apart = "".join(f" {letter} " if unicodedata.category(letter)[0] == "N" else letter for letter in plain)
        words = ("".join(_OF_BYTE[byte] for byte in word.encode()) for word in _WORDS.findall(apart))
        return [self._number[piece] for word in words for piece in self._pieces(word)]

    def rows(self, texts: Sequence[str], context: int) -> Int64[Tensor, "t {context}"]:
        """Each text with its begin and end, filled up with 0; raises `EditError` for one that is longer than `context`."""
        return _rows(texts, [[self.begin, *self.encode(text), self.end] for text in texts], context)

    def _joined(self, word: str) -> list[str]:
        """The pieces of a word, the best pair joined wherever it stands until no pair is a merge."""
        pieces = [*word[:-1], word[-1] + _END_OF_WORD]
        while ranks := [(self._rank[pair], pair) for pair in pairwise(pieces) if pair in self._rank]:
            pieces = _merged(pieces, min(ranks)[1])
        return pieces


def _merged(pieces: Sequence[str], pair: tuple[str, str]) -> list[str]:
    made: list[str] = []
    for piece in pieces:
        if made and (made[-1], piece) == pair:
            made[-1] += piece
        else:
            made.append(piece)
    return made


class Words:
    """Texts to rows of tokens, each of which is a word; words that are not known are left out."""

    def __init__(self, known: Sequence[str]) -> None:
        """`known` are told apart by their order."""
        self.known = tuple(known)
        self._number = {word: number for number, word in enumerate(known)}
        self.begin, self.end = len(known), len(known) + 1

    @staticmethod
    def of_text(text: str) -> list[str]:
        """The words of a text, small letters; a hyphen is a space, a comma or a full stop a word."""
        plain = unicodedata.normalize("NFC", text).lower().replace("-", " ")
        return re.findall(r"[^\W\d_]+(?:['’][^\W\d_]+)?|\d+|[,.]", plain)

    def unknown(self, text: str) -> list[str]:
        """The words that are left out, in their order."""
        return list(dict.fromkeys(word for word in self.of_text(text) if word not in self._number and word not in ",."))

    def encode(self, text: str) -> list[int]:
        """The tokens of the words that are known."""
        return [self._number[word] for word in self.of_text(text) if word in self._number]

    def rows(self, texts: Sequence[str], context: int) -> Int64[Tensor, "t {context}"]:
        """As `Tokenizer.rows`; warns in one line of words that are left out, raises `EditError` where no word of a text is known."""
        made = [self.encode(text) for text in texts]
        for text, tokens in zip(texts, made, strict=True):
            if unknown := self.unknown(text):
                told = ", ".join(self._hinted(word) for word in unknown)
                if not tokens:
                    raise EditError(f"this small CLIP knows no word of {text!r} ({told}): it knows faces, such as 'a happy face'")
                warnings.warn(f"this small CLIP does not know {told}, and reads {text!r} without", stacklevel=2)
        return _rows(texts, [[self.begin, *tokens, self.end] for tokens in made], context)

    def _hinted(self, word: str) -> str:
        near = difflib.get_close_matches(word, self.known, n=1)
        return f"{word!r} (did you mean {near[0]!r}?)" if near else repr(word)


def _rows(texts: Sequence[str], tokens: Sequence[Sequence[int]], context: int) -> Int64[Tensor, "t {context}"]:
    made = np.zeros((len(texts), context), np.int64)
    for row, text, numbers in zip(made, texts, tokens, strict=True):
        if len(numbers) > context:
            raise EditError(f"the text {text[:40]!r}.. takes {len(numbers)} tokens, the network reads {context}: shorten it")
        row[: len(numbers)] = numbers
    return torch.from_numpy(made)


def packed_words(words: Words) -> Tensor:
    """The words as the tensor of a weight file."""
    return torch.frombuffer(bytearray("\n".join(words.known).encode()), dtype=torch.uint8)


def packed(merges: Sequence[tuple[str, str]]) -> Tensor:
    """The merges as the tensor of a weight file."""
    text = "\n".join(f"{a} {b}" for a, b in merges)
    return torch.frombuffer(bytearray(text.encode()), dtype=torch.uint8)


def of(stored: Weights) -> Tokenizer | Words:
    """The tokenizer in a weight file; raises `WeightsError` that says how to get it there when it has none."""
    if WORDS in stored.tensors:
        return Words(bytes(stored.tensors[WORDS].numpy()).decode().split("\n"))
    if MERGES not in stored.tensors:
        cure = "put bpe_simple_vocab_16e6.txt.gz (`mien weights get clip-bpe`) or merges.txt beside the published file, import it again"
        raise WeightsError(f"{stored.path} has no list of merges, so it reads no text: {cure}")
    lines = bytes(stored.tensors[MERGES].numpy()).decode().split("\n")
    return Tokenizer([(a, b) for a, _, b in (line.partition(" ") for line in lines)])
