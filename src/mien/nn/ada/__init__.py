"""Augmentation between a generator and its discriminator: the pipeline of Karras et al. 2020, appendix B, in plain PyTorch.

Pictures are float tensors [n, c, h, w], nominally -1..1 with grey at 0. `augmented` is the whole; each file beside it is one of its parts,
in the order in which they work.
"""

from mien.nn.ada.pipeline import KINDS, Kinds, augmented

__all__ = ["KINDS", "Kinds", "augmented"]
