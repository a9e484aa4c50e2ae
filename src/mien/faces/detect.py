"""Where faces might be: squares for the landmark network, which then says whether there is one.

Two finders: dlib's histogram-of-gradients detector (Dalal & Triggs 2005; Felzenszwalb et al. 2010), which comes inside `dlib-bin`, and
YuNet (Wu, Peng & Yu 2023) when the user has fetched its file. Both are asked for doubtful places too: presence is judged later.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from mien import artefacts
from mien.faces.align import Square, carry

SMALLEST = 60  # pixels: the lowest face, brows to chin, that is searched for, in photos of up to `_AREA` / (80 / 60)^2 = 12.4 megapixels
_HOG_WINDOW = 80  # pixels: the detector's own smallest face
_AREA = 22e6  # pixels: larger pictures are searched smaller, to stay under two seconds
_DOUBTFUL = -0.8  # HOG score; 0 is its own threshold: small and tilted faces reach -0.8, and little else does (1.2 places a megapixel)
_TILTED = (-35.0, 35.0, 90.0, -90.0, 180.0)  # degrees that an empty picture is turned by before we give up
_TILTED_SIDE = 640  # pixels: the longer side of a turned picture
_YUNET_SIDE = 1280  # pixels
_YUNET_SCORE = 0.5


@dataclass(frozen=True)
class Candidate:
    """A place where a face might be, in photo pixels."""

    square: Square
    score: float  #: ranks the candidates of one finder
    doubtful: bool = False  #: proposed below the finder's own threshold


def candidates(rgb: UInt8[np.ndarray, "h w 3"]) -> list[Candidate]:
    """Places of a photo where a face might be, the surest first, without duplicates."""
    yunet = artefacts.installed("yunet")
    return distinct(by_yunet(rgb, yunet) if yunet else by_hog(rgb), square=lambda c: c.square)


def by_hog(rgb: UInt8[np.ndarray, "h w 3"]) -> list[Candidate]:
    """Frontal and half-turned upright faces; when there is none at all, tilted, lying and upside-down ones."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    scale = min(_HOG_WINDOW / SMALLEST, (_AREA / grey.size) ** 0.5)
    found = _hog(grey, scale)
    if not all(candidate.doubtful for candidate in found):
        return found
    scale = min(scale, _TILTED_SIDE / max(grey.shape))
    return found + [candidate for angle in _TILTED for candidate in _hog_turned(grey, scale, angle)]


def _hog(grey: UInt8[np.ndarray, "h w"], scale: float) -> list[Candidate]:
    resized = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    detector = _hog_detector()
    boxes, scores, _ = detector.run(resized, 0, _DOUBTFUL)
    found: list[Candidate] = []
    for box, score in zip(boxes, scores, strict=True):
        width = box.width() / scale
        # the detector's box runs from the brows to below the mouth: the landmarks reach further up (medians over aligned faces)
        x, y = (box.left() + box.right()) / 2 / scale, (box.top() + box.bottom()) / 2 / scale
        found.append(Candidate(Square(x, y - 0.05 * width, 0.69 * width), float(score), doubtful=score < 0))
    return found


def _hog_turned(grey: UInt8[np.ndarray, "h w"], scale: float, angle: float) -> list[Candidate]:
    """Faces of a picture that is turned by `angle` degrees, counter-clockwise, to look at them upright."""
    height, width = grey.shape
    side = int(np.ceil(np.hypot(width, height) * scale))
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, scale)
    turn[:, 2] += (np.array([side, side]) - (width, height)) / 2
    turned = cv2.warpAffine(grey, turn, (side, side), flags=cv2.INTER_AREA)
    back = np.linalg.inv(np.vstack([turn, [0, 0, 1]]))
    found: list[Candidate] = []
    for candidate in _hog(turned, 1.0):
        if not candidate.doubtful:
            x, y = carry(back, np.array([candidate.square.x, candidate.square.y]))
            found.append(replace(candidate, square=Square(float(x), float(y), candidate.square.half / scale, np.deg2rad(angle))))
    return found


def by_yunet(rgb: UInt8[np.ndarray, "h w 3"], path: Path) -> list[Candidate]:
    """Faces of any pose, down to about 10 pixels of the searched size."""
    scale = min(1.0, _YUNET_SIDE / max(rgb.shape[:2]))
    bgr = cv2.cvtColor(cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2BGR)
    detector = _yunet_detector(path)
    detector.setInputSize((bgr.shape[1], bgr.shape[0]))
    _, rows = detector.detect(bgr)
    found: list[Candidate] = []
    for row in rows if rows is not None else []:
        square = square_of_five(row[4:14].reshape(5, 2).astype(np.float64) / scale)
        found.append(Candidate(square, float(row[14])))
    return found


def square_of_five(points: Float[np.ndarray, "5 2"]) -> Square:
    """Where the landmark network should look, from five points (medians over aligned faces)."""
    return Square.of_five(points).scaled(0.8).lowered(0.2)


@runtime_checkable
class Scored(Protocol):
    """Anything with a score."""

    @property
    def score(self) -> float:
        """Higher is surer."""
        ...


T = TypeVar("T", bound=Scored)


def distinct(found: list[T], *, square: Callable[[T], Square]) -> list[T]:
    """The items without those that look at the same face as one with a higher score; in the order of their scores."""
    kept: list[T] = []
    for item in sorted(found, key=lambda item: item.score, reverse=True):
        here = square(item)
        if all(_apart(here, square(other)) for other in kept):
            kept.append(item)
    return kept


def _apart(a: Square, b: Square) -> bool:
    return bool(np.hypot(a.x - b.x, a.y - b.y) > 0.7 * max(a.half, b.half))


def _hog_detector() -> Any:
    """A new detector: one that was run keeps its pyramid, which takes more memory than the photo."""
    kind, state = _hog_state()
    detector = kind.__new__(kind)
    detector.__setstate__(state)
    return detector


@cache
def _hog_state() -> tuple[Any, Any]:
    """What detectors are made from; asked for once, since dlib keeps 155 kB for ever each time that it tells a state or makes a copy."""
    import dlib

    detector = dlib.get_frontal_face_detector()  # pyright: ignore[reportAttributeAccessIssue] - compiled, without stubs
    return type(detector), detector.__getstate__()


@cache
def _yunet_detector(path: Path) -> Any:
    """Reads the file once; OpenCV 5 would warn at every picture that it cannot choose a target for this network."""
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
    return cv2.FaceDetectorYN.create(str(path), "", (320, 320), _YUNET_SCORE, 0.3)
