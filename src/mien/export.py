"""A captured head, and the files it is saved as.

========  =====================================================================================================================
``.glb``  the head at rest with the photo as texture, morph targets under AU names (``AU12L``: intensity 5 at weight 1) and
          ARKit names, set to the captured expression; captured from a video, with an animation of the AU targets and the turn of
          the head. Drive the AU targets or the ARKit ones, not both. `tongueOut` does not exist
``.obj``  the head as captured, with its ``.mtl`` and ``.texture.png`` beside it
``.npz``  all numbers: see `Head.arrays`
``.csv``  a row for each frame: time, pitch, yaw, roll as in tables, AU intensities 0..5, ARKit weights 0..1 (`tongueOut` is empty)
========  =====================================================================================================================
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, UInt8
from scipy.spatial.transform import Rotation

from mien import files, images, tables
from mien.aus import AXES, MAX_INTENSITY, AUVector
from mien.errors import DataError, one_of
from mien.geometry import head as heads
from mien.geometry.drawing import morph
from mien.geometry.exchange import arkit, bake, closing, gltf, surfaces, wavefront
from mien.geometry.fitting import fit, neutral
from mien.geometry.head import HeadModel
from mien.provenance import Provenance
from mien.types import Face, HeadCode, Photo

_TYPICAL_SKIN = 150.0  # brightness (0..255) of skin in full light: the plain colours of teeth and mouth are meant for it


@dataclass(frozen=True, eq=False, repr=False)
class Head:
    """A head captured from a photo, or from the frames of a video, that share one shape."""

    codes: tuple[HeadCode, ...]  #: one for each frame
    photo: Photo  #: the frame whose pixels make the texture
    times: Float[np.ndarray, " t"] = field(default_factory=lambda: np.zeros(1))  #: seconds, rising
    still: int = 0  #: the frame of `photo`
    face: Face | None = None  #: as read in `photo`: lays the texture onto its landmarks to the pixel
    model: HeadModel = field(default_factory=heads.bundled)
    inputs: tuple[Path, ...] = ()  #: all files it was captured from: never written over
    sources: tuple[str, ...] = ()  #: SHA-256 of each picture or video it was captured from, for the record; else that of `photo`
    capture: str = ""  #: the capture that solved for it, for the record

    def __post_init__(self) -> None:
        if not (len(self.codes) == len(self.times) > self.still >= 0) or (np.diff(self.times) <= 0).any():
            raise ValueError(f"a head needs a code for each rising time and its photo among them; got {len(self.codes)}, {self.times}")

    def __repr__(self) -> str:
        shown = " ".join(f"{axis}={value:.1f}" for axis, value in self.aus.known.items() if value >= 1)
        return f"Head({len(self.codes)} frame{'s' * (len(self.codes) > 1)}, {self.capture or 'captured'}: {shown or 'at rest'})"

    @property
    def code(self) -> HeadCode:
        """The code of `photo`."""
        return self.codes[self.still]

    @property
    def aus(self) -> AUVector:
        """The expression in `photo`, intensities 0..5."""
        return self.code.expression

    @property
    def arkit(self) -> Mapping[str, float]:
        """The expression in `photo` as ARKit's 52 weights, 0..1; NaN for `tongueOut`."""
        return dict(zip(arkit.NAMES, self._arkit[self.still].tolist(), strict=True))

    @cached_property
    def neutral(self) -> Float[np.ndarray, "v 3"]:
        """The vertices of the person at rest, cm."""
        return morph.head_points(self.model, self.code.shape, self.code.neutral)

    @cached_property
    def vertices(self) -> Float[np.ndarray, "v 3"]:
        """The vertices as in `photo`, cm; see `mien.types.Pose` for the axes."""
        return morph.head_points(self.model, self.code.shape, _shown(self.code))

    @cached_property
    def texture(self) -> UInt8[np.ndarray, "s s 3"]:
        """The photo in the layout of ``model.uv``, sRGB."""
        pose = self.code.pose
        if self.face is None:
            return bake.bake(self.model, self.vertices, pose, self.photo.rgb)
        laid = morph.sit(self.model, self.code, self.face.landmarks[:, :2].astype(np.float64))
        return bake.bake(self.model, self.vertices, pose, self.photo.rgb, corners=laid.corners)

    @cached_property
    def _expressions(self) -> Float[np.ndarray, "t axes"]:
        return np.stack([code.expression.known.values for code in self.codes])

    @cached_property
    def moved(self) -> Float[np.ndarray, "t axes"]:
        """What the face of each frame does beyond `neutral`, intensities along `mien.aus.AXES`; a movement with two names counts once."""
        rest = np.clip(self.code.neutral.known.values, 0.0, MAX_INTENSITY)
        return np.stack([_shown(code).values for code in self.codes]) - rest

    @cached_property
    def _arkit(self) -> Float[np.ndarray, "t 52"]:
        return arkit.weights(self.model.shape_weights(_tensor(self.moved)), self.model.shape_names).numpy()

    @property
    def rotations(self) -> Float[np.ndarray, "t 3 3"]:
        """How the head is turned in each frame: see `mien.types.Pose`."""
        return np.stack([code.pose.rotation for code in self.codes])

    def table(self) -> pd.DataFrame:
        """What ``.csv`` holds."""
        numbers = [self.times[:, None], fit.angles(self.rotations, neutral.bundled()), self._expressions, self._arkit]
        return pd.DataFrame(np.concatenate(numbers, axis=1), columns=["time", "pitch", "yaw", "roll", *AXES, *arkit.NAMES])

    def arrays(self) -> Mapping[str, np.ndarray]:
        """What ``.npz`` holds.

        ``times`` [t] seconds; ``expression`` [t, axes] intensities 0..5 along ``axes``; ``arkit`` [t, 52] weights along
        ``arkit_names``; ``shape`` [k] identity; ``neutral_expression`` [axes] what the resting face shows; ``rotation`` [t, 3, 3],
        ``scale`` [t] pixels per cm and ``translation`` [t, 2] pixels of the pose; ``still`` the frame of the photo; ``vertices``
        [v, 3] as in it and ``vertices_neutral`` [v, 3] at rest, cm; ``triangles`` [f, 3] with ``triangle_part`` [f] into ``parts``;
        ``uv`` [v, 2], v up; ``landmarks`` [468, 3], the face-mesh points of ``vertices``; ``texture`` [s, s, 3] sRGB.
        """
        vertices = _tensor(self.vertices)
        return {
            "times": self.times, "expression": self._expressions, "axes": np.array(AXES), "arkit": self._arkit,
            "arkit_names": np.array(arkit.NAMES), "shape": self.code.shape, "neutral_expression": self.code.neutral.values,
            "rotation": self.rotations, "scale": np.array([c.pose.scale for c in self.codes]),
            "translation": np.stack([c.pose.translation for c in self.codes]), "still": np.array(self.still), "vertices": self.vertices,
            "vertices_neutral": self.neutral, "triangles": self.model.triangles.numpy(), "triangle_part": self.model.triangle_part.numpy(),
            "parts": np.array(heads.PARTS), "uv": self.model.uv.numpy(), "landmarks": self.model.landmarks(vertices).numpy(),
            "texture": self.texture,
        }  # fmt: skip

    def save(self, path: Path | str) -> Path:
        """Write the head as .glb, .obj, .npz or .csv, by the suffix; a file appears whole or not at all.

        Raises `DataError` for another suffix, for a file that the head was captured from, and when the file cannot be written.
        """
        path = Path(path)
        check_target(path, self.inputs)
        _WRITERS[path.suffix.lower()](self, path)
        return path


