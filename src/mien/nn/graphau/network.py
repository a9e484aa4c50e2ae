"""ME-GraphAU (Luo et al. 2022) and OpenGraphAU: pictures of faces to scores of action units, with a graph between the units.

Stage 1 tells each unit of those that look alike in this face, stage 2 has an edge of many numbers for each pair. A score is the cosine of
a unit's features and a vector of its own; as neither has numbers below 0 it lies in 0..1, and 0.5 is where a unit counts as there.

OpenGraphAU has scores of the left and the right side of some units, with vectors of their own for the unit's features. The published
networks look at those of AU11 for both sides of AU12: `compatible` ones do as well, as their numbers were learned so, `corrected` ones
look at AU12's. (The published code of stage 2 also failed without CUDA; nothing here knows where it runs.)

How surely a unit is there is no intensity: a network may tell that of some units too, linear in the features that their scores look at.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, NotRequired, TypedDict, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from mien import weights
from mien.aus import MAX_INTENSITY
from mien.nn import calibration
from mien.nn.graphau import backbones
from mien.nn.graphau.linear import LinearBlock
from mien.nn.graphau.neighbours import NeighbourGraph
from mien.nn.graphau.relations import Kind, RelationGraph
from mien.weights import Weights

Mode = Literal["corrected", "compatible"]

KINDS: Sequence[Kind] = ("graphau", "opengraphau")  #: how the configuration of a network begins
PAIRS = 4  #: classes of a pair of units: neither is there, the one that is heard, the one that listens, both


def _names(*units: int) -> tuple[str, ...]:
    return tuple(f"AU{unit:02d}" for unit in units)


BP4D = _names(1, 2, 4, 6, 7, 10, 12, 14, 15, 17, 23, 24)  #: the units of the networks trained on BP4D,
DISFA = _names(1, 2, 4, 6, 9, 12, 25, 26)  #: on DISFA,
#: and on OpenGraphAU's collection,
HYBRID = _names(1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 22, 23, 24, 25, 26, 27, 32, 38, 39)
SIDED = _names(1, 2, 4, 6, 10, 12, 14)  #: with sides of these
_LOOKED_AT = {"AU12": "AU11"}  # by published networks, for the sides of a unit


class Shape(TypedDict):
    """The arguments of `GraphAU`, after its kind."""

    size: int  #: pixels of the square pictures
    backbone: Mapping[str, Any]  #: see `backbones.made`
    width: int  #: numbers of a unit's features; published: a quarter of a ResNet's, half of a Swin's
    main: Sequence[str]  #: the units of the graph
    sided: Sequence[str]  #: those of them whose sides have scores too
    stage: int  #: 1 or 2
    neighbours: int  #: of a unit in stage 1, itself among them; 0 in stage 2
    mode: Mode
    graded: NotRequired[Sequence[str]]  #: the units and sides whose intensity is told; none in published networks


class Told(NamedTuple):
    """What a network says of faces."""

    scores: Float[Tensor, "b n"]  #: of `GraphAU.units`, 0..1
    intensities: Float[Tensor, "b m"]  #: of `GraphAU.graded`, about 0..5
    #: logits of the classes of each pair of `GraphAU.main`, one that listens after the other; None but for ``graphau`` of stage 2
    pairs: Float[Tensor, "b pairs 4"] | None


class Grades(nn.Module):
    """Intensities of units: linear in the features of units."""

    rows: Tensor

    def __init__(self, rows: Sequence[int], width: int) -> None:
        """`rows`: which unit's features each is of."""
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.zeros(len(rows), width)), nn.Parameter(torch.zeros(len(rows)))
        self.register_buffer("rows", torch.tensor(rows), persistent=False)

    def forward(self, nodes: Float[Tensor, "b n d"]) -> Float[Tensor, "b m"]:
        """Intensities, about 0..5."""
        return MAX_INTENSITY * ((nodes[:, self.rows] * self.weight).sum(-1) + self.bias)


