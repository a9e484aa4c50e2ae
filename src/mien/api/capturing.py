"""Turn the face of a photo, of several photos of a person, or of a video into a 3-D head."""

import warnings
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from mien import artefacts, registry
from mien.api.following import follow, slim
from mien.api.portrait import Choice, check, chosen
from mien.api.sources import Clip, Source, clips
from mien.errors import FaceError, UsageError
from mien.export import Head
from mien.faces import align, landmarks
from mien.geometry import head
from mien.geometry.fitting import fit, neutral
from mien.geometry.fitting.person import unlike
from mien.protocols import Capture, SequenceCapture
from mien.types import Crop, CropSpec, Face, HeadCode, Photo


class AnotherPerson(UserWarning):
    """A head was captured from photos that surely show more than one person."""


def capture(
    sources: Source | Iterable[Source],
    *,
    capture: str = registry.CAPTURE,
    face: Choice = None,
    on_picture: Callable[[], None] | None = None,
) -> Head:
    """The head of a person: `head.save("face.glb")`, ``.obj``, ``.npz`` or ``.csv``.

    Of several photos of one person the shape is solved together and the most frontal one gives texture and expression; of a video
    every frame is captured, and the head has an animation. `face` is a number from 0, left to right; the largest face if not given.
    `on_picture` is called after each picture. Warns of `AnotherPerson` where photos surely show
    several people. Raises `FaceError` where no face is found, `UsageError` for several videos.
    """
    check(face)
    if face == "all":
        raise UsageError("a head is of one person: give the number of a face instead of all")
    inputs, method = clips(sources), registry.capture(capture)
    if any(clip.is_video for clip in inputs):
        if len(inputs) > 1:
            raise UsageError("a head is captured from one video, or from photos: give one of them")
        return _of_video(inputs[0], method, face, on_picture or (lambda: None))
    return _of_photos(inputs, method, face, on_picture or (lambda: None))


def _of_photos(inputs: Sequence[Clip], method: Capture, face: Choice, on_picture: Callable[[], None]) -> Head:
    crops: list[Crop] = []
    sources: list[str] = []
    for clip in inputs:
        photo = next(iter(clip.frames()))
        crops.append(_cut(photo, face))
        sources.append(photo.sha256)
        on_picture()
    _warn_of_others(inputs, crops)
    codes = _solved(method, crops)
    best = _most_frontal(codes)
    photo = next(iter(inputs[best].frames()))
    sources.insert(0, sources.pop(best))  # the one in the texture first
    return Head((codes[best],), photo, face=crops[best].face, inputs=_files(inputs), sources=tuple(sources), capture=method.name)


def _warn_of_others(inputs: Sequence[Clip], crops: Sequence[Crop]) -> None:
    landmarks = np.stack([crop.face.landmarks for crop in crops]).astype(np.float64)
    odd = unlike(landmarks, head.bundled(), neutral.bundled())
    if len(odd):
        names = " and ".join(inputs[i].file or f"photo {i + 1}" for i in odd)
        they = "does not look like the person of the others" if len(odd) == 1 else "do not look like one person"
        warnings.warn(f"{names} {they}: a head is the average of all its photos, so give those of one person", AnotherPerson, stacklevel=4)


def _cut(photo: Photo, face: Choice) -> Crop:
    faces = landmarks.find(photo)
    (number,) = chosen(faces, face, str(photo.path or "the picture"))
    return align.cut(photo, faces[number], CropSpec())


def _of_video(clip: Clip, method: Capture, face: Choice, on_picture: Callable[[], None]) -> Head:
    seen: list[tuple[int, float, Face]] = []  # frame, seconds, face
    person = face if isinstance(face, int) else None
    for frame, (photo, people) in enumerate(follow(clip.frames())):
        if person is None and people:
            person = max(people, key=lambda number: people[number].box[2] * people[number].box[3])
        if person in people:
            seen.append((frame, photo.time, people[person]))
        on_picture()
    if not seen:
        raise FaceError(f"{clip.file}: no frame shows {'a face' if face is None else f'face {face}'} to capture")
    codes = _solved(method, [slim(found) for _, _, found in seen])
    best = _most_frontal(codes)
    photo = next(islice(clip.frames(), seen[best][0], None))
    times, files = np.array([time for _, time, _ in seen]), _files([clip])
    sources = tuple(map(artefacts.digest, files))
    return Head(tuple(codes), photo, times, best, seen[best][2], inputs=files, sources=sources, capture=method.name)


def _files(inputs: Sequence[Clip]) -> tuple[Path, ...]:
    return tuple(Path(clip.file).expanduser() for clip in inputs if clip.file)


def _solved(method: Capture, crops: Sequence[Crop]) -> list[HeadCode]:
    """Faces of one person together, where the capture can."""
    return method.capture_sequence(crops) if isinstance(method, SequenceCapture) and len(crops) > 1 else method.capture(crops)


def _most_frontal(codes: Sequence[HeadCode]) -> int:
    angles = fit.angles(np.stack([code.pose.rotation for code in codes]), neutral.bundled())
    return int(np.abs(angles[:, :2]).sum(axis=1).argmin())
