"""Square pictures and fields over them: at another size, averaged, and carried along steps."""

import cv2
import numpy as np
from jaxtyping import Float32

Picture = Float32[np.ndarray, "s s 3"]

GRID = 256  #: pixels on which pictures are compared


def resized(values: np.ndarray, size: int) -> np.ndarray:
    """A square picture at another size: averaged down, or smoothly up."""
    if values.shape[0] == size:
        return values
    return cv2.resize(values, (size, size), interpolation=cv2.INTER_AREA if size < values.shape[0] else cv2.INTER_CUBIC)


def carried(picture: np.ndarray, flow: Float32[np.ndarray, "h w 2"]) -> np.ndarray:
    """The picture that has at each pixel what `flow` steps away from it was."""
    y, x = np.mgrid[: flow.shape[0], : flow.shape[1]].astype(np.float32)
    return cv2.remap(picture, x + flow[..., 0], y + flow[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def around(values: np.ndarray, weight: Float32[np.ndarray, "g g"], reach: float) -> np.ndarray:
    """The mean of values around each pixel, by weight; `reach` in pixels."""
    sums = cv2.GaussianBlur(np.dstack([values * weight[..., None], weight]), (0, 0), reach)
    return sums[..., :-1] / sums[..., -1:]
