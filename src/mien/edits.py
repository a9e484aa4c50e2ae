"""Edits: what a user asks of a face, as one closed union.

An edit is written ``AU12=+2`` (change by two FACS steps), ``AU12=3`` (set), ``AU12L=+2`` (one side), or ``smiling=+1`` (an
attribute direction of an engine that has it).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Literal, TypeGuard

import numpy as np

from mien import aus
from mien.aus import AUShift, AUVector
from mien.errors import EditError

_EDIT = re.compile(r"^\s*(?P<name>[A-Za-z][\w -]*?)\s*=\s*(?P<sign>[+-]?)(?P<value>\d+(?:\.\d*)?|\.\d+)\s*$")

_WRITTEN = "write AU12=+2 (change), AU12=3 (set), AU12L=+2 (one side) or smiling=+1"


@dataclass(frozen=True)
class Change:
    """One axis: change it by `value` steps (`relative`), or set it to `value`."""

    axis: str
    value: float
    relative: bool


@dataclass(frozen=True)
class AUEdit:
    """Move action units."""

    changes: tuple[Change, ...]

    def shift(self, measured: AUVector) -> AUShift:
        """The change that this edit asks of a face that shows `measured`."""
        now = measured.known
        return AUShift.of({c.axis: c.value if c.relative else c.value - now[c.axis] for c in self.changes})

    def __str__(self) -> str:
        words: list[str] = []
        left = list(self.changes)
        while left:
            change = left.pop(0)
            name = change.axis
            if left and name[-1] == "L" and left[0] == Change(aus.mirror(name), change.value, change.relative):
                left.pop(0)  # both sides alike: one word
                name = name[:-1]
            words.append(f"{name}={change.value:{'+' if change.relative else ''}g}")
        return " ".join(words)


@dataclass(frozen=True)
class TransferEdit:
    """Take over an expression, all of it or one of `mien.aus.PARTS`."""

    expression: AUVector
    only: str | None = None
    source: str = ""  #: what it was read from, for the record

    def shift(self, measured: AUVector) -> AUShift:
        """The change that leads to the expression."""
        change = self.expression - measured
        return change.only(self.only) if self.only else change

    def __str__(self) -> str:
        return f"like {self.source or 'another face'}" + (f" (only {self.only})" if self.only else "")


@dataclass(frozen=True)
class AttributeEdit:
    """Move along a named direction of an engine: ``smiling=+1``."""

    name: str
    value: float

    def __str__(self) -> str:
        return f"{self.name}={self.value:+g}"


@dataclass(frozen=True)
class TextEdit:
    """Become what words say."""

    words: str
    expression: AUVector | None = None  #: what a face of these words shows, NaN where they say nothing; None: an engine moves its codes
    by: Literal["directions", "optimise"] = "directions"  #: how an engine moves them; see `mien.text`

    def shift(self, measured: AUVector) -> AUShift:
        """The change that leads to what the words say; raises `EditError` where no action units are known of them."""
        if self.expression is None:
            raise EditError(f"{self} names no action units: an engine whose codes a network of texts can move does it (--engine stylegan)")
        return self.expression - measured

    def __str__(self) -> str:
        return f'text "{self.words}"'


Edit = AUEdit | TransferEdit | AttributeEdit | TextEdit


def _change(name: str, sign: str, number: str) -> tuple[Change, ...]:
    value = float(sign + number)
    limit = aus.MAX_INTENSITY
    if (not sign and value > limit) or abs(value) > limit:
        ranges = f"FACS intensities run from 0 to {limit:g}, changes from -{limit:g} to +{limit:g}"
        raise EditError(f"{name}={sign}{number}: {ranges}; the most is {name}={sign}{limit:g}")
    return tuple(Change(axis, value, relative=bool(sign)) for axis in aus.axes(name))


def _setting(name: object, value: object) -> str:
    """The word for an entry of a mapping."""
    if not isinstance(value, Real):
        raise EditError(
            f"{name}={value!r}: an intensity is a number from 0 to {aus.MAX_INTENSITY:g}, say {{{name!r}: 3}}; changes are written AU12=+2"
        )
    return f"{name}={float(value):g}"


def parse(words: str | Iterable[str] | Mapping[str, float]) -> tuple[Edit, ...]:
    """Read edits: ``"AU12=+2 AU4=0"``, ``["AU12=+2", "smiling=+1"]`` or ``{"AU12": 3}`` (sets).

    Raises `EditError` that names the word, and how edits are written, for anything else; also for a unit named twice.
    """
    if isinstance(words, Mapping):
        words = [_setting(name, value) for name, value in words.items()]
    listed: list[object] = [words] if isinstance(words, str) or not isinstance(words, Iterable) else list(words)
    spoken = [word for word in listed if isinstance(word, str)]
    if len(spoken) < len(listed):
        raise EditError(f"cannot read the edit {next(word for word in listed if not isinstance(word, str))!r}: {_WRITTEN}")
    tokens = [token for word in spoken for token in word.split()]
    changes: list[Change] = []
    attributes: list[Edit] = []
    for token in tokens:
        match = _EDIT.match(token)
        if match is None:
            raise EditError(f"cannot read the edit {token!r}: {_WRITTEN}")
        name, sign, number = match["name"], match["sign"], match["value"]
        if re.fullmatch(r"(?i)AU\d+[LR]?", name):
            changes.extend(_change(name, sign, number))
        else:
            attributes.append(AttributeEdit(name, float(sign + number)))
    axes = [c.axis for c in changes]
    twice = sorted({axis for axis in axes if axes.count(axis) > 1})
    if twice:
        both = len(twice) > 1 and aus.mirror(twice[0]) == twice[1]
        raise EditError(f"{twice[0][:-1] if both else twice[0]} is given twice: say each action unit once")
    return ((AUEdit(tuple(changes)),) if changes else ()) + tuple(attributes)


def change_by(shift: AUShift) -> AUEdit:
    """The edit that changes every axis by the given steps."""
    return AUEdit(tuple(Change(axis, steps, relative=True) for axis, steps in shift.items()))


def to_emotion(name: str) -> TransferEdit:
    """The edit that leads to the prototype of an emotion; units that no prototype uses stay as they are (gaze, blinks).

    Raises `EditError` for an unknown emotion.
    """
    used = {axis: 0.0 for prototype in aus.EMOTIONS.values() for unit in prototype for axis in aus.axes(unit[:4])}
    wanted = dict(aus.emotion(name).items())
    return TransferEdit(AUVector.of(used | wanted, others=np.nan), source=f"the emotion {name}")


def names_units(edit: Edit) -> TypeGuard[AUEdit | TransferEdit | TextEdit]:
    """Whether an edit says what action units should do."""
    return isinstance(edit, AUEdit | TransferEdit) or (isinstance(edit, TextEdit) and edit.expression is not None)


def commanded(wanted: Iterable[Edit], measured: AUVector) -> AUVector:
    """The expression that edits, done one after the other, ask of a face that shows `measured`; NaN along axes they do not touch.

    Attributes, and texts whose units nobody knows, name no intensities and are passed over.
    """
    now, touched = measured.known, np.zeros(len(aus.AXES), dtype=bool)
    for edit in wanted:
        if names_units(edit):
            shift = edit.shift(now)
            named = {c.axis for c in edit.changes} if isinstance(edit, AUEdit) else set(shift.moved)
            touched |= np.isin(aus.AXES, list(named))
            now = now + shift
    return AUVector(np.where(touched, now.values, np.nan))
