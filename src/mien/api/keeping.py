"""What an edit must not change: whose face it is, and the picture around it."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float

from mien import registry
from mien.faces import align
from mien.faces.identity import Recognizer, cosine
from mien.protocols import CropSpec
from mien.types import Face, Photo

_REACH = 1.25  # of the hull of the landmarks, about its middle: an edit moves some skin, hair and neck around the face with it


@dataclass(frozen=True, eq=False)
class Original:
    """A face as it was before any edit."""

    photo: Photo
    face: Face  #: as one more look finds it, which the edited faces are found by
    network: Recognizer | None  #: for identity; None where there is none

    def kept(self, photo: Photo, face: Face | None) -> dict[str, float]:
        """What an edited picture kept, NaN where its face is lost.

        ``shape``: the cosine between the identity coefficients that the usual capture fits, which is geometry; ``identity``: that between
        the codes of the network, only with one; ``outside``: the mean change of the grey levels (0..255) away from the face, NaN where
        the face fills the picture.
        """
        shown = {"shape": np.nan if face is None else cosine(self._shape(self.photo, self.face), self._shape(photo, face))}
        if self.network is not None:
            codes = [] if face is None else [self.network.code(*each) for each in ((self.photo, self.face), (photo, face))]
            shown["identity"] = cosine(*codes) if codes else np.nan
        away = self._away(face)
        change = np.abs(photo.rgb.astype(np.int16) - self.photo.rgb)[away]
        return shown | {"outside": float(change.mean()) if change.size else np.nan}

    @staticmethod
    def _shape(photo: Photo, face: Face) -> Float[np.ndarray, " d"]:
        (code,) = registry.capture(registry.CAPTURE).capture([align.cut(photo, face, CropSpec())])
        return np.asarray(code.shape, dtype=np.float64)

    def _away(self, face: Face | None) -> Bool[np.ndarray, "h w"]:
        """Where neither the face as it was nor as it is now is near."""
        near = np.zeros(self.photo.rgb.shape[:2], np.uint8)
        for one in (self.face, face):
            if one is not None:
                hull = cv2.convexHull(one.landmarks[:, :2].astype(np.float32))[:, 0]
                middle = hull.mean(axis=0)
                cv2.fillConvexPoly(near, np.round(middle + _REACH * (hull - middle)).astype(np.int32), 1)
        return near == 0
