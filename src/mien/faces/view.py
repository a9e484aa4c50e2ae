"""A face in a photo, as it is and as a generator draws it: what is known once for the photo to follow the generator's next pictures."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, UInt8
from torch import Tensor

from mien.aus import AUShift
from mien.faces import reach
from mien.faces.align import Square
from mien.faces.carrying import Picture
from mien.faces.meeting import Meeting, meet
from mien.faces.redraw import change, redraw
from mien.faces.redrawing import told
from mien.nn.redrawer import Redrawer
from mien.types import Pose


@dataclass(frozen=True, eq=False)
class View:
    """All in pixels of `rgb` where nothing else is said."""

    rgb: UInt8[np.ndarray, "h w 3"]
    landmarks: Float[np.ndarray, "468 2"]
    pose: Pose
    square: Square
    shown: Float32[np.ndarray, "g g 3"]  #: the photo in the square
    before: Picture  #: the generator's picture of it
    meeting: Meeting  #: how the generator's pictures are laid over the photo
    redrawer: Redrawer | None  #: what tells how expressions change it; None: flow does

    @staticmethod
    def of(
        rgb: UInt8[np.ndarray, "h w 3"],
        landmarks: Float[np.ndarray, "468 3"],
        pose: Pose,
        square: Square,
        *,
        shown: Float32[np.ndarray, "g g 3"],
        before: Picture,
        redrawer: Redrawer | None = None,
    ) -> "View":
        """With the generator's picture met."""
        return View(rgb, landmarks[:, :2].astype(np.float64), pose, square, shown, before, meet(before, landmarks, square), redrawer)

    def redrawn(self, after: Picture, move: Float[Tensor, "1 l d"], asked: AUShift) -> UInt8[np.ndarray, "h w 3"]:
        """The photo with the expression that the generator draws of its code after a move, where independent axes reach."""
        over = reach.of_change(asked, self.landmarks, self.pose, self.square)
        if self.redrawer is None:
            return self._changed(after, over)
        return redraw(self.rgb, self.square, told(self.redrawer, self.shown, self.before, after, move=move, reach=over))

    def redrawn_anywhere(self, after: Picture, asked: AUShift) -> UInt8[np.ndarray, "h w 3"]:
        """The photo with all that the generator changes in the face, not expressions alone, and where independent axes reach."""
        over = reach.of_change(asked, self.landmarks, self.pose, self.square)
        return self._changed(after, np.maximum(over, reach.of_face(self.landmarks, self.square)))

    def _changed(self, after: Picture, over: Float32[np.ndarray, "r r"]) -> UInt8[np.ndarray, "h w 3"]:
        return redraw(self.rgb, self.square, change(self.before, after, self.shown, over, self.meeting))
