"""The three folds of BP4D and DISFA in which nobody is in two: those of FG-Net's label files; a fold's people are tested in it."""

from collections.abc import Mapping


def _people(letter: str, numbers: str) -> frozenset[str]:
    return frozenset(f"{letter}{int(number):03d}" for number in numbers.split())


BP4D: Mapping[int, frozenset[str]] = {
    0: _people("F", "1 2 8 9 10 16 18 23") | _people("M", "1 4 7 8 12 14"),
    1: _people("F", "3 5 11 13 20 22") | _people("M", "2 5 10 11 13 16 17 18"),
    2: _people("F", "4 6 7 12 14 15 17 19 21") | _people("M", "3 6 9 15"),
}
DISFA: Mapping[int, frozenset[str]] = {
    0: _people("SN", "1 2 9 10 16 26 27 30 32"),
    1: _people("SN", "6 11 12 13 18 21 24 28 31"),
    2: _people("SN", "3 4 5 7 8 17 23 25 29"),
}
