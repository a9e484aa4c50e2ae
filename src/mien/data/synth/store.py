"""A folder of synthetic faces: shards of pictures, and for each what is known of them.

=========================  ==========================================================================================
`synth.json`               what was asked for: count, size, seed, buffers, where the photos are
`000000.tar`               pictures `000000.png` and on, `SHARD` to a file (WebDataset's layout; `mien.data.sources` reads it)
`000000.npy`               their labels, a row each: a structured array of `fields`
`000000.csv`               the same as a table in mien's columns
`normals/000000.tar` ..    buffers, under the names of their pictures; each such folder is a source of its own
=========================  ==========================================================================================

A shard whose `.npy` is there is whole: it is written last, and every file appears whole or not at all.
"""

import io
import json
import os
import tarfile
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from mien import aus
from mien.aus import AXES
from mien.data.sources.pictures import decode
from mien.data.sources.protocol import Picture
from mien.data.sources.shards import Shards
from mien.data.synth.camera import Camera
from mien.errors import DataError
from mien.geometry.fitting import fit, neutral
from mien.tables import AU_COLUMNS, LANDMARK68, own
from mien.types import Pose

SHARD = 256  #: pictures at most
ABOUT = "synth.json"


def fields(identities: int) -> np.dtype[Any]:
    """The label of a picture, of a head with so many identity coefficients."""
    return np.dtype(
        [
            ("index", "<i8"),  # its number; the picture is named by it
            ("photo", "<i4"),  # the number of the photo in its source; -1 of a drawn head
            ("aus", "<f4", (len(AXES),)),  # intensities 0..5 along mien.aus.AXES
            ("read", "<f4", (len(AXES),)),  # of a photo: what was read in it before; NaN of a drawn head
            ("landmarks", "<f4", (468, 3)),  # pixels; z away from the viewer
            ("rotation", "<f4", (3, 3)),  # the camera, as in mien.data.synth.camera
            ("scale", "<f4"),  # pixels per cm at the origin of the head
            ("translation", "<f4", (2,)),  # pixels
            ("distance", "<f4"),  # cm; infinite of a photo
            ("light", "<f4", (9, 3)),  # as in mien.data.synth.light
            ("shape", "<f4", (identities,)),  # identity coefficients of the head
        ]
    )


def camera_of(label: np.void) -> Camera:
    """The camera that projects the head of a label onto its landmarks."""
    turn, place = label["rotation"].astype(np.float64), label["translation"].astype(np.float64)
    return Camera(Pose(turn, float(label["scale"]), place), float(label["distance"]))


def name_of(index: int) -> str:
    """The name of a picture."""
    return f"{index:06d}.png"


def write_shard(folder: Path, first: int, labels: np.ndarray, images: Mapping[str, Sequence[np.ndarray]]) -> None:
    """Write the files of a shard that begins with picture `first`; `images` are the pictures under "" and the buffers by name."""
    stem, names = f"{first:06d}", [name_of(int(i)) for i in labels["index"]]
    for kind, some in images.items():
        (folder / kind).mkdir(parents=True, exist_ok=True)
        appear(folder / kind / f"{stem}.tar", _tar(zip(names, map(png, some), strict=True)))
    appear(folder / f"{stem}.csv", table(labels).to_csv(index=False, float_format="%.6g").encode())
    out = io.BytesIO()
    np.save(out, labels)
    appear(folder / f"{stem}.npy", out.getvalue())


def png(image: np.ndarray) -> bytes:
    """A picture [h, w, 3] or a buffer [h, w] as the PNG that a shard holds."""
    if image.ndim == 3:
        image = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()


