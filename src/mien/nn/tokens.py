"""Texts as the tokens that CLIP reads: pieces of words, by byte-pair encoding (Sennrich et al. 2016) as OpenAI published it.

A word begins as its bytes, each spelled as a printable character and the last one with a mark behind it. Pairs of neighbours are joined in
the order of a list of merges, which is published beside the network and kept in its weight file.
"""

import html
import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor

from mien.errors import UsageError, WeightsError
from mien.weights import Weights

MERGES = "merges"  #: the tensor of a weight file that holds the merges: UTF-8, a pair a line
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
        """Each text with its begin and end, filled up with 0; raises `UsageError` for one that is longer than `context`."""
        made = np.zeros((len(texts), context), np.int64)
        for row, text in zip(made, texts, strict=True):
            tokens = [self.begin, *self.encode(text), self.end]
            if len(tokens) > context:
                raise UsageError(f"the text {text[:40]!r}.. takes {len(tokens)} tokens, the network reads {context}: shorten it")
            row[: len(tokens)] = tokens
        return torch.from_numpy(made)

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


def packed(merges: Sequence[tuple[str, str]]) -> Tensor:
    """The merges as the tensor of a weight file."""
    text = "\n".join(f"{a} {b}" for a, b in merges)
    return torch.frombuffer(bytearray(text.encode()), dtype=torch.uint8)


def of(stored: Weights) -> Tokenizer:
    """The tokenizer in a weight file; raises `WeightsError` that says how to get it there when it has none."""
    if MERGES not in stored.tensors:
        cure = "put bpe_simple_vocab_16e6.txt.gz (`mien weights get clip-bpe`) or merges.txt beside the published file, import it again"
        raise WeightsError(f"{stored.path} has no list of merges, so it reads no text: {cure}")
    lines = bytes(stored.tensors[MERGES].numpy()).decode().split("\n")
    return Tokenizer([(a, b) for a, _, b in (line.partition(" ") for line in lines)])
