"""The published CLIP, through the importer and the code that users run."""

import numpy as np
import torch

from mien import weights
from mien.convert import importers
from mien.nn import clip, framing

BOUND = 1e-4  # of the reference's spread


def error(ours, theirs):
    """The largest difference, as a share of the reference's spread, or of a number that stands alone."""
    ours = ours.numpy()
    assert ours.shape == theirs.shape
    return np.abs(ours - theirs).max() / (theirs.std() if theirs.size > 1 else abs(theirs.item()))


@torch.inference_mode()
def test_clip_vitb32(loaded, tmp_path):
    """Pictures, texts, how they go together, and pictures as StyleCLIP shows them."""
    state, case = loaded("clip_vitb32")
    sizes = {"input_resolution": 224, "context_length": 77, "vocab_size": 49408}
    torch.save(state | {name: torch.tensor(number) for name, number in sizes.items()}, tmp_path / "ViT-B-32.pt")
    importers.convert("clip", tmp_path / "ViT-B-32.pt", tmp_path / "imported.safetensors")
    network = clip.of(weights.load(tmp_path / "imported.safetensors"))
    tokens = torch.from_numpy(case["in_tokens"])
    pictures = framing.framed(torch.from_numpy(case["in_image224_u8"]).float() / 127.5 - 1, network.size)
    assert error(network.encode_image(pictures), case["out_image_features"]) < BOUND
    assert error(network.encode_text(tokens), case["out_text_features"]) < BOUND
    assert error(network(pictures, tokens), case["out_logits_per_image"]) < BOUND
    shown = framing.compatible(torch.from_numpy(case["in_image256_u8"]).float() / 127.5 - 1)
    assert error(network.encode_image(shown), case["out_styleclip_features"]) < BOUND
    assert error(1 - network(shown, tokens) / 100, case["out_styleclip_loss"]) < BOUND
    assert error(network.encode_image(shown * 0.5), case["out_styleclip_features"]) > 100 * BOUND