class GraphAU(nn.Module):
    """Either network, of either stage."""

    rows: Tensor

    def __init__(self, kind: Kind, shape: Shape) -> None:
        """Raises `ValueError` for a shape that makes no sense."""
        super().__init__()
        main, sided, stage, width = tuple(shape["main"]), tuple(shape["sided"]), shape["stage"], shape["width"]
        if kind not in KINDS or shape["mode"] not in get_args(Mode) or not set(sided) <= set(main):
            raise ValueError(f"{kind}, {shape['mode']}, with sides of {sided} among {main}")
        if stage not in (1, 2) or (stage == 1) != bool(shape["neighbours"]):
            raise ValueError(f"stage {stage} with {shape['neighbours']} neighbours: stage 1 has some, stage 2 none")
        self.size, self.main, self.graded = shape["size"], main, tuple(shape.get("graded", ()))
        self.units: Sequence[str] = (*main, *(f"{unit}{side}" for unit in sided for side in "LR"))  #: in the order of the scores
        self.backbone = backbones.made(shape["backbone"])
        lists = {"backbone": self.backbone.config, "main": list(main), "sided": list(sided), "graded": list(self.graded)}
        self.config: dict[str, Any] = {"kind": kind, **shape, **lists}
        self.global_linear = LinearBlock(self.backbone.channels, width)
        self.class_linears = LinearBlock(width, len(main) * width)
        self.graph = NeighbourGraph(width, len(main), shape["neighbours"]) if stage == 1 else RelationGraph(width, len(main), kind)
        self.edge_fc = nn.Linear(width, PAIRS) if stage == 2 and kind == "graphau" else None
        self.sc = nn.Parameter(torch.empty(len(self.units), width))
        nn.init.xavier_uniform_(self.sc)
        looked_at = _LOOKED_AT if shape["mode"] == "compatible" and "AU11" in main else {}
        sides = [main.index(looked_at.get(unit, unit)) for unit in sided for _ in "LR"]
        rows = [*range(len(main)), *sides]
        self.register_buffer("rows", torch.tensor(rows), persistent=False)  # which unit's features a score is of
        self.grades = Grades([rows[self.units.index(unit)] for unit in self.graded], width) if self.graded else None

    def forward(self, pictures: Float[Tensor, "b 3 s s"]) -> Float[Tensor, "b units"]:
        """Scores in 0..1 of pictures as `framed` makes them."""
        return self.tell(pictures).scores

    def tell(self, pictures: Float[Tensor, "b 3 s s"]) -> Told:
        """Scores as `forward` gives them, and all else; for the losses of it see `mien.losses.occurrence`."""
        nodes, edges = self.related(self.tokens(pictures))
        none = nodes.new_zeros(len(nodes), 0)
        pairs = None if edges is None or self.edge_fc is None else self.edge_fc(edges).flatten(1, 2)
        return Told(self.scores(nodes), none if self.grades is None else self.grades(nodes), pairs)

    def tokens(self, pictures: Float[Tensor, "b 3 s s"]) -> Float[Tensor, "b t d"]:
        """The face's features at the cells of a grid, row by row."""
        return self.global_linear(self.backbone(pictures))

    def maps(self, tokens: Float[Tensor, "b t d"]) -> Float[Tensor, "b n t d"]:
        """AFG: each unit's own features at these cells."""
        return self.class_linears(tokens).unflatten(2, (len(self.main), -1)).transpose(1, 2)

    def related(self, tokens: Float[Tensor, "b t d"]) -> tuple[Float[Tensor, "b n d"], Float[Tensor, "b n n d"] | None]:
        """Each unit's features after the graph, and the edges, where it has some."""
        maps = self.maps(tokens)
        return self.graph(maps, tokens) if isinstance(self.graph, RelationGraph) else (self.graph(maps.mean(2)), None)

    def scores(self, nodes: Float[Tensor, "b n d"]) -> Float[Tensor, "b units"]:
        """Cosines of units' features and their vectors."""
        return (F.normalize(nodes, dim=-1)[:, self.rows] * F.normalize(torch.relu(self.sc), dim=-1)).sum(-1)


def of(stored: Weights) -> GraphAU:
    """The network of a weight file, in eval mode, laid out for the processor; raises `WeightsError` for a file of another network."""
    config = dict(stored.config)
    kind = config.pop("kind", "")
    network = weights.built(
        lambda: GraphAU(kind, Shape(**config)), calibration.without(stored), f"reader of action units ({', '.join(KINDS)})"
    )
    return network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] - missing in torch's overloads
