"""How the skin over an eye moves. The mesh knows only where a lid ends; what a photo shows between lashes and brow must be shared out.

The strip with the lashes goes along as it is. A lid that rises gathers the skin above it evenly. A lid that falls leaves its fold, and
the skin above stays: what comes out of the fold is drawn by `mien.geometry.drawing.falling`.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32

from mien.geometry.drawing.slit import Frame, Slit

BROWS = {"lid_R": (46, 53, 52, 65, 55), "lid_L": (285, 295, 282, 283, 276)}  # lower edges, from the subject's right
_LASHES = 0.08  # cm above the margin that move as one
_SHARE = 0.85  # of the way up to the brow that takes part
_LEAST, _MOST = 0.3, 0.6  # cm: limits of that way
_PULL = 0.8  # cm above the margin where the mesh lets a falling lid pull no more
_OVERLAP = 0.10  # cm: how far the lashes of a shut eye reach over the lower lid
_FALLEN = 0.16  # cm: a lid that has come down by this has left its fold
_COARSE = 13.0  # pixels per cm below which lashes are wider in the picture than on the face
_FELT = 0.05  # cm: smaller moves of a lid are left to the mesh
_BESIDE = 0.35  # cm beyond the corners of the eye where the mesh takes over


@dataclass(frozen=True, eq=False)
class Lid:
    """The skin above one eye, in the frame of its slit."""

    height: Float[np.ndarray, " n"]  #: pixels above the margin that take part, at each s of the slit
    far: Float[np.ndarray, "n 2"]  #: displacement (along, across) where the part ends
    drop: Float[np.ndarray, "n 2"]  #: displacement (along, across) of the margin itself: source minus target
    scale: float  #: pixels per cm


def scale_of(scale: float) -> float:
    """Pixels per cm for what is drawn around lids: in a small or soft picture lashes are as wide as its pixels, however thin they are."""
    return max(scale, _COARSE)


def brow_height(brow: Float[np.ndarray, "m 2"], slit: Slit) -> Float[np.ndarray, " n"]:
    """Pixels from the upper margin up to the brow, at each s of a slit."""
    st = slit.frame.to(brow)
    order = np.argsort(st[:, 0])
    return np.maximum(slit.upper - np.interp(slit.s, st[order, 0], st[order, 1]), 1.0)


def heights(brow: Float[np.ndarray, "m 2"], slit: Slit, drop: Float[np.ndarray, "n 2"], scale: float) -> Float[np.ndarray, " n"]:
    """Pixels above the upper margin that take part, at each s of a slit: of a falling lid, as far as the mesh lets it pull."""
    rising = np.clip(_SHARE * brow_height(brow, slit), _LEAST * scale, _MOST * scale)
    return np.where(drop[:, 1] < 0, _PULL * scale, rising)


def margin_drop(before: Float[np.ndarray, "k 2"], after: Float[np.ndarray, "k 2"], slit: Slit) -> Float[np.ndarray, "n 2"]:
    """Displacement (along, across) of the upper margin at each s of the moved slit, from its landmarks before and after."""
    axes: Frame = slit.frame
    old, new = axes.to(before), axes.to(after)
    order = np.argsort(new[:, 0])
    change = (old - new)[order]
    return np.stack([np.interp(slit.s, new[order, 0], change[:, i]) for i in (0, 1)], axis=1)


def closing(s: Float[np.ndarray, "*n"], slit: Slit, source: Slit) -> Float[np.ndarray, "*n"]:
    """How far an eye has shut at s: 0 as in the photo or wider, 1 shut."""
    upper, lower = slit.at(s)
    before_upper, before_lower = source.at(s)
    before = before_lower - before_upper
    share = np.clip((before - (lower - upper)) / np.maximum(before, 1.0), 0.0, 1.0)
    return share * np.clip(np.minimum(s - slit.s[0], slit.s[-1] - s) / (0.12 * slit.length), 0.0, 1.0)


def overlap(s: Float32[np.ndarray, "h w"], slit: Slit, source: Slit, scale: float) -> Float32[np.ndarray, "h w"]:
    """Pixels by which the lashes of a closing lid lie over the lower lid: an arch, lest their line end in hooks."""
    x = np.clip(2.0 * (s - slit.s[0]) / slit.length - 1.0, -1.0, 1.0)
    return (_OVERLAP * scale * closing(s, slit, source) ** 3 * (1.0 - x * x)).astype(np.float32)


def fallen(lid: Lid) -> Float[np.ndarray, " n"]:
    """How far a lid has left its fold, at each s of its slit: 0 not at all, 1 so far that it is no more a matter of stretching skin.

    It leaves it by coming down; a brow that rises stretches the skin above the fold.
    """
    down = np.minimum(lid.far[:, 1], 0.0) - lid.drop[:, 1]
    x = np.clip(down / (_FALLEN * lid.scale), 0.0, 1.0)
    return x * x * (3 - 2 * x)


def unfold(move: Float32[np.ndarray, "h w 2"], st: Float32[np.ndarray, "h w 2"], slit: Slit, lid: Lid) -> Float32[np.ndarray, "h w 2"]:
    """Displacements (along, across) in the frame of a slit with the skin above it shared out anew; elsewhere as they are."""
    s, t = st[..., 0], st[..., 1]
    upper, _ = slit.at(s)
    drop = np.stack([np.interp(s, slit.s, lid.drop[:, i]) for i in (0, 1)], axis=-1)
    far = np.stack([np.interp(s, slit.s, lid.far[:, i]) for i in (0, 1)], axis=-1)
    lowered = np.maximum(far[..., 1] - drop[..., 1], 0.0)  # the margin came down by this much more than the skin below the brow
    reach = np.interp(s, slit.s, lid.height) + lowered
    strip = _LASHES * lid.scale
    share = np.clip((reach - (upper - t)) / np.maximum(reach - strip, 1e-3), 0.0, 1.0) * (1.0 - float(fallen(lid).max()))
    shared = far + share[..., None] * (drop - far)
    beside = np.maximum(slit.s[0] - s, s - slit.s[-1]) / (_BESIDE * lid.scale)
    felt = np.clip(np.abs(drop[..., 1]) / (_FELT * lid.scale) - 0.5, 0.0, 1.0)
    ours = felt * np.clip(1.0 - beside, 0.0, 1.0) * np.clip((reach - (upper - t)) / strip, 0.0, 1.0)
    return (move + ours[..., None] * (shared - move)).astype(np.float32)
