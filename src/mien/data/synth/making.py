"""A folder filled with synthetic faces by several processes; started again it goes on where it was stopped."""

import json
import multiprocessing
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from mien.aus import AXES
from mien.data.ledger import lock
from mien.data.problems import Problem
from mien.data.sources import open_source
from mien.data.sources.protocol import Source
from mien.data.synth import store, warping
from mien.data.synth.drawing import BUFFERS, renderer
from mien.data.synth.scenes import scene
from mien.data.synth.store import SHARD
from mien.data.synth.warping import Warp
from mien.errors import DataError, FaceError, UsageError, one_of
from mien.geometry import head as heads

_TOGETHER = 16  # pictures drawn at a time
_EACH = 32  # expressions of a photo at most before the next one has its turn: reading it costs as much as two of them
_SMALLEST, _LARGEST = 32, 1024  # pixels


@dataclass(frozen=True)
class Settings:
    """What is asked for; it says all about the pictures."""

    count: int
    size: int = 128  #: pixels
    seed: int = 0
    buffers: tuple[str, ...] = ()
    photos: str = ""  #: a source of photos; drawn heads without
    still: bool = False  #: what landmarks cannot tell is as in the photo

    def __post_init__(self) -> None:
        if self.count < 1:
            raise UsageError(f"{self.count} faces: ask for 1 or more")
        if not _SMALLEST <= self.size <= _LARGEST:
            raise UsageError(f"size {self.size}: give {_SMALLEST} to {_LARGEST} pixels")
        if self.seed < 0:
            raise UsageError(f"seed {self.seed}: give 0 or more")
        if self.still and not self.photos:
            raise UsageError("still: name --photos, whose faces keep what landmarks cannot tell")
        known = warping.BUFFERS if self.photos else tuple(BUFFERS)
        for name in self.buffers:
            if name not in known:
                raise UsageError(f"buffers {one_of(name, known)}")


def make(folder: Path, settings: Settings, workers: int, on_pictures: Callable[[int], None] = lambda _: None) -> list[Problem]:
    """Fill a folder as `mien.data.synth.store` says, and tell which photos could not be used.

    Picture number i is the same however many processes draw. Shards that are there are left; raises `DataError` when the folder was
    made with other settings, is being filled by another run, cannot be written, or no photo shows a face.
    """
    folder = folder.expanduser()
    with _held(folder):
        _agree(folder, {"made by": "mien data synth", **json.loads(json.dumps(asdict(settings)))})
        missing = list[int]()
        for first in range(0, settings.count, SHARD):
            if (folder / f"{first:06d}.npy").is_file():
                on_pictures(_size_of(first, settings))
            else:
                missing.append(first)
        problems = dict[str, Problem]()
        for first, found in _made(partial(_shard, str(folder), settings), missing, workers):
            problems |= {problem.name: problem for problem in found}
            on_pictures(_size_of(first, settings))
    if not any(len(np.load(path, mmap_mode="r")) for path in folder.glob("*.npy")):
        raise DataError(f"{settings.photos} has no photo with a face" + "".join(f"; {p}" for p in list(problems.values())[:1]))
    return list(problems.values())


def _size_of(first: int, settings: Settings) -> int:
    return min(SHARD, settings.count - first)


