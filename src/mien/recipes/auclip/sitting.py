"""The faces on which the gains of a mapper are measured: some that are not learned from, about at rest."""

import numpy as np
import torch

from mien.data.changes import Changes
from mien.data.expressions import Sitter
from mien.data.layouts.auclip import Latents
from mien.faces import landmarks
from mien.geometry import head
from mien.geometry.fitting import fit, neutral
from mien.nn.levels import rounded
from mien.nn.stylegan2 import Generator
from mien.types import Photo

_SAT, _TRIED = 8, 32  # faces; latents that are drawn to find them


def calmest(samples: Changes) -> list[Sitter]:
    """Some people as they are at their calmest."""
    least = [person[np.abs(samples.faces.shown[person]).sum(1).argmin()] for person in samples.faces.of_person()[:_SAT]]
    return [samples.faces.sitter(int(index), samples.codes[index][None]) for index in least]


@torch.no_grad()
def drawn(generator: Generator, faces: Latents) -> list[Sitter]:
    """The latents of the lowest scores as the generator draws them; none where it draws no face that is found."""
    scores = faces.scores.sum(1)  # NaN, which sorts last, where there are none
    seated: list[Sitter] = []
    for number in np.argsort(scores, kind="stable")[: min(_TRIED, int(np.isfinite(scores).sum()))].tolist():
        code = faces.codes[number][None].clone()
        rgb = rounded(generator(code)[0])
        if found := landmarks.find(Photo(rgb)):
            (read,) = fit.fit(found[0].landmarks[None].astype(np.float64), head.bundled(), neutral.bundled())
            seated.append(Sitter(rgb, found[0], read.pose, code))
        if len(seated) == _SAT:
            break
    return seated
