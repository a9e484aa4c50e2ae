"""FGG, the graph of stage 1: each unit is told of those whose features are like its own (Luo et al. 2022, section 3.1)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class NeighbourGraph(nn.Module):
    """``relu(x + bn(A V(x) + U(x)))``: a graph convolution whose graph is drawn anew for each face."""

    def __init__(self, width: int, units: int, neighbours: int) -> None:
        """`neighbours`: to how many units, itself among them, each listens. Raises `ValueError` when there are not as many."""
        super().__init__()
        if not 1 <= neighbours <= units:
            raise ValueError(f"{neighbours} neighbours of {units} units")
        self.neighbours = neighbours
        self.U, self.V = nn.Linear(width, width), nn.Linear(width, width)
        self.bnv = nn.BatchNorm1d(units)

    def forward(self, nodes: Float[Tensor, "b n d"]) -> Float[Tensor, "b n d"]:
        """The units, told of each other; no gradient flows through the choice of neighbours."""
        graph = normalised(adjacency(nodes.detach(), self.neighbours))
        return torch.relu(nodes + self.bnv(graph @ self.V(nodes) + self.U(nodes)))


def adjacency(nodes: Float[Tensor, "b n d"], neighbours: int) -> Float[Tensor, "b n n"]:
    """1 where the inner product of two nodes is among the `neighbours` largest of the row, else 0; of equal ones all are taken."""
    exact = nodes.double()  # which mixed precision leaves alone: of rounded ones many would be equal
    alike = exact @ exact.transpose(1, 2)
    return (alike >= alike.topk(neighbours, dim=-1).values[..., -1:]).to(nodes)


def normalised(graph: Float[Tensor, "b n n"]) -> Float[Tensor, "b n n"]:
    """``D^-1/2 A D^-1/2``, with the sums of rows in D also for columns, though the graph need not be symmetric: as published."""
    scale = graph.sum(-1).rsqrt()
    return scale[..., None] * graph * scale[:, None]
