"""Light from everywhere, as nine spherical harmonics a colour.

Irradiance on a surface that faces n is ``E(n) = sum E_k Y_k(n)`` with k over (l, m) = 00, 1-1, 10, 11, 2-2, 2-1, 20, 21, 22 and the real
harmonics `basis`: of light from afar that is true to 1 % on average (Ramamoorthi & Hanrahan, An Efficient Representation for Irradiance
Environment Maps, 2001). The E_k hold the cosine lobe already; a white surface under E = 1 is as bright as a picture can be. Axes are the
camera's: x right, y up, z to the viewer.
"""

import numpy as np
from jaxtyping import Float, Float32

_LOBE = np.repeat([np.pi, 2 * np.pi / 3, np.pi / 4], [1, 3, 5])  # the cosine lobe on each harmonic
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
_DARKEST = 0.02  # of the ambient light: harmonics of a hard light dip below 0 where it does not reach
_Y0, _Y1, _Y2 = 0.28209479, 0.48860251, (1.09254843, 1.09254843, 0.31539157, 1.09254843, 0.54627422)


def basis(normals: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n 9"]:
    """The nine harmonics at unit normals."""
    x, y, z = np.moveaxis(normals, -1, 0)
    second = (_Y2[0] * x * y, _Y2[1] * y * z, _Y2[2] * (3 * z * z - 1), _Y2[3] * x * z, _Y2[4] * (x * x - y * y))
    return np.stack([np.full_like(x, _Y0), _Y1 * y, _Y1 * z, _Y1 * x, *second], axis=-1)


def first_order(ambient: float, direction: Float[np.ndarray, " 3"]) -> Float32[np.ndarray, "9 3"]:
    """White light with ``E(n) = ambient + direction . n``."""
    x, y, z = direction
    grey = np.array([ambient / _Y0, y / _Y1, z / _Y1, x / _Y1, 0.0, 0.0, 0.0, 0.0, 0.0])
    return np.repeat(grey[:, None], 3, axis=1).astype(np.float32)


def irradiance(light: Float[np.ndarray, "9 3"], normals: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n 3"]:
    """Linear light, red, green and blue, on surfaces that face unit normals."""
    return np.maximum(basis(normals) @ light.astype(normals.dtype), (_DARKEST * _Y0 * light[0]).astype(normals.dtype))


def lamp(direction: Float[np.ndarray, " 3"], colour: Float[np.ndarray, " 3"]) -> Float[np.ndarray, "9 3"]:
    """A far lamp: irradiance `colour` on what faces the unit `direction` towards it."""
    return (_LOBE * basis(direction))[:, None] * colour


def towards(light: Float[np.ndarray, "9 3"]) -> Float[np.ndarray, " 3"]:
    """The unit direction that most light comes from."""
    y, z, x = light[1:4] @ _LUMINANCE
    return np.array([x, y, z]) / max(float(np.linalg.norm([x, y, z])), 1e-9)


def light(rng: np.random.Generator) -> Float32[np.ndarray, "9 3"]:
    """A room or a street: light from all around, more of it from above, a key lamp, at times another from the side or behind."""
    total = np.zeros((9, 3))
    total[0] = rng.uniform(0.25, 1.0) * _white(rng, 0.10) / _Y0
    total[1] = rng.uniform(-0.1, 0.5) * total[0] * _Y0 / _Y1
    total += lamp(_around(rng, 55.0, up=0.35), rng.uniform(0.2, 1.2) * _white(rng, 0.16))
    if rng.random() < 0.5:
        total += lamp(_around(rng, 110.0, up=0.1), rng.uniform(0.1, 0.7) * _white(rng, 0.25))
    front = irradiance(total, np.array([[0.0, 0.0, 1.0], [0.6, 0.0, 0.8], [-0.6, 0.0, 0.8], [0.0, 0.5, 0.866]])) @ _LUMINANCE
    return (total * (rng.uniform(0.7, 1.15) / front.mean())).astype(np.float32)


def _white(rng: np.random.Generator, spread: float) -> Float[np.ndarray, " 3"]:
    """White, warm or cold, with luminance 1."""
    warm = spread * rng.normal()
    colour = np.exp(np.array([warm, 0.15 * spread * rng.normal(), -warm]))
    return colour / (colour @ _LUMINANCE)


def _around(rng: np.random.Generator, degrees: float, *, up: float) -> Float[np.ndarray, " 3"]:
    """A direction at a normal-distributed angle from the viewer's, rather from above."""
    angle, turn = np.radians(abs(rng.normal()) * degrees), rng.uniform(0, 2 * np.pi)
    direction = np.array([np.sin(angle) * np.cos(turn), np.sin(angle) * np.sin(turn) + up, np.cos(angle)])
    return direction / np.linalg.norm(direction)
