"""The mouth and the eyes as slits: an upper and a lower margin over a common axis from corner to corner.

In the frame of a slit, s runs along its axis from the subject's right corner to the left one and t across it, downwards on the face;
both margins are functions t(s), so that *above*, *inside* and *below* are comparisons.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32
from scipy.interpolate import PchipInterpolator

from mien.geometry.drawing.box import Box

_SAMPLES = 96  # of a margin; ten landmarks make a smooth curve of that many


@dataclass(frozen=True, eq=False)
class Frame:
    """Axes of a slit in the image."""

    origin: Float[np.ndarray, " 2"]  #: pixel of the middle between the corners
    along: Float[np.ndarray, " 2"]  #: unit vector from the subject's right corner to the left one

    @property
    def across(self) -> Float[np.ndarray, " 2"]:
        """Unit vector across, downwards on an upright face."""
        return np.array([-self.along[1], self.along[0]])

    @property
    def axes(self) -> Float32[np.ndarray, "2 2"]:
        """`along` and `across` as columns: ``vector @ axes`` is a vector in the frame, ``@ axes.T`` the way back."""
        return np.stack([self.along, self.across], axis=1).astype(np.float32)

    def to(self, points: Float[np.ndarray, "*n 2"]) -> Float[np.ndarray, "*n 2"]:
        """Pixels to (s, t)."""
        return (points - self.origin.astype(points.dtype)) @ np.stack([self.along, self.across], axis=1).astype(points.dtype)

    def back(self, points: Float[np.ndarray, "*n 2"]) -> Float[np.ndarray, "*n 2"]:
        """(s, t) to pixels."""
        return points @ np.stack([self.along, self.across]).astype(points.dtype) + self.origin.astype(points.dtype)


@dataclass(frozen=True, eq=False)
class Slit:
    """One opening, in pixels of its frame."""

    frame: Frame
    s: Float[np.ndarray, " n"]  #: ascending, from corner to corner
    upper: Float[np.ndarray, " n"]  #: t of the upper margin
    lower: Float[np.ndarray, " n"]  #: t of the lower margin, never above the upper one

    @property
    def aperture(self) -> float:
        """The widest opening in pixels."""
        return float((self.lower - self.upper).max())

    @property
    def length(self) -> float:
        """Corner to corner in pixels."""
        return float(self.s[-1] - self.s[0])

    def at(self, s: Float[np.ndarray, "*n"]) -> tuple[Float[np.ndarray, "*n"], Float[np.ndarray, "*n"]]:
        """The t of the upper and the lower margin at s; beyond a corner, of the corner."""
        return np.interp(s, self.s, self.upper), np.interp(s, self.s, self.lower)

    def within(self, s: Float[np.ndarray, "*n"]) -> np.ndarray:
        """Where s lies between the corners."""
        return (s > self.s[0]) & (s < self.s[-1])

    def moved(self, source: "Slit", s: Float[np.ndarray, "*n"]) -> Float32[np.ndarray, "*n"]:
        """How far the margins at s have moved since `source`: 0 not at all, 1 by half a pixel or more."""
        (upper, lower), (was_upper, was_lower) = self.at(s), source.at(s)
        return np.clip(2.0 * (np.abs(upper - was_upper) + np.abs(lower - was_lower)) - 0.02, 0.0, 1.0).astype(np.float32)

    def near(self, st: Float[np.ndarray, "*n 2"], share: float = 1.0) -> np.ndarray:
        """Where this slit, not another one, decides between above and below (or the inner `share` of that part)."""
        reach = share * self.length
        across = (st[..., 1] > float(self.upper.min()) - 0.7 * reach) & (st[..., 1] < float(self.lower.max()) + 0.7 * reach)
        return across & (np.abs(st[..., 0]) < reach)

    def bounds(self) -> Box:
        """The pixels that are `near`, and some more."""
        low, high = float(self.upper.min()) - 0.7 * self.length, float(self.lower.max()) + 0.7 * self.length
        return Box.around(self.frame.back(np.array([[s, t] for s in (-self.length, self.length) for t in (low, high)])))

    def opening(self, margin: int = 2) -> Box:
        """The pixels between the margins, and some more on every side."""
        rim = np.concatenate([np.stack([self.s, self.upper], 1), np.stack([self.s, self.lower], 1)])
        return Box.around(self.frame.back(rim), margin=margin)

    def inside(self, st: Float[np.ndarray, "*n 2"], softness: float = 0.5) -> Float[np.ndarray, "*n"]:
        """How far a pixel is inside: 0..1, half on the margins, soft over `softness` pixels to either side."""
        upper, lower = self.at(st[..., 0])
        depth = np.minimum(st[..., 1] - upper, lower - st[..., 1]) / softness
        cover = np.clip(0.5 + 0.5 * depth, 0.0, 1.0) * (lower - upper > 0)
        ends = np.minimum(st[..., 0] - self.s[0], self.s[-1] - st[..., 0])
        return cover * np.clip(0.5 + 0.5 * ends / softness, 0.0, 1.0)


def frame(upper: Float[np.ndarray, "n 2"]) -> Frame:
    """The frame of a slit from one of its margins, corners included, in the order of `mien.geometry.facemesh`."""
    along = upper[-1] - upper[0]
    return Frame((upper[0] + upper[-1]) / 2, along / max(float(np.hypot(*along)), 1e-6))


def slit(upper: Float[np.ndarray, "n 2"], lower: Float[np.ndarray, "m 2"], axes: Frame) -> Slit:
    """The slit between two margins given in pixels, corners included."""
    high, low = axes.to(upper), axes.to(lower)
    s = np.linspace(min(high[0, 0], low[0, 0]), max(high[-1, 0], low[-1, 0]), _SAMPLES)
    up, down = _curve(high, s), _curve(low, s)
    middle = (up + down) / 2
    crossed = up > down
    return Slit(axes, s, np.where(crossed, middle, up), np.where(crossed, middle, down))


def _curve(points: Float[np.ndarray, "n 2"], s: Float[np.ndarray, " m"]) -> Float[np.ndarray, " m"]:
    """Monotone cubic through points whose s is made to ascend."""
    knots = np.maximum.accumulate(points[:, 0] + 1e-3 * np.arange(len(points)))
    knots += 1e-6 * np.arange(len(points))
    return PchipInterpolator(knots, points[:, 1])(np.clip(s, knots[0], knots[-1]))
