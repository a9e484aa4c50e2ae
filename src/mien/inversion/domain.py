"""Whether a face is one that a generator can draw: told from how like the photo its own picture of it is."""

from collections.abc import Mapping
from types import MappingProxyType

from mien.inversion.ladder import Quality

ALIKE = 0.3  # cosine by the network for identity: two people are seldom more alike, see the model card of identity
CLEAR = 15.0  # dB: what the mean face of a set of aligned faces reaches for others of it
FAR: Mapping[str, float] = MappingProxyType({"grids of identity, IR-SE-18 of 48 px": 0.6})
"""The greatest perceptual distance, by the network that it is measured by; of others none is known. Drawn by the generator that ships, 3 of
132 faces not learned from are farther: under a broad hat, in the dark, thrown back; the median is 0.33."""

_CURE = "the edit may not fit it; --invert refine or pivotal comes nearer, or take the engine mesh"


def outside(quality: Quality) -> str:
    """Why a face is outside of what the generator can draw; "" where it is not."""
    if quality.psnr < CLEAR:
        return f"is outside of what the engine's network can draw (PSNR {quality.psnr:.1f} dB, at least {CLEAR:g} are needed): {_CURE}"
    if quality.identity < ALIKE:
        return f"comes out as somebody else (identity {quality.identity:.2f}, at least {ALIKE:g} is needed): {_CURE}"
    if quality.perceptual > (far := FAR.get(quality.perceptual_network, float("inf"))):
        told = f"perceptual distance {quality.perceptual:.2f}, at most {far:g} is usual"
        return f"is outside of what the engine's network can draw well ({told}): {_CURE}"
    return ""
