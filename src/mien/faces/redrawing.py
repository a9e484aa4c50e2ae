"""A generator's change of a face as a network tells it that has learned what such changes look like in photos."""

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from mien.faces.carrying import Picture, resized
from mien.faces.redraw import Change, reached
from mien.nn.levels import levels
from mien.nn.redrawer import Redrawer


def told(
    redrawer: Redrawer,
    shown: Float32[np.ndarray, "g g 3"],
    before: Picture,
    after: Picture,
    *,
    move: Float[Tensor, "1 l d"],
    reach: Float32[np.ndarray, "r r"],
) -> Change:
    """What leads from one of the generator's pictures (0..255) to the other, as a `move` of the code made it, where `reach` (0..1) allows
    it; `shown` is the photo.
    """
    size = redrawer.config["size"]
    photo, one, two = (torch.from_numpy(picture).permute(2, 0, 1)[None] / 127.5 - 1 for picture in (resized(shown, size), before, after))
    with torch.inference_mode():
        change = redrawer(photo, one, two, move)
    motion, added, known = (part[0].permute(1, 2, 0).numpy() for part in (change.motion, change.added, change.known))
    allowed = np.clip(resized(reach, size), 0, 1)
    allowed = allowed[..., None]
    return Change(motion * allowed, 127.5 * added * allowed, levels(change.fresh[0]), (1 - (1 - known) * allowed)[..., 0], reached(reach))
