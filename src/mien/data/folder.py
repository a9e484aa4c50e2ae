"""The folder of third-party data that recipes learn from and scores measure on; users of the verbs need none of it."""

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from mien.errors import DataError, NoDataError

KNOWN: Mapping[str, str] = MappingProxyType(
    {
        "ict_face_model.npz": "ICT-FaceKit's meshes (MIT)",
        "facs_mapping.json": "action units as weights of ICT's shapes",
        "facemesh_to_ict.npz": "where the 468 landmarks lie on ICT's head",
        "canonical_face_model.obj": "MediaPipe's canonical face mesh (Apache-2.0)",
        "face_landmark.tflite": "MediaPipe's landmark network, the teacher (Apache-2.0)",
        "yunet.onnx": "YuNet face detector (Apache-2.0)",
        "sfhq_128.npz": "faces of people who do not exist, 128 px (MIT)",
        "sfhq_256.npz": "faces of people who do not exist, 256 px (MIT)",
        "lfw_eval.npz": "Labeled Faces in the Wild with expression labels; to measure, never to train",
        "sample_photos": "whole photos to try",
    }
)


def find(path: Path | None = None) -> Path:
    """The folder given, or the one that the environment variable MIEN_DATA names.

    Raises `NoDataError` when none is named, `DataError` when it is none.
    """
    named = path or (Path(os.environ["MIEN_DATA"]) if os.environ.get("MIEN_DATA") else None)
    if named is None:
        raise NoDataError("this needs third-party data: name the folder that has it with --data, or in MIEN_DATA")
    if not named.is_dir():
        raise DataError(f"{named} is not a folder: name the one that has the third-party data with --data, or in MIEN_DATA")
    return named


def need(path: Path | None, *names: str) -> Path:
    """The folder as `find` gives it; raises `NoDataError` that names the first file which is not in it."""
    where = find(path)
    for name in names:
        if not (where / name).exists():
            raise NoDataError(f"{where} has no {name} ({KNOWN.get(name, 'third-party data')}): name the folder that has it with --data")
    return where
