"""The block that all of ME-GraphAU's features come from."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class LinearBlock(nn.Module):
    """``relu(bn(fc(x)))`` of each token; the norm sees all tokens of all pictures.

    One block gives the features of every unit at once: a block for each, as published, has the same numbers in separate tensors.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.fc, self.bn = nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs)

    def forward(self, tokens: Float[Tensor, "b t c"]) -> Float[Tensor, "b t d"]:
        """The features, none below 0."""
        return torch.relu(self.bn(self.fc(tokens).flatten(0, 1))).unflatten(0, tokens.shape[:2])
