"""Tiny networks of either kind and stage, whose numbers are the same in every run."""

import pytest
import torch

from mien.nn.graphau import BP4D, GraphAU

BACKBONES = {
    "resnet": {"kind": "resnet", "width": 4, "blocks": (1, 1), "bottleneck": False},
    "swin": {"kind": "swin", "width": 4, "depths": (2, 2), "heads": (1, 2), "window": 2, "patch": 4},
}


@pytest.fixture(scope="session")
def filled():
    """Give a network other numbers than it was made with, norms' of what they have seen too; in eval mode."""

    def fill(network, seed=0):
        draw = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for name, tensor in network.state_dict().items():
                if name.endswith("running_var"):
                    tensor.copy_(torch.rand(tensor.shape, generator=draw) + 0.5)
                elif tensor.is_floating_point():
                    spread = tensor[0].numel() ** -0.5 if tensor.ndim > 1 else 0.3
                    about = 1.0 if tensor.ndim == 1 and name.endswith("weight") else 0.0
                    tensor.copy_(about + spread * torch.randn(tensor.shape, generator=draw))
        return network.eval()

    return fill


@pytest.fixture(scope="session")
def tiny(filled):
    """Make a network; what is not said is that of ME-GraphAU on BP4D."""

    def make(kind="graphau", stage=1, backbone="resnet", main=BP4D, sided=(), mode="corrected", neighbours=4, width=6):
        shape = {"size": 32, "backbone": BACKBONES[backbone], "width": width, "main": main, "sided": sided, "stage": stage, "mode": mode}
        return filled(GraphAU(kind, {**shape, "neighbours": neighbours if stage == 1 else 0}))

    return make


@pytest.fixture(scope="session")
def faces():
    return torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(9))
