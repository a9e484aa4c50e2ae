"""Upper lids: how their skin unfolds. The mesh knows only where a lid ends; what a photo shows between lashes and brow must be shared out.

The strip with the lashes goes along as it is; from there to below the brow the skin is stretched or gathered evenly. A lid that the mesh
would pull out of its narrow fold thus gets its skin from all of the region that, in life, unrolls over the eye.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32

from mien.geometry.slit import Frame, Slit

BROWS = {"lid_R": (46, 53, 52, 65, 55), "lid_L": (285, 295, 282, 283, 276)}  # lower edges, from the subject's right
_LASHES = 0.08  # cm above the margin that move as one
_SHARE = 0.85  # of the way up to the brow that takes part
_LEAST, _MOST = 0.45, 1.3  # cm: limits of that way
_OVERLAP = 0.10  # cm: how far the lashes of a shut eye reach over the lower lid
_FELT = 0.05  # cm: smaller moves of a lid are left to the mesh
_BESIDE = 0.35  # cm beyond the corners of the eye where the mesh takes over


@dataclass(frozen=True, eq=False)
class Lid:
    """The skin above one eye, in the frame of its slit."""

    height: Float[np.ndarray, " n"]  #: pixels above the margin that take part, at each s of the slit
    far: Float[np.ndarray, "n 2"]  #: displacement (along, across) where the part ends
    drop: Float[np.ndarray, "n 2"]  #: displacement (along, across) of the margin itself: source minus target
    scale: float  #: pixels per cm


def heights(brow: Float[np.ndarray, "m 2"], slit: Slit, scale: float) -> Float[np.ndarray, " n"]:
    """Pixels between the upper margin and the brow that take part, at each s of a slit."""
    st = slit.frame.to(brow)
    order = np.argsort(st[:, 0])
    above = slit.upper - np.interp(slit.s, st[order, 0], st[order, 1])
    return np.clip(_SHARE * above, _LEAST * scale, _MOST * scale)


def margin_drop(before: Float[np.ndarray, "k 2"], after: Float[np.ndarray, "k 2"], slit: Slit) -> Float[np.ndarray, "n 2"]:
    """Displacement (along, across) of the upper margin at each s of the moved slit, from its landmarks before and after."""
    axes: Frame = slit.frame
    old, new = axes.to(before), axes.to(after)
    order = np.argsort(new[:, 0])
    change = (old - new)[order]
    return np.stack([np.interp(slit.s, new[order, 0], change[:, i]) for i in (0, 1)], axis=1)


def overlap(s: Float32[np.ndarray, "h w"], slit: Slit, source: Slit, scale: float) -> Float32[np.ndarray, "h w"]:
    """Pixels by which the lashes of a closing lid lie over the lower lid."""
    upper, lower = slit.at(s)
    before_upper, before_lower = source.at(s)
    closing = np.clip(1.0 - (lower - upper) / np.maximum(before_lower - before_upper, 1.0), 0.0, 1.0)
    inner = np.clip(np.minimum(s - slit.s[0], slit.s[-1] - s) / (0.15 * slit.length), 0.0, 1.0)
    return (_OVERLAP * scale * closing**3 * inner).astype(np.float32)


def unfold(move: Float32[np.ndarray, "h w 2"], st: Float32[np.ndarray, "h w 2"], slit: Slit, lid: Lid) -> Float32[np.ndarray, "h w 2"]:
    """Displacements (along, across) in the frame of a slit with the skin above it shared out anew; elsewhere as they are."""
    s, t = st[..., 0], st[..., 1]
    upper, _ = slit.at(s)
    drop = np.stack([np.interp(s, slit.s, lid.drop[:, i]) for i in (0, 1)], axis=-1)
    far = np.stack([np.interp(s, slit.s, lid.far[:, i]) for i in (0, 1)], axis=-1)
    lowered = np.maximum(far[..., 1] - drop[..., 1], 0.0)  # the margin came down by this much more than the skin below the brow
    reach = np.interp(s, slit.s, lid.height) + lowered
    strip = _LASHES * lid.scale
    share = np.clip((reach - (upper - t)) / np.maximum(reach - strip, 1e-3), 0.0, 1.0)[..., None]
    shared = far + share * (drop - far)
    beside = np.maximum(slit.s[0] - s, s - slit.s[-1]) / (_BESIDE * lid.scale)
    felt = np.clip(np.abs(np.linalg.norm(drop - far, axis=-1)) / (_FELT * lid.scale), 0.0, 1.0)
    ours = felt * np.clip(1.0 - beside, 0.0, 1.0) * (upper - t < reach)
    return (move + ours[..., None] * (shared - move)).astype(np.float32)
