"""How far two pictures are apart in their action units, whoever they show: AU-CLIP's error of a result against its target."""

import numpy as np
from jaxtyping import Float, UInt8

from mien import registry
from mien.faces import align, landmarks
from mien.protocols import Reader
from mien.types import CropSpec, Photo

Picture = UInt8[np.ndarray, "h w 3"]


class UnitError:
    """By a reader of mien's, of the largest face of each picture."""

    name = "au error"

    def __init__(self, reader: Reader | None = None) -> None:
        """The reader that is meant when nothing is said, unless it is given."""
        self._reader = reader or registry.reader(registry.READER)

    def distance(self, a: Picture, b: Picture) -> float:
        """The mean squared difference of the intensities that are measured; NaN where either shows no face: such a pair counts nowhere."""
        one, other = self._intensities(a), self._intensities(b)
        known = np.isfinite(one) & np.isfinite(other)
        return float(np.square(one - other)[known].mean()) if known.any() else float("nan")

    def _intensities(self, rgb: Picture) -> Float[np.ndarray, " axes"]:
        photo = Photo(rgb)
        if not (faces := landmarks.find(photo)):
            return np.array([np.nan])
        face = max(faces, key=lambda face: face.box[2] * face.box[3])
        (reading,) = self._reader.measure([align.cut(photo, face, CropSpec())])
        return reading.aus.values
