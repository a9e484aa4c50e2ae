"""How much of what a picture was drawn from is found in it again: the re-inference error of DiffusionRig (Ding et al. 2023).

A picture is drawn from codes (light, shape, expression, pose); the capture that such codes come from reads the picture; the error of a
group of codes is the root of the mean square between both. It is in the group's own unit, so groups compare between engines that are
judged by the same capture, and not with one another.
"""

import math
from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from mien.errors import DataError


def reinference_errors(
    commanded: Mapping[str, Float[np.ndarray, "n _"]], found: Mapping[str, Float[np.ndarray, "n _"]]
) -> dict[str, float]:
    """The error of each group of codes over all pictures and numbers; NaN for none. `found` may have more groups.

    Pictures in which nothing was found are NaN, and left out. Raises `DataError` for a group that was not found or is of another shape.
    """
    for group, codes in commanded.items():
        if group not in found:
            raise DataError(f"the capture gives no {group}: it gives {', '.join(found)}")
        if found[group].shape != codes.shape:
            raise DataError(f"{group} was commanded as {codes.shape} numbers and found as {found[group].shape}: use one capture for both")
    return {group: _root_mean_square(found[group] - codes) for group, codes in commanded.items()}


def _root_mean_square(apart: Float[np.ndarray, "n _"]) -> float:
    seen = apart[np.isfinite(apart).all(axis=1)]
    return math.sqrt(float(np.mean(seen**2))) if seen.size else math.nan