@contextmanager
def _held(folder: Path) -> Generator[None]:
    """Keep other runs out of a folder."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / ".lock").open("w+b")
    except OSError as problem:
        raise DataError(f"{folder} cannot be written: {problem.strerror}") from problem
    with file:
        lock(file, folder)
        yield
    (folder / ".lock").unlink(missing_ok=True)


def _agree(folder: Path, about: Mapping[str, Any]) -> None:
    """Write what is asked for into an empty folder, or see that it was asked for before."""
    path = folder / store.ABOUT
    if path.is_file():
        if (was := json.loads(path.read_text())) != about:
            other = ", ".join(f"{k} {was.get(k)!r} instead of {v!r}" for k, v in about.items() if was.get(k) != v)
            raise DataError(f"{folder} was made with other settings ({other}): name another folder, or delete it")
    elif any(entry.name != ".lock" for entry in folder.iterdir()):
        raise DataError(f"{folder} is not empty and was not made by `mien data synth`: name another folder")
    else:
        store.appear(path, (json.dumps(about, indent=1) + "\n").encode())


def _made(task: Callable[[int], list[Problem]], shards: Sequence[int], workers: int) -> Iterator[tuple[int, list[Problem]]]:
    """Do the shards, in this process or in some others, and tell each when it is done."""
    if min(workers, len(shards)) <= 1:
        yield from ((first, task(first)) for first in shards)
        return
    with ProcessPoolExecutor(min(workers, len(shards)), multiprocessing.get_context("spawn"), initializer=_alone) as pool:
        try:
            yield from zip(shards, pool.map(task, shards), strict=True)
        except BrokenProcessPool as problem:
            raise DataError("a process was stopped from outside (out of memory?): start again to go on, with fewer --workers") from problem
        finally:
            pool.shutdown(cancel_futures=True)


def _alone() -> None:
    """One thread for each process: there are others."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)


def _shard(folder: str, settings: Settings, first: int) -> list[Problem]:
    """Make one shard."""
    indices = range(first, first + _size_of(first, settings))
    problems: list[Problem] = []
    pictures = _warped(settings, indices, problems) if settings.photos else _drawn(settings, indices)
    rows: list[tuple[Any, ...]] = []
    images: dict[str, list[np.ndarray]] = {name: [] for name in ("", *settings.buffers)}
    for label, picture, buffers in pictures:
        rows.append(label)
        images[""].append(picture)
        for name, image in buffers.items():
            images[name].append(image)
    labels = np.array(rows, dtype=store.fields(heads.bundled().identity.shape[0]))
    store.write_shard(Path(folder), first, labels, images)
    return problems


_Made = tuple[tuple[Any, ...], np.ndarray, Mapping[str, np.ndarray]]


def _drawn(settings: Settings, indices: range) -> Iterator[_Made]:
    painter, identities = renderer(settings.size), heads.bundled().identity.shape[0]
    unread = np.full(len(AXES), np.nan)
    for start in range(0, len(indices), _TOGETHER):
        numbers = indices[start : start + _TOGETHER]
        scenes = [scene(settings.size, settings.seed, i, identities) for i in numbers]
        for i, shown, drawn in zip(numbers, scenes, painter.draw(scenes, settings.buffers), strict=True):
            camera = shown.camera
            seen = (camera.pose.rotation, camera.pose.scale, camera.pose.translation, camera.distance)
            label = (i, -1, shown.aus.values, unread, drawn.landmarks, *seen, shown.light, shown.shape)
            yield label, drawn.rgb, drawn.buffers


def _warped(settings: Settings, indices: range, problems: list[Problem]) -> Iterator[_Made]:
    """Each photo has some turns one after the other; what shows no face is left out and told."""
    photos = _opened(settings.photos)
    turns = 1 << int(np.log2(np.clip(settings.count / len(photos), 1, _EACH)))
    for start in range(0, len(indices), turns):
        numbers = indices[start : start + turns]
        photo = numbers[0] // turns % len(photos)
        try:
            crop = warping.framed(photos.read(photo), settings.size)
        except (DataError, FaceError) as problem:
            problems.append(Problem(photos.names[photo], str(problem).removeprefix(f"{photos.names[photo]}: ")))
            continue
        for i, warp in zip(
            numbers, warping.warps(crop, [(settings.seed, i) for i in numbers], settings.buffers, still=settings.still), strict=True
        ):
            yield _label_of(i, photo, warp), warp.drawn.rgb, warp.drawn.buffers


def _label_of(index: int, photo: int, warp: Warp) -> tuple[Any, ...]:
    pose = warp.code.pose
    seen = (pose.rotation, pose.scale, pose.translation, np.inf)
    return (index, photo, warp.aus.values, warp.read.values, warp.drawn.landmarks, *seen, warp.light, warp.code.shape)


@cache
def _opened(path: str) -> Source:
    return open_source(path)
