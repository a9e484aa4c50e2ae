"""What looks at the pictures: sizes as published, and shifted windows against attention without windows."""

import pytest
import torch
from torch.nn import functional as F

from mien.nn.graphau import backbones, resnet, swin
from mien.nn.graphau.resnet import ResNet
from mien.nn.graphau.swin import Swin


@pytest.mark.parametrize(
    ("name", "numbers", "channels"),
    [
        ("resnet18", 11_176_512, 512),
        ("resnet50", 23_508_032, 2048),
        ("resnet101", 42_500_160, 2048),
        ("swin-tiny", 27_519_354, 768),
        ("swin-small", 48_837_258, 768),
        ("swin-base", 86_743_224, 1024),
    ],
)
def test_published_sizes(name, numbers, channels):
    """Those of the published networks without their classifiers, told back from names and shapes alone."""
    with torch.device("meta"):
        network = backbones.made(backbones.PUBLISHED[name])
    assert sum(tensor.numel() for tensor in network.parameters()) == numbers and network.channels == channels
    assert backbones.config_of(network.state_dict()) == network.config
    assert network.config.keys() == backbones.PUBLISHED[name].keys()


@pytest.mark.parametrize("bottleneck", [False, True])
def test_a_resnet_gives_the_cells_of_its_last_grid_row_by_row(filled, bottleneck):
    network = filled(ResNet(4, (1, 2, 1, 1), bottleneck=bottleneck))
    pictures = torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(1))
    cells = network(pictures)
    assert cells.shape == (2, 2 * 3, 128 if bottleneck else 32) and cells.min() == 0
    alone = network(torch.cat([pictures[:1, :, :, :32], torch.zeros(1, 3, 64, 32)], 3))
    assert alone.shape[1] == 4  # 2 x 2


def test_the_stride_of_a_bottleneck_is_on_its_middle():
    block = ResNet(4, (1, 1), bottleneck=True).layer2[0]
    assert [layer.stride[0] for layer in (block.conv1, block.conv2, block.conv3, block.downsample[0])] == [1, 2, 1, 2]


@pytest.mark.parametrize("shift", [0, 1])
@torch.inference_mode()
def test_windows_are_attention_that_sees_only_near_cells(filled, shift):
    """A block against attention over the whole grid, whose cells may see those of their own window and no others."""
    side, window, width, heads = 6, 3, 8, 2
    block = filled(swin.Block(width, heads, window, shift))
    x = torch.randn(2, side, side, width, generator=torch.Generator().manual_seed(2))
    row, column = (axis.flatten() for axis in torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij"))
    group = torch.stack([(row - shift).div(window, rounding_mode="floor"), (column - shift).div(window, rounding_mode="floor")], 1)
    near = (group[:, None] == group[None]).all(-1)
    down, right = row[:, None] - row[None] + window - 1, column[:, None] - column[None] + window - 1
    bias = block.attn.relative_position_bias_table[(down * (2 * window - 1) + right).clamp(0, (2 * window - 1) ** 2 - 1)]
    bias = bias.permute(2, 0, 1).masked_fill(~near, -torch.inf)
    query, key, value = block.attn.qkv(block.norm1(x).flatten(1, 2)).chunk(3, -1)
    parts = [each.unflatten(-1, (heads, -1)).transpose(1, 2) for each in (query, key, value)]
    seen = ((parts[0] @ parts[1].transpose(2, 3)) * (width // heads) ** -0.5 + bias).softmax(-1) @ parts[2]
    expected = x + block.attn.proj(seen.transpose(1, 2).flatten(2)).unflatten(1, (side, side))
    expected = expected + block.mlp.fc2(F.gelu(block.mlp.fc1(block.norm2(expected))))
    mask = swin.barred(side, window, shift) if shift else None
    assert torch.allclose(block(x, mask), expected, atol=1e-5)


def test_where_one_window_is_the_whole_grid_nothing_is_shifted(filled):
    stage = filled(swin.Stage(8, 2, 2, 4, last=True))
    x = torch.randn(1, 4, 4, 8, generator=torch.Generator().manual_seed(3))
    still = x
    for block in stage.blocks:
        still = block(still, None)
    assert torch.equal(stage(x), still)
    larger = torch.cat([x, x], 1).repeat(1, 1, 2, 1)
    assert not torch.allclose(stage(larger)[:, :4, :4], still, atol=1e-3)


def test_merging_takes_the_left_cells_first():
    merging = swin.Merging(1)
    with torch.no_grad():
        merging.reduction.weight.copy_(torch.tensor([[1.0, 0, 0, 0], [0, 1.0, 0, 0]]))
    x = torch.tensor([[[1.0], [20.0]], [[5.0], [9.0]]])[None]  # rows
    kept = F.layer_norm(torch.tensor([1.0, 5.0, 20.0, 9.0]), (4,))[:2]
    assert torch.allclose(merging(x).flatten(), kept)


def test_pictures_that_windows_do_not_tile_are_refused():
    network = Swin(4, (2, 2), (1, 2), 2, 4)
    assert network.multiple == 16 and network(torch.zeros(1, 3, 48, 48)).shape == (1, 36, 8)
    with pytest.raises(ValueError, match="pictures of 40 pixels a side: windows tile multiples of 16"):
        network(torch.zeros(1, 3, 40, 40))


def test_tensors_of_another_network_are_no_backbone():
    with pytest.raises(KeyError):
        resnet.shape_of({"conv1.weight": torch.ones(4, 3, 7, 7)})
    with pytest.raises(KeyError):
        swin.shape_of({"patch_embed.proj.weight": torch.ones(4, 3, 4, 4), "layers.0.blocks.0.norm1.weight": torch.ones(4)})
