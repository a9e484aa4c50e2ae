"""Faces in the frames of a corpus, found and cut out once and kept in a folder: films and photos are gone through a single time.

A face is a file ``ab/ab12..npz`` of its picture and its landmarks, a frame without one an empty ``ab/ab12...none``. Files are named by the
version of the frame, the framing, and the networks that find faces: so folds and recipes share a folder, and what has changed is done anew.
"""

import hashlib
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, Float32, UInt8

from mien import files, weights
from mien.artefacts import digest
from mien.data.problems import Problem
from mien.data.sources.protocol import stamp_of
from mien.errors import DataError
from mien.faces import landmarks
from mien.faces.align import carry
from mien.faces.templates import template
from mien.metrics.detection.frames import name_of, photos
from mien.tables import LANDMARK68
from mien.training import counted
from mien.types import Photo

_NONE = ".none"


class Framed(NamedTuple):
    """A face in a framing."""

    rgb: UInt8[np.ndarray, "h w 3"]
    landmarks: Float32[np.ndarray, "468 3"]  #: in its pixels


class Framing(NamedTuple):
    """How a reader cuts faces out."""

    template: str  #: one of `mien.faces.templates.TEMPLATES`
    size: int  #: pixels of its width

    def cut(self, rgb: UInt8[np.ndarray, "h w 3"], points: Float[np.ndarray, "468 3"]) -> Framed:
        """A face of a picture, by its landmarks in the picture's pixels."""
        frame, outline = template(self.template), points[LANDMARK68, :2].astype(np.float64)
        back = np.linalg.inv(frame.to_photo(outline, self.size))
        return Framed(frame.cut(rgb, outline, self.size), carry(back, points).astype(np.float32))


class KeptFaces:
    """The largest face of each frame, by the file that it is kept in."""

    def __init__(self, folder: Path, framing: Framing) -> None:
        self._folder, self._framing = folder.expanduser().absolute(), framing

    def find(self, root: Path, rows: pd.DataFrame) -> tuple[list[Path | None], list[Problem]]:
        """The files of the faces in a corpus' `rows`, whose frames are below `root`.

        For a frame without a face, and for one that cannot be read, None and a problem.
        """
        kept, problems = [self._file(root, row) for _, row in rows.iterrows()], list[Problem]()
        new = [place for place, path in enumerate(kept) if not (path.is_file() or path.with_suffix(_NONE).is_file())]
        for place, photo in (
            counted(photos(root, rows.iloc[new].reset_index(drop=True), problems), total=len(new), what="faces") if new else ()
        ):
            self._keep(photo, kept[new[place]])
        found = [path if path.is_file() else None for path in kept]
        faceless = [row for (_, row), path in zip(rows.iterrows(), kept, strict=True) if path.with_suffix(_NONE).is_file()]
        return found, problems + [Problem(name_of(row), "no face was found") for row in faceless]

    def _file(self, root: Path, row: pd.Series) -> Path:
        picture = str(row["picture"])
        frame = stamp_of(root / picture) if picture else f"{stamp_of(root / str(row['video']))}|{row['frame']}"
        key = hashlib.sha256(f"{frame}|{self._framing.template} {self._framing.size}|{_finder()}".encode()).hexdigest()
        return self._folder / key[:2] / f"{key}.npz"

    def _keep(self, photo: Photo, path: Path) -> None:
        face = max(landmarks.find(photo), key=lambda face: face.box[2] * face.box[3], default=None)
        if face is None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.with_suffix(_NONE).touch()
            return
        with files.replacing(path, inputs=(), error=DataError) as partial:
            np.savez_compressed(partial, **self._framing.cut(photo.rgb, face.landmarks)._asdict())


def load(path: Path) -> Framed:
    """A face that was kept."""
    with np.load(path) as file:
        return Framed(file["rgb"], file["landmarks"])


@cache
def _finder() -> str:
    """The versions of the networks that find faces."""
    return " ".join(digest(weights.bundled(name))[:12] for name in ("landmarks", "details"))
