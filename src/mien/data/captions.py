"""Captions of faces: sentences of many kinds about what a picture shows, and pictures with captions that hold of them.

As each caption is made of meanings (`mien.data.captions_words`) it is known of every other picture too how far it holds: the product of the
degrees to which its meanings do. So no caption of a batch is taken for wrong where it is right.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import Float32, Int, Int64, UInt8
from torch import Tensor
from torch.utils.data import Dataset

from mien.data.augment import degraded
from mien.data.captions_meanings import Shown
from mien.data.captions_words import MEANINGS, degrees
from mien.data.crops import open_crops
from mien.data.synth.store import SynthFaces
from mien.errors import DataError
from mien.geometry.fitting import fit, neutral
from mien.nn.tokens import Words

MOST = 3  #: meanings of a caption
NOTHING = 0  #: the meaning that holds of every face: a place that is not used
CONTEXT = 32  #: tokens of a caption, at most
_COUNTS = (0.04, 0.52, 0.28, 0.16)  # of captions with 0..3 meanings
_HOLDS = 0.5  # degree from which on something is said
_WHO = (
    "face",
    "person",
    "man",
    "woman",
    "human face",
    "human face picture",
    "portrait",
    "girl",
    "boy",
    "child",
    "guy",
    "lady",
    "head",
    "expression",
    "look",
)
_PEOPLE = (
    "someone",
    "somebody",
    "a person",
    "a man",
    "a woman",
    "a face",
    "he",
    "she",
    "they",
    "the person",
    "a human face",
    "the face",
    "this person",
)
_PICTURES = ("a photo of", "a picture of", "a portrait of", "an image of", "a close up of", "this is", "here is")
_MAKE = ("make", "make him", "make her", "make them", "make the face", "make it", "let her be", "let him look")
_IS = ("is", "looks", "who is", "who looks", "seems", "that looks", "looking", "being", "appears")
_WITH = ("with", "has", "having", "who has", "shows", "showing")

Sample = tuple[Float32[Tensor, "3 s s"], Tensor, Tensor, Float32[Tensor, " m"], Float32[Tensor, " axes"]]


def say(meanings: Sequence[int], rng: np.random.Generator) -> str:
    """A sentence of these `MEANINGS`; of none it says that there is a face."""
    adjectives, nouns = list[str](), list[str]()
    for meaning in (MEANINGS[number] for number in meanings if number != NOTHING):
        kinds = [(adjectives, meaning.adjectives)] * bool(meaning.adjectives) + [(nouns, meaning.nouns)] * bool(meaning.nouns)
        said, words = kinds[rng.integers(len(kinds))]
        said.append(_one(words, rng))
    sentence = _sentence(_listed(adjectives, rng), _listed(nouns, rng), rng)
    return sentence + "." if rng.random() < 0.3 else sentence


def _sentence(adjectives: str, nouns: str, rng: np.random.Generator) -> str:
    with_nouns = f" {_one(_WITH, rng)} {nouns}" if nouns else ""
    bare = rng.random()
    if bare < 0.12 and (adjectives or nouns):
        return ", ".join(part for part in (adjectives, nouns) if part)
    if bare < 0.3 and adjectives:
        start = _one(_MAKE, rng) if bare < 0.18 else f"{_one(_PEOPLE, rng)} {_one(_IS, rng)}"
        return f"{start} {adjectives}{with_nouns}"
    who = f"{_article(adjectives)}{adjectives} {_one(_WHO, rng)}" if adjectives else f"a {_one(_WHO, rng)}"
    start = f"{_one(_PICTURES, rng)} " if rng.random() < 0.3 else ""
    if rng.random() < 0.2:
        who = who.split(" ", 1)[1]  # "angry face"
    return f"{start}{who}{with_nouns}"


def _one(words: Sequence[str], rng: np.random.Generator) -> str:
    return words[int(rng.integers(len(words)))]


def _article(word: str) -> str:
    return "an " if word[0] in "aeiou" else "a "


def _listed(words: Sequence[str], rng: np.random.Generator) -> str:
    return (" and " if rng.random() < 0.5 else ", ").join(words)


@cache
def vocabulary() -> Words:
    """Every word that a caption may have."""
    said = [phrase for meaning in MEANINGS for phrase in (*meaning.adjectives, *meaning.nouns)]
    rest = [*_WHO, *_PEOPLE, *_PICTURES, *_MAKE, *_IS, *_WITH, "an and , ."]
    return Words(sorted({word for phrase in (*said, *rest) for word in Words.of_text(phrase)}))


@dataclass(frozen=True, eq=False)
class Pictures:
    """Pictures and how far each of `MEANINGS` holds of them."""

    rgb: UInt8[np.ndarray, "n s s 3"]
    aus: Float32[np.ndarray, "n axes"]
    holds: Float32[np.ndarray, "n m"]

    def __len__(self) -> int:
        return len(self.rgb)

    def some(self, which: Int[np.ndarray, " k"]) -> "Pictures":
        """Those of these numbers."""
        return Pictures(self.rgb[which], self.aus[which], self.holds[which])


def pictures(folders: Sequence[Path], size: int, split: str) -> Pictures:
    """Those of folders that `mien data synth` filled, `size` pixels a side, that belong to a split.

    Faces of a crop set are in the split that it says; of all others, the first nine of ten are ``train`` and the rest ``val``. Raises
    `DataError` where nothing is left.
    """
    rgb, aus_, turns, drawn = list[np.ndarray](), list[np.ndarray](), list[np.ndarray](), list[float]()
    for folder in folders:
        for label, picture in _of(SynthFaces(folder), split):
            rgb.append(cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA))
            aus_.append(label["aus"])
            turns.append(label["rotation"])
            drawn.append(float(label["photo"] < 0))
    if not rgb:
        raise DataError(f"no picture of the split {split} is in {', '.join(map(str, folders))}: make more with `mien data synth`")
    turned = fit.angles(np.stack(turns).astype(np.float64), neutral.bundled())
    shown = Shown(np.stack(aus_).astype(np.float64), turned, np.array(drawn))
    return Pictures(np.stack(rgb), np.stack(aus_).astype(np.float32), degrees(shown).astype(np.float32))


def _of(faces: SynthFaces, split: str) -> Iterator[tuple[np.void, UInt8[np.ndarray, "h w 3"]]]:
    photos = Path(faces.about["photos"] or "none")
    splits = open_crops(photos).splits if photos.suffix == ".npz" and photos.is_file() else None
    for number in range(len(faces)):
        label = faces.label(number)
        fallback = "train" if number < 0.9 * len(faces) else "val"
        if (splits[int(label["photo"])] if splits else fallback) == split:
            yield label, faces.picture(number)


class Captioned(Dataset[Sample]):
    """Endless pairs: a picture (RGB in -1..1), a caption of it as tokens, its meanings, how far each of `MEANINGS` holds, action units."""

    def __init__(self, known: Pictures, *, size: int, seed: int) -> None:
        """The middle `size` pixels of the pictures, which are moved about."""
        self.known, self.size, self.seed = known, size, seed
        said = (known.holds > _HOLDS).mean(axis=0)
        #: rare things are said more often than they would come up
        self._weights = np.array([meaning.weight for meaning in MEANINGS]) / np.sqrt(said + 0.01)
        self._words = vocabulary()

    def __getitem__(self, number: int) -> Sample:
        """Sample `number` is the same in every run."""
        rng = np.random.default_rng([self.seed, number])
        which = int(rng.integers(len(self.known)))
        meanings = self._drawn(self.known.holds[which], rng)
        tokens = self._words.rows([say(meanings.tolist(), rng)], CONTEXT)[0]
        picture = torch.from_numpy(self._moved(self.known.rgb[which], rng)).permute(2, 0, 1).float() / 127.5 - 1
        holds, shown = self.known.holds[which], self.known.aus[which]
        return picture, tokens, torch.from_numpy(meanings), torch.from_numpy(holds), torch.from_numpy(shown)

    def captions(self, number: int, count: int) -> tuple[Int64[Tensor, "n t"], Int64[Tensor, "n k"]]:
        """Captions without their pictures, as tokens, and their meanings; the same of a `number` in every run."""
        rng = np.random.default_rng([self.seed, number])
        meanings = [self._drawn(self.known.holds[int(rng.integers(len(self.known)))], rng) for _ in range(count)]
        return self._words.rows([say(row.tolist(), rng) for row in meanings], CONTEXT), torch.from_numpy(np.stack(meanings))

    def _drawn(self, holds: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Some meanings that hold, padded with `NOTHING`."""
        odds = np.where(holds > _HOLDS, holds * self._weights, 0.0)
        count = min(int(rng.choice(len(_COUNTS), p=_COUNTS)), int((odds > 0).sum()))
        chosen = rng.choice(len(odds), size=count, replace=False, p=odds / odds.sum()) if count else np.zeros(0, np.int64)
        return np.pad(chosen, (0, MOST - count), constant_values=NOTHING)

    def _moved(self, rgb: UInt8[np.ndarray, "l l 3"], rng: np.random.Generator) -> UInt8[np.ndarray, "s s 3"]:
        """Somewhat larger, smaller or aside, and half of them as another camera would have it."""
        scale = np.exp(0.06 * rng.normal())
        turn = cv2.getRotationMatrix2D(((rgb.shape[1] - 1) / 2,) * 2, float(3.0 * rng.normal()), float(scale))
        turn[:, 2] += (self.size - rgb.shape[0]) / 2 + 0.03 * self.size * rng.normal(size=2)
        moved = cv2.warpAffine(rgb, turn, (self.size, self.size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
        return degraded(moved, rng) if rng.random() < 0.5 else np.ascontiguousarray(moved)
