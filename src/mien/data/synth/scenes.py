"""What a drawn picture shows, as numbers; and random ones."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32

from mien.aus import AUVector
from mien.data.synth import camera, light
from mien.data.synth.camera import Camera
from mien.data.synth.expressions import expression

#: Skin in full light, sRGB, fair to dark.
_SKIN = np.array(
    [(240, 208, 192), (232, 188, 164), (218, 168, 138), (198, 144, 110), (168, 116, 84), (130, 86, 62), (94, 62, 48), (64, 44, 38)], float
)
_SPREAD, _FARTHEST = 0.75, 2.0  # of identity coefficients, which are rather too free beyond
_HAIR = np.array([(24, 20, 18), (44, 32, 26), (72, 50, 36), (104, 76, 50), (150, 116, 78), (120, 62, 36), (128, 124, 120)], float)
_IRIS = np.array([(58, 36, 22), (84, 54, 30), (110, 82, 46), (92, 100, 60), (92, 116, 128), (70, 104, 140), (120, 132, 138)], float)


@dataclass(frozen=True, eq=False)
class Look:
    """Colours (sRGB 0..255) and what is on the skin."""

    skin: Float[np.ndarray, " 3"]
    lips: Float[np.ndarray, " 3"]
    hair: Float[np.ndarray, " 3"]
    iris: Float[np.ndarray, " 3"]
    teeth: Float[np.ndarray, " 3"]
    cloth: Float[np.ndarray, " 3"]
    brows: float  #: how dense, 0..1
    beard: float
    scalp: float  #: hair as short as a brush, 0..1
    blush: float  #: redness of cheeks and nose
    rings: float  #: darkness around the eyes
    mottle: float  #: unevenness of the skin
    freckles: float
    shine: float


@dataclass(frozen=True, eq=False)
class Scene:
    """A picture to draw. The same scene is the same picture."""

    shape: Float32[np.ndarray, " k"]  #: identity coefficients of the head model
    aus: AUVector
    camera: Camera
    light: Float32[np.ndarray, "9 3"]
    look: Look
    seed: tuple[int, int]  #: of wall, grain and blur


def scene(size: int, seed: int, index: int, identities: int) -> Scene:
    """Scene number `index` of a seed, for pictures of `size` x `size` pixels of a head with `identities` identity coefficients."""
    rng = np.random.default_rng([seed, index])
    shape = np.clip(_SPREAD * rng.normal(size=identities), -_FARTHEST, _FARTHEST).astype(np.float32)
    return Scene(shape, expression(rng), camera.camera(size, rng), light.light(rng), look(rng), (seed, index))


def look(rng: np.random.Generator) -> Look:
    """Somebody's colours: they go together, dark hair and eyes with dark skin, not the other way round."""
    tone = rng.uniform(0.0, 1.0)
    skin = _between(_SKIN, tone) * np.exp(0.03 * rng.normal(size=3))
    dark = rng.uniform() < tone + 0.25
    hair = _HAIR[rng.integers(0, 2 if dark else len(_HAIR))] * np.exp(0.15 * rng.normal(size=3) * 0.5)
    iris = _IRIS[rng.integers(0, 2 if dark else len(_IRIS))] * np.exp(0.12 * rng.normal())
    red = np.array([0.86, 0.62, 0.62]) + 0.06 * rng.normal(size=3)
    lips = skin * (red if rng.random() < 0.8 else np.array([0.8, 0.38, 0.42]) * np.exp(0.15 * rng.normal(size=3)))
    teeth = np.array([236.0, 229.0, 212.0]) * (1.0, 1.0, np.exp(-0.10 * rng.random())) * rng.uniform(0.85, 1.0)
    cloth = rng.uniform(15, 235) * np.exp(0.45 * rng.normal(size=3))
    man = rng.random() < 0.5
    return Look(
        *(np.clip(colour, 4, 250) for colour in (skin, lips, hair, iris, teeth, cloth)),
        brows=rng.uniform(0.35, 0.95),
        beard=rng.uniform(0.1, 0.9) if man and rng.random() < 0.6 else 0.0,
        scalp=rng.uniform(0.25, 1.0) if rng.random() < 0.75 else 0.0,
        blush=rng.uniform(0.0, 0.35),
        rings=rng.uniform(0.0, 0.4),
        mottle=rng.uniform(0.02, 0.12),
        freckles=rng.uniform(0.1, 0.6) if rng.random() < 0.2 else 0.0,
        shine=rng.uniform(0.2, 1.2),
    )


def _between(colours: Float[np.ndarray, "n 3"], place: float) -> Float[np.ndarray, " 3"]:
    """The colour at a place 0..1 of a scale."""
    at = place * (len(colours) - 1)
    return np.array([np.interp(at, np.arange(len(colours)), colours[:, c]) for c in range(3)])
