"""Constant matrices of a head that spread what is known at its landmarks over its skin.

Distances are taken on the head with its mouth stretched open and its eyes wide: there the straight line between two lips or two lids
is about as long as the way along the skin, so that what one lip does never leaks into the other.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float
from scipy import sparse

from mien.aus import AUVector
from mien.geometry import facemesh
from mien.geometry.head import HeadModel

_REACH = 2.0  # cm: the kernel of the residual falls to 1/e over this way
_RIDGE, _RIDGE_MARGIN = 0.08, 0.005  # trust in a landmark: lids and inner lips are met closely, all else in the mean
_ALONG = 0.35  # cm: how sharply a vertex follows the nearest part of a margin
_HOLD = {"lip": (0.6, 2.6), "lid_upper": (0.15, 0.65), "lid_lower": (0.2, 1.1)}
_BLINK = (0.1, 0.5)
"""cm from a margin: within the first a vertex goes all the way with it, beyond the second not at all."""
_TIP = (195, 5, 4, 1, 19, 94)  # landmarks from the middle of the nose over its tip to below it
_STAYS, _WING = 0.65, (0.5, 1.6)  # of a wrinkle that does not reach them; cm from them within which it does so in part


@dataclass(frozen=True, eq=False)
class Spread:
    """How landmarks lead the skin of one head."""

    residual: Float[np.ndarray, "v 468"]  #: landmark errors -> vertex errors; zero rows off the skin
    margins: sparse.csr_array  #: [v, 468] moves of lip and lid margins -> vertex moves, fading away from each margin
    lids: Float[np.ndarray, " v"]  #: 1 on the rims of the eyes, 0 from 0.5 cm away: the skin that a blink may move
    wrinkle: Float[np.ndarray, " v"]  #: how far each vertex goes along when the nose wrinkles: its wings do, its tip hardly does


@lru_cache(maxsize=4)
def of(head: HeadModel) -> Spread:
    """The matrices of a head; computed once (about 0.1 s)."""
    open_wide = torch.from_numpy(AUVector.of({"AU27": 5, "AU05": 5}).values.copy()).float()
    vertices = head.vertices(torch.zeros(1), open_wide)
    landmarks = head.landmarks(vertices)
    skin = head.parts["face"]
    away = torch.cdist(vertices[skin], landmarks)
    kernel = torch.exp(-away / _REACH)
    ridge = torch.full((facemesh.COUNT,), _RIDGE)
    ridge[[i for curve in facemesh.MARGINS.values() for i in curve]] = _RIDGE_MARGIN
    system = torch.exp(-torch.cdist(landmarks, landmarks) / _REACH) + torch.diag(ridge)
    residual = torch.zeros(len(vertices), facemesh.COUNT)
    residual[skin] = torch.linalg.solve(system, kernel.T).T
    margins = torch.zeros(len(vertices), facemesh.COUNT)
    margins[skin] = _follow(away)
    rims = [i for name, curve in facemesh.MARGINS.items() if name.startswith("lid") for i in curve]
    lids = torch.zeros(len(vertices))
    near = ((_BLINK[1] - away[:, rims].amin(1)) / (_BLINK[1] - _BLINK[0])).clamp(0, 1)
    lids[skin] = near * near * (3 - 2 * near)
    tip = ((_WING[1] - away[:, list(_TIP)].amin(1)) / (_WING[1] - _WING[0])).clamp(0, 1)
    wrinkle = torch.ones(len(vertices))
    wrinkle[skin] -= _STAYS * tip * tip * (3 - 2 * tip)
    return Spread(residual.numpy(), sparse.csr_array(margins.double().numpy()), lids.numpy(), wrinkle.numpy())


def _follow(away: torch.Tensor) -> torch.Tensor:
    """Weights of margin landmarks at vertices that lie `away` from them, the nearest margin leading."""
    weights = torch.zeros_like(away)
    nearest = torch.full((len(away),), torch.inf)
    for name, curve in facemesh.MARGINS.items():
        near, far = next(hold for stem, hold in _HOLD.items() if name.startswith(stem))
        columns = away[:, list(curve)]
        distance = columns.amin(1)
        share = torch.softmax(-columns / _ALONG, 1)
        t = ((far - distance) / (far - near)).clamp(0, 1)
        mine = distance < nearest
        row = torch.zeros_like(weights)
        row[:, list(curve)] = share * (t * t * (3 - 2 * t))[:, None]
        weights = torch.where(mine[:, None], row, weights)
        nearest = torch.minimum(nearest, distance)
    return weights
