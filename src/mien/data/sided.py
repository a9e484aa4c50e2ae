"""Faces whose action units are known, side by side where they are: what GraphAU learns from.

Synthetic faces say it of either side. Of a unit whose sides are known, they alone have an intensity.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32, UInt8

from mien import aus
from mien.aus import AXES
from mien.data.keptfaces import Framed, Framing
from mien.data.layouts import fgnet
from mien.data.layouts.corpus import below
from mien.data.occurrences import PRESENT_FROM, Known, Occurrences, along_axes, open_known
from mien.data.synth.store import ABOUT, SynthFaces
from mien.faces.closeup import whole

_KEPT = 256  # pixels at least that faces of films are kept with: as many as FG-Net's, which may share them
_KNOWN_BY = {"DISFA": "ActionUnit_Labels", "BP4D": "AU_OCC"}  # a folder of each


class _AsDrawn(Framing):
    """Synthetic pictures as they are: there is nothing to be found in them."""

    def cut(self, rgb: UInt8[np.ndarray, "h w 3"], points: Float[np.ndarray, "468 3"]) -> Framed:
        return Framed(rgb, points)


def open_sided(data: Path, kept: Path, size: int, *, fold: int, pictures: Path | None) -> Known:
    """The faces of a folder that `mien data synth` filled, of a folder of such folders, or of a coded corpus: see `open_known`.

    Those of a corpus are large enough for squares (`mien.faces.closeup`) of `size` pixels.
    """
    folders = synthetic(data)
    if not folders:
        return open_known([data], Framing("ffhq", max(_KEPT, whole(size))), kept, fold=fold, pictures=pictures)
    known = open_known(folders, _AsDrawn("ffhq", size), kept)
    shown = np.concatenate([SynthFaces(folder).column("aus") for folder in folders])
    return known._replace(learned=_sided(known.learned, shown), unseen=_sided(known.unseen, shown))


def synthetic(data: Path) -> list[Path]:
    """The folders at or in a folder that `mien data synth` filled."""
    return [data] if (data / ABOUT).is_file() else sorted(path.parent for path in data.glob(f"*/{ABOUT}"))


def corpus_of(data: Path) -> str:
    """Which corpus a folder has, at a glance; "" for none. Raises `DataError` for FG-Net's lists that cannot be read."""
    if (data / "0" / "test.csv").is_file():
        return fgnet.read(data).name
    return next((name for name, codes in _KNOWN_BY.items() if data.is_dir() and below(data, codes)), "")


def sides_of(units: Sequence[str]) -> tuple[str, ...]:
    """Those of whole units and sides of which there are sides."""
    return tuple(unit for unit in units if f"{unit}L" in units)


def _sided(faces: Occurrences, shown: Float32[np.ndarray, "all axes"]) -> Occurrences:
    """Synthetic faces with the sides of their units behind the whole ones; `shown` is what all pictures show."""
    pairs = [aus.axes(unit) for unit in faces.units]
    sides = [axis for pair in pairs if len(pair) > 1 for axis in pair]
    strong = along_axes(shown[faces.numbers])[:, [AXES.index(axis) for axis in sides]]
    alone = np.where([len(pair) > 1 for pair in pairs], np.float32(np.nan), faces.intensities)
    return replace(
        faces,
        units=(*faces.units, *sides),
        present=np.concatenate([faces.present, (strong >= PRESENT_FROM).astype(np.float32)], axis=1),
        intensities=np.concatenate([alone, strong], axis=1),
    )