def check_target(path: Path, inputs: Iterable[Path] = ()) -> None:
    """Raise the `DataError` that `Head.save` would raise for this name, before anything is done."""
    if path.suffix.lower() not in _WRITERS:
        raise DataError(f"cannot write a head to {path.name}: its suffix {one_of(path.suffix.lower(), _WRITERS)}")
    files.target(path, inputs=inputs, error=DataError)


def _shown(code: HeadCode) -> AUVector:
    """The whole expression: what the resting face shows already, and the change from it; 0..5."""
    return code.neutral.known + (code.expression.known - AUVector.neutral())


def _tensor(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.asarray(values, dtype=np.float32))


def _made(head: Head) -> Provenance:
    return Provenance("captured", head.capture, source_sha256=" ".join(head.sources) or head.photo.sha256)


def _png(head: Head) -> bytes:
    return cv2.imencode(".png", head.texture[..., ::-1])[1].tobytes()


def _brightness(head: Head) -> float:
    """The light on the face against full light, from the brightness of its front."""
    front = head.model.uv[head.model.front > 0.9].numpy() * head.texture.shape[0]
    column, row = np.clip([front[:, 0], head.texture.shape[0] - front[:, 1]], 0, head.texture.shape[0] - 1).astype(int)
    return float(np.clip((np.median(head.texture[row, column].max(axis=1)) / _TYPICAL_SKIN) ** 2.2, 0.1, 1.2))


def _write(head: Head, path: Path, content: bytes) -> None:
    with files.replacing(path, inputs=head.inputs, error=DataError) as partial:
        partial.write_bytes(content)


def _glb(head: Head, path: Path) -> None:
    names, offsets = surfaces.targets(head.model)
    moved = closing.fitted(head.model, head.neutral, offsets.numpy())
    parts = surfaces.surfaces(head.model, head.neutral, moved, _brightness(head))
    weights = surfaces.weights(names, head.moved)
    animation = None
    if len(head.codes) > 1:
        animation = gltf.Animation(head.times - head.times[0], weights, _quaternions(head.rotations))
    source = {name: value for name, value in vars(_made(head)).items() if value}
    _write(head, path, gltf.glb(parts, names, weights[head.still], _png(head), animation=animation, extras=source))


def _quaternions(rotations: Float[np.ndarray, "t 3 3"]) -> Float[np.ndarray, "t 4"]:
    """Quaternions x, y, z, w, each on the same half of the sphere as the one before, so that they blend the short way."""
    q = Rotation.from_matrix(rotations).as_quat()
    flips = np.where((q[1:] * q[:-1]).sum(axis=1) < 0, -1.0, 1.0)
    q[1:] *= np.cumprod(flips)[:, None]
    return q


def _obj(head: Head, path: Path) -> None:
    still = np.zeros((0, *head.vertices.shape), np.float32)
    parts = surfaces.surfaces(head.model, head.vertices, still, _brightness(head))
    materials, picture = path.with_suffix(".mtl"), path.with_suffix(".texture.png")
    for beside in (picture, materials):
        files.target(beside, inputs=head.inputs, error=DataError)
    images.write(head.texture, picture, provenance=_made(head), inputs=head.inputs)
    _write(head, materials, wavefront.mtl(parts, picture.name).encode())
    _write(head, path, wavefront.obj(parts, materials.name).encode())


def _npz(head: Head, path: Path) -> None:
    with files.replacing(path, inputs=head.inputs, error=DataError) as partial:
        np.savez_compressed(partial, allow_pickle=False, **head.arrays())


def _csv(head: Head, path: Path) -> None:
    tables.write(head.table(), path, inputs=head.inputs)


_WRITERS: Mapping[str, Callable[[Head, Path], None]] = {".glb": _glb, ".obj": _obj, ".npz": _npz, ".csv": _csv}
