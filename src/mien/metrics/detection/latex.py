"""The table of a paper in LaTeX, with the rules of the package booktabs; where a published row is from stands behind it as a comment."""

import math
import re
from collections.abc import Iterable, Sequence
from itertools import product
from pathlib import Path

from mien import files
from mien.errors import DataError
from mien.metrics.detection.published import Published
from mien.metrics.detection.report import said
from mien.metrics.detection.scores import SCORES, Detection
from mien.metrics.detection.table import TITLES, f1_of, meanings, origin, printed, units_of

_SPECIAL = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}


def write(tests: Sequence[Detection], peers: Sequence[Published], path: Path) -> Path:
    """Write `latex` into a file; raises `DataError` when it cannot be."""
    with files.replacing(path, inputs=(), error=DataError) as partial:
        partial.write_text(latex(tests, peers), encoding="utf-8")
    return path


def latex(tests: Sequence[Detection], peers: Sequence[Published]) -> str:
    """F1 of published methods and of each reader (the mean of its folds), then its other scores; percent."""
    units = units_of(tests)
    told = dict.fromkeys(line for found in tests for line in (said(found), *found.notes))
    lines = [f"% {line}" for line in (*told, *([meanings(peers)] if peers else []))]
    lines += [rf"\begin{{tabular}}{{l{'r' * (len(units) + 2)}l}}", r"\toprule"]
    lines += [_line("Method", [*(f"AU{unit}" for unit in units), "mean", "printed", "certainty"]), r"\midrule"]
    for peer in peers:
        numbers, average = f1_of(peer, units)
        cells = [*map(_number, [*numbers.values(), average]), printed(peer, units), peer.certainty]
        lines.append(f"{_line(peer.method, cells)} % {origin(peer)}")
    lines += [r"\midrule"] if peers else []
    for found, score in product(tests, SCORES):
        numbers = [*(100 * found.unit(unit, score) for unit in units), 100 * found.mean(score)]
        lines.append(_line(f"{found.plan.reader}, {TITLES[score]}", [*map(_number, numbers), "", "measured"]))
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def _line(method: str, cells: Iterable[str]) -> str:
    return rf"{' & '.join([escaped(method), *cells])} \\"


def _number(value: float) -> str:
    return "--" if math.isnan(value) else f"{value:.1f}"


def escaped(text: str) -> str:
    """Text that LaTeX sets as it is."""
    return re.sub(r"[\\~^&%$#_{}]", lambda found: _SPECIAL.get(found[0], f"\\{found[0]}"), text)
