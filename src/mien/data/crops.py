"""Crop sets: many aligned faces as JPEGs in one `.npz` file, with labels and fixed splits."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float32, Int, UInt8

from mien.errors import DataError, one_of

_NEEDED = ("jpeg_bytes", "jpeg_offset", "label", "label_names", "landmarks5", "split", "split_names")


@dataclass(frozen=True, eq=False)
class CropSet:
    """Faces, in the order of their file; pictures are decoded when they are asked for."""

    path: Path
    jpegs: tuple[UInt8[np.ndarray, " _"], ...]
    labels: tuple[str, ...]  #: expression, "" for none
    points: Float32[np.ndarray, "n 5 2"]  #: eyes, nose, corners of the mouth in crop pixels, subject's right first
    splits: tuple[str, ...]  #: train, val or test
    subjects: tuple[str, ...]  #: who it is; nobody is in two splits

    def __len__(self) -> int:
        return len(self.jpegs)

    def __getitem__(self, index: int) -> UInt8[np.ndarray, "h w 3"]:
        """The picture, RGB."""
        bgr = cv2.imdecode(self.jpegs[index], cv2.IMREAD_COLOR)
        if bgr is None:
            raise DataError(f"{self.path}: picture {index} is not a whole JPEG: copy the file again")
        return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)

    def __iter__(self) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        return (self[i] for i in range(len(self)))

    def where(self, *, split: str | None = None, label: str | None = None) -> Int[np.ndarray, " k"]:
        """The indices of a split and of a label; raises `DataError` for a name that the set does not have."""
        keep = np.ones(len(self), dtype=bool)
        for name, values in ((split, self.splits), (label, self.labels)):
            if name is not None:
                if name not in values:
                    raise DataError(f"{self.path}: {one_of(name, sorted(set(values) - {''}))}")
                keep &= np.array(values) == name
        return np.flatnonzero(keep)


def open_crops(path: Path | str) -> CropSet:
    """Open a crop set; raises `DataError` when the file is missing or is something else."""
    path = Path(path)
    if not path.is_file():
        raise DataError(f"no crop set at {path}: name the folder that has it with --data or MIEN_DATA")
    with np.load(path, allow_pickle=False) as file:
        missing = [name for name in _NEEDED if name not in file.files]
        if missing:
            raise DataError(f"{path} is not a crop set: it has no {', '.join(missing)}")
        arrays = {name: file[name] for name in file.files}
    offsets, blob = arrays["jpeg_offset"], arrays["jpeg_bytes"]
    names = [str(name) for name in arrays["label_names"]]
    count = len(arrays["label"])
    return CropSet(
        path=path,
        jpegs=tuple(blob[start:stop] for start, stop in itertools.pairwise(offsets)),
        labels=tuple(names[i] if i >= 0 else "" for i in arrays["label"]),
        points=arrays["landmarks5"].astype(np.float32),
        splits=tuple(str(arrays["split_names"][i]) for i in arrays["split"]),
        subjects=tuple(str(s) for s in arrays.get("subject", np.arange(count))),
    )
