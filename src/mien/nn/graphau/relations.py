"""MEFL, the graph of stage 2: each pair of units has an edge of many numbers, read from the face (Luo et al. 2022, section 3.2).

An edge leads from its start, unit j, which is heard, to its end, unit i, which listens; edges lie in squares [.., end, start, ..].
"""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

Kind = Literal["graphau", "opengraphau"]

Nodes = Float[Tensor, "b n d"]
Maps = Float[Tensor, "b n t d"]
Edges = Float[Tensor, "b n n d"]


class CrossAttention(nn.Module):
    """What tokens gather from others: ``softmax(q k' / sqrt(d / 2)) v``, with one head."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear_q, self.linear_k, self.linear_v = (nn.Linear(width, outputs) for outputs in (width // 2, width // 2, width))

    def forward(self, asking: Float[Tensor, "b q d"], asked: Float[Tensor, "b k d"]) -> Float[Tensor, "b q d"]:
        """The tokens that ask, as what they gathered."""
        return F.scaled_dot_product_attention(self.linear_q(asking), self.linear_k(asked), self.linear_v(asked))

    def shares(self, maps: Maps) -> Float[Tensor, "b n n t t"]:
        """How much of unit i's token s unit j's token t gathers, for all pairs at once, as [b, i, j, t, s]; 1 over s."""
        query, key = self.linear_q(maps).flatten(1, 2), self.linear_k(maps).flatten(1, 2)
        logits = query @ key.transpose(1, 2) * query.shape[-1] ** -0.5
        return logits.unflatten(2, maps.shape[1:3]).unflatten(1, maps.shape[1:3]).softmax(-1).permute(0, 3, 1, 2, 4)


class PairNorm(nn.BatchNorm1d):
    """Batch norm of each pair over all its tokens, whose mean is all that is needed of the result."""

    def of_batch(self, means: Float[Tensor, "b p d"], squares: Float[Tensor, "b p"], count: int) -> Float[Tensor, "b p d"]:
        """The mean over tokens of what is normalised, while training.

        It is given the means over tokens, and each pair's mean square over tokens and numbers, of which there are `count`.
        """
        assert self.running_mean is not None and self.running_var is not None and self.num_batches_tracked is not None and self.momentum
        means, squares = means.float(), squares.float()  # in half precision their difference would be lost
        mean = means.mean((0, 2))
        variance = (squares.mean(0) - mean.square()).clamp_min(0)
        total = len(means) * count
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * total / (total - 1), self.momentum)
            self.num_batches_tracked += 1
        scale = self.weight * (variance + self.eps).rsqrt()
        return (means - mean[:, None]) * scale[:, None] + self.bias[:, None]


class EdgeExtractor(nn.Module):
    """GEM: from the units' maps and the face's to the edges.

    Each unit's tokens gather from the face (FAM); then each unit j's from each unit i's (ARM), which is projected, normalised and averaged
    over tokens. All but the norm is linear in the gathered values, so the mean is taken first: 49 times less to project at 7 x 7 tokens.
    """

    def __init__(self, width: int, units: int) -> None:
        super().__init__()
        self.FAM, self.ARM = CrossAttention(width), CrossAttention(width)
        self.edge_proj = nn.Linear(width, width)
        self.bn = PairNorm(units * units)

    def forward(self, maps: Maps, tokens: Float[Tensor, "b t d"]) -> Edges:
        """The edges."""
        pair, grid = (maps.shape[1], maps.shape[1]), maps.shape[1:3]
        maps = self.FAM(maps.flatten(1, 2), tokens).unflatten(1, grid)
        shares, values = self.ARM.shares(maps), self.edge_proj(self.ARM.linear_v(maps))
        means = (shares.mean(3) @ values).flatten(1, 2)
        if not self.training:
            return self.bn(means).unflatten(1, pair)
        # What batch norm must know of the tokens t: the mean over t and d of (A V)^2 is that over t of A (V V') A', a d-th of it.
        gathering = shares.flatten(2, 3)
        squares = (gathering @ (values @ values.transpose(2, 3)) * gathering).sum(-1).unflatten(2, (pair[0], grid[1])).mean(3)
        count = values.shape[2] * values.shape[3]
        return self.bn.of_batch(means, squares.flatten(1, 2) / values.shape[3], count).unflatten(1, pair)


class GatedLayer(nn.Module):
    """A gated graph convolution: edges learn from their ends, and let through what a unit hears of the others (Bresson & Laurent 2017)."""

    def __init__(self, width: int, units: int, kind: Kind) -> None:
        """`kind`: see `RelationGraph`."""
        super().__init__()
        self.kind = kind
        self.U, self.V, self.A, self.B, self.E = (nn.Linear(width, width, bias=False) for _ in range(5))
        self.bnv, self.bne = nn.BatchNorm1d(units), nn.BatchNorm1d(units * units)

    def forward(self, nodes: Nodes, edges: Edges) -> tuple[Nodes, Edges]:
        """Units and edges, one layer on."""
        told = self.A(nodes)[:, :, None] + self.B(nodes)[:, None] + self.E(edges)
        edges = edges + torch.relu(self.bne(told.flatten(1, 2)).view_as(edges))
        gates = edges.sigmoid().softmax(2)
        change = self.bnv(self.U(nodes) + (gates * self.V(nodes)[:, None]).mean(2))
        return (torch.relu(nodes + change) if self.kind == "graphau" else nodes + torch.relu(change)), edges


class RelationGraph(nn.Module):
    """The edges and two layers; in the code of ``graphau`` the sum of a layer is rectified, in that of ``opengraphau`` what is added."""

    def __init__(self, width: int, units: int, kind: Kind) -> None:
        super().__init__()
        self.edge_extractor = EdgeExtractor(width, units)
        self.graph_layers = nn.ModuleList(GatedLayer(width, units, kind) for _ in range(2))

    def forward(self, maps: Maps, tokens: Float[Tensor, "b t d"]) -> tuple[Nodes, Edges]:
        """The units, told of each other, and the edges."""
        nodes, edges = maps.mean(2), self.edge_extractor(maps, tokens)
        for layer in self.graph_layers:
            nodes, edges = layer(nodes, edges)
        return nodes, edges