def _tar(files: Iterable[tuple[str, bytes]]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, data in files:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def appear(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.write_bytes(data)
        partial.replace(path)
    except OSError as problem:
        partial.unlink(missing_ok=True)
        raise DataError(f"{path} cannot be written: {problem.strerror or problem}") from problem


def table(labels: np.ndarray) -> pd.DataFrame:
    """Labels in mien's columns; emotions are unknown."""
    points = labels["landmarks"][..., :2].astype(np.float64)
    low, extent = points.min(axis=1), np.ptp(points, axis=1)
    turned = fit.angles(labels["rotation"].astype(np.float64), neutral.bundled())
    flat = points[:, LANDMARK68].transpose(0, 2, 1).reshape(len(labels), 2 * len(LANDMARK68))
    intensities = labels["aus"].astype(np.float64) @ _shares()
    unknown = np.full((len(labels), len(aus.EMOTIONS)), np.nan)
    numbers = np.concatenate([low, extent, np.ones((len(labels), 1)), turned, flat, intensities, unknown], axis=1)
    where = {"file": [name_of(int(i)) for i in labels["index"]], "frame": 0, "time": 0.0, "face": 0}
    return pd.concat([pd.DataFrame(where, index=range(len(labels))), pd.DataFrame(numbers, columns=list(own.MEASURED))], axis=1)


@cache
def _shares() -> np.ndarray:
    """What each axis adds to each column of action units: both sides their half."""
    shares = np.zeros((len(AXES), len(AU_COLUMNS)))
    for column, name in enumerate(AU_COLUMNS):
        for axis in aus.axes(name):
            shares[AXES.index(axis), column] = 1.0 / len(aus.axes(name))
    return shares


class SynthFaces:
    """A folder that `mien data synth` filled, by number: pictures, labels and buffers. Little of it is in memory at a time."""

    def __init__(self, folder: Path | str) -> None:
        """Open the shards that are whole; raises `DataError` when there is none."""
        self._folder = Path(folder).expanduser()
        try:
            self.about: Mapping[str, Any] = json.loads((self._folder / ABOUT).read_text())
        except (OSError, ValueError) as problem:
            raise DataError(f"{folder} has no {ABOUT}: name a folder that `mien data synth` filled") from problem
        self._shards = sorted(self._folder.glob("*.npy"))
        self._ends = list(accumulate(len(_rows(path)) for path in self._shards))
        if not self._ends or not self._ends[-1]:
            raise DataError(f"{folder} has no face yet: let `mien data synth` finish")

    def __len__(self) -> int:
        return self._ends[-1]

    def label(self, index: int) -> np.void:
        """What is known of a picture: a row of `fields`."""
        shard, row = self._place(index)
        return _rows(self._shards[shard])[row]

    def column(self, field: str) -> np.ndarray:
        """One of `fields` of all pictures, a row each."""
        return np.concatenate([_rows(path)[field] for path in self._shards])

    def picture(self, index: int) -> Picture:
        """The picture."""
        shard, row = self._place(index)
        store = _shard(self._shards[shard].with_suffix(".tar"))
        return decode(store.fetch(row), store.names[row])

    def buffer(self, kind: str, index: int) -> np.ndarray:
        """A buffer as it was written, 8 or 16 bits; raises `DataError` for one that was not asked for."""
        if kind not in self.about["buffers"]:
            raise DataError(f"{self._folder} has no {kind}: it was made with --buffers {','.join(self.about['buffers']) or 'none'}")
        shard, row = self._place(index)
        data = _shard(self._folder / kind / f"{self._shards[shard].stem}.tar").fetch(row)
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        if image is None:
            raise DataError(f"{self._folder}: {kind} of picture {index} is damaged: delete {self._shards[shard].name} and make it again")
        return cv2.cvtColor(image, cv2.COLOR_BGR2RGB) if image.ndim == 3 else image

    def _place(self, index: int) -> tuple[int, int]:
        if not 0 <= index < len(self):
            raise IndexError(f"picture {index}: there are {len(self)}")
        shard = bisect_right(self._ends, index)
        return shard, index - (self._ends[shard - 1] if shard else 0)


@lru_cache(maxsize=64)
def _rows(path: Path) -> np.ndarray:
    return np.load(path, mmap_mode="r")


@lru_cache(maxsize=64)
def _shard(path: Path) -> Shards:
    return Shards([path])
