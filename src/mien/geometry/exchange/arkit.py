"""The names of Apple's ARKit blendshapes, and what they are of a head's own shapes.

Weights run 0..1; left and right are the subject's. A head whose shapes carry ARKit's names with ``_L`` and ``_R`` has ``browInnerUp``
and ``cheekPuff`` once for each side, ARKit has them once: the shape is the sum of both, its weight their mean. No head of mien has
``tongueOut``: its weight is NaN, and no target is made for it.
"""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

#: In the order of MediaPipe's face blendshapes, without its ``_neutral`` and with ``tongueOut``.
NAMES = (
    "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight", "cheekPuff", "cheekSquintLeft",
    "cheekSquintRight", "eyeBlinkLeft", "eyeBlinkRight", "eyeLookDownLeft", "eyeLookDownRight", "eyeLookInLeft", "eyeLookInRight",
    "eyeLookOutLeft", "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight", "eyeSquintLeft", "eyeSquintRight", "eyeWideLeft",
    "eyeWideRight", "jawForward", "jawLeft", "jawOpen", "jawRight", "mouthClose", "mouthDimpleLeft", "mouthDimpleRight",
    "mouthFrownLeft", "mouthFrownRight", "mouthFunnel", "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthPressLeft",
    "mouthPressRight", "mouthPucker", "mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper",
    "mouthSmileLeft", "mouthSmileRight", "mouthStretchLeft", "mouthStretchRight", "mouthUpperUpLeft", "mouthUpperUpRight",
    "noseSneerLeft", "noseSneerRight", "tongueOut",
)  # fmt: skip


def made_of(shape_names: Sequence[str]) -> Mapping[str, tuple[int, ...]]:
    """The shapes that each ARKit name is the sum of; names that the head cannot do are left out."""
    place = {name: i for i, name in enumerate(shape_names)}
    made: dict[str, tuple[int, ...]] = {}
    for name in NAMES:
        one = name.replace("Left", "_L").replace("Right", "_R") if name not in ("mouthLeft", "mouthRight", "jawLeft", "jawRight") else name
        parts = (one,) if one in place else (f"{name}_L", f"{name}_R")
        if all(part in place for part in parts):
            made[name] = tuple(place[part] for part in parts)
    return made


def offsets(shapes: Float[Tensor, "s v 3"], shape_names: Sequence[str]) -> Float[Tensor, "n v 3"]:
    """The offsets at weight 1 of each name of `made_of`."""
    return torch.stack([shapes[list(parts)].sum(dim=0) for parts in made_of(shape_names).values()])


def weights(shape_weights: Float[Tensor, "*b s"], shape_names: Sequence[str]) -> Float[Tensor, "*b 52"]:
    """The weights along `NAMES`, 0..1, of a head's own shape weights; NaN for what the head does not have."""
    made = made_of(shape_names)
    unknown = torch.full(shape_weights.shape[:-1], torch.nan)
    columns = [shape_weights[..., list(made[n])].mean(dim=-1).clamp(0.0, 1.0) if n in made else unknown for n in NAMES]
    return torch.stack(columns, dim=-1)
