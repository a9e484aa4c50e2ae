"""The graphs between units, against the equations written out."""

import numpy as np
import pytest
import torch
from torch import nn

from mien.nn.graphau.neighbours import NeighbourGraph, adjacency, normalised
from mien.nn.graphau.relations import EdgeExtractor, GatedLayer, RelationGraph

UNITS, TOKENS, WIDTH = 4, 5, 6


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_each_unit_listens_to_those_most_alike():
    """Asymmetric: the long third is among the nearest of all, and listens to itself and the first."""
    nodes = torch.tensor([[[2.0, 0.0], [0.1, 0.9], [3.0, 1.0], [-1.0, 0.5]]])
    assert adjacency(nodes, 2)[0].int().tolist() == [[1, 0, 1, 0], [0, 1, 1, 0], [1, 0, 1, 0], [0, 1, 0, 1]]
    assert adjacency(nodes, 1)[0].int().tolist() == [[0, 0, 1, 0], [0, 0, 1, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    assert adjacency(nodes, 4).min() == 1


def test_of_equally_alike_units_all_are_taken():
    nodes = torch.tensor([[[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]])
    graph = adjacency(nodes, 2)
    assert graph[0].int().tolist() == [[1, 1, 1, 0], [1, 1, 1, 0], [1, 1, 1, 0], [1, 1, 1, 1]]
    half = 12**-0.5  # of a row of three and one of four
    assert normalised(graph)[0, 0].tolist() == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0])
    assert normalised(graph)[0, 3].tolist() == pytest.approx([half, half, half, 1 / 4])


def test_who_is_most_alike_is_not_up_to_mixed_precision():
    """Features that are nearly alike, as those of units are: rounded to half precision their products would be equal."""
    nodes = 1 + 0.01 * drawn(8, 19, 64).abs()
    with torch.autocast("cpu", torch.bfloat16):
        graph = adjacency(nodes, 4)
        assert (nodes @ nodes.transpose(1, 2)).unique().numel() < 20, "the comparison can fail"
    assert torch.equal(graph, adjacency(nodes, 4)) and (graph.sum(2) == 4).all()


@torch.inference_mode()
def test_the_graph_of_stage_1_is_its_equation(filled):
    network, x = filled(NeighbourGraph(WIDTH, UNITS, 2)), drawn(2, UNITS, WIDTH).relu()
    graph = adjacency(x, 2)
    assert (graph.sum(2) == 2).all()
    told = graph / 2 @ network.V(x) + network.U(x)
    normed = network.bnv
    scale = (normed.weight / (normed.running_var + normed.eps).sqrt())[:, None]
    expected = (x + (told - normed.running_mean[:, None]) * scale + normed.bias[:, None]).clamp_min(0)
    assert torch.allclose(network(x), expected, atol=1e-6)


@pytest.mark.parametrize("neighbours", [0, UNITS + 1])
def test_neighbours_are_units(neighbours):
    with pytest.raises(ValueError, match=f"{neighbours} neighbours of {UNITS} units"):
        NeighbourGraph(WIDTH, UNITS, neighbours)


def gathered(attention, asking, asked):
    """Cross-attention, written out."""
    query, key, value = attention.linear_q(asking), attention.linear_k(asked), attention.linear_v(asked)
    return (query @ key.transpose(-1, -2) / np.sqrt(WIDTH // 2)).softmax(-1) @ value


def pair_by_pair(network, maps, tokens, norm):
    """The edges as the paper has them: every pair is projected and normalised token by token, and the mean is taken last."""
    maps = gathered(network.FAM, maps, tokens[:, None])
    rows = [network.edge_proj(gathered(network.ARM, maps[:, j], maps[:, i])) for i in range(UNITS) for j in range(UNITS)]
    return norm(torch.stack(rows, 1)).mean(2).unflatten(1, (UNITS, UNITS))


@pytest.mark.parametrize("training", [False, True])
def test_edges_of_all_pairs_at_once_are_those_of_each(filled, training):
    """Also while training: the edges, what the norm remembers, and every gradient."""
    network = filled(EdgeExtractor(WIDTH, UNITS)).train(training)
    norm = nn.BatchNorm2d(UNITS**2).train(training)
    norm.load_state_dict(network.bn.state_dict())
    maps, tokens = drawn(3, UNITS, TOKENS, WIDTH), drawn(3, TOKENS, WIDTH, seed=1)
    toward = drawn(3, UNITS, UNITS, WIDTH, seed=2)

    def graded(edges, own):
        network.zero_grad()
        norm.zero_grad()
        (edges * toward).sum().backward()
        others = {name: tensor.grad.clone() for name, tensor in network.named_parameters() if not name.startswith("bn.")}
        return others | {f"bn.{name}": tensor.grad.clone() for name, tensor in own.named_parameters()}

    expected, edges = pair_by_pair(network, maps, tokens, norm), network(maps, tokens)
    assert torch.allclose(edges, expected, atol=1e-5)
    theirs, ours = graded(expected, norm), graded(edges, network.bn)
    assert ours.keys() == theirs.keys() == dict(network.named_parameters()).keys()
    assert all(torch.allclose(ours[name], theirs[name], atol=1e-4) for name in ours)
    for name, remembered in norm.state_dict().items():
        assert torch.allclose(network.bn.state_dict()[name], remembered, atol=1e-5), name
    assert int(norm.num_batches_tracked) == training


def test_edges_in_half_precision_are_about_the_same(filled):
    """While training with mixed precision; what the norm remembers stays whole."""
    whole, half = (filled(EdgeExtractor(WIDTH, UNITS)).train() for _ in range(2))
    maps, tokens = drawn(3, UNITS, TOKENS, WIDTH), drawn(3, TOKENS, WIDTH, seed=1)
    with torch.autocast("cpu", torch.bfloat16):
        edges = half(maps, tokens)
    assert (edges - whole(maps, tokens)).abs().max() < 0.1 and half.bn.running_var.dtype == torch.float32
    assert torch.allclose(half.bn.running_var, whole.bn.running_var, rtol=0.02)


@pytest.mark.parametrize("kind", ["graphau", "opengraphau"])
@torch.inference_mode()
def test_a_gated_layer_is_its_equations(filled, kind):
    """Pair by pair; the two kinds differ by where the sum is rectified."""
    network, x, edges = filled(GatedLayer(WIDTH, UNITS, kind)), drawn(2, UNITS, WIDTH), drawn(2, UNITS, UNITS, WIDTH, seed=1)
    told = torch.empty_like(edges)
    for i in range(UNITS):
        for j in range(UNITS):
            told[:, i, j] = network.A(x[:, i]) + network.B(x[:, j]) + network.E(edges[:, i, j])
    after = edges + network.bne(told.flatten(1, 2)).relu().view_as(edges)
    heard = torch.empty_like(x)
    for i in range(UNITS):
        gates = after[:, i].sigmoid().exp()
        gates = gates / gates.sum(1, keepdim=True)
        heard[:, i] = network.U(x[:, i]) + sum(gates[:, j] * network.V(x[:, j]) for j in range(UNITS)) / UNITS
    change = network.bnv(heard)
    expected = (x + change).relu() if kind == "graphau" else x + change.relu()
    nodes, own = network(x, edges)
    assert torch.allclose(own, after, atol=1e-5) and torch.allclose(nodes, expected, atol=1e-5)


@torch.inference_mode()
def test_edges_have_a_direction(filled):
    """What unit 0 says changes what it tells all (its column) and what it hears (its row), and no edge between others."""
    network, maps, tokens = filled(EdgeExtractor(WIDTH, UNITS)), drawn(1, UNITS, TOKENS, WIDTH), drawn(1, TOKENS, WIDTH, seed=1)
    other = maps.clone()
    other[:, 0] += 1
    moved = (network(maps, tokens) - network(other, tokens)).abs().amax(-1)[0] > 1e-4
    assert moved[0].all() and moved[:, 0].all() and not moved[1:, 1:].any()
    edges = network(maps, tokens)
    assert (edges - edges.transpose(1, 2)).abs().max() > 0.1


def test_the_graph_of_stage_2_goes_through_both_layers(filled):
    network = filled(RelationGraph(WIDTH, UNITS, "graphau"))
    maps, tokens = drawn(2, UNITS, TOKENS, WIDTH).relu(), drawn(2, TOKENS, WIDTH, seed=1).relu()
    edges = network.edge_extractor(maps, tokens)
    first = network.graph_layers[0](maps.mean(2), edges)
    second = network.graph_layers[1](*first)
    assert all(torch.equal(a, b) for a, b in zip(network(maps, tokens), second, strict=True))
