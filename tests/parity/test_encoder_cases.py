"""The published encoders into StyleGAN2's codes, through the importer and the code that users run."""

import json

import numpy as np
import torch

from mien import weights
from mien.convert import importers
from mien.nn import encoders

BOUND = 1e-4  # of the reference's spread


def spread_error(ours, theirs):
    ours = ours.numpy()
    assert ours.shape == theirs.shape
    return np.abs(ours - theirs).max() / theirs.std()


def nested(flat):
    """Names with dots as the dictionaries of a published file: state_dict, and what stands beside it."""
    start = "state_dict."
    inner = {name.removeprefix(start): value for name, value in flat.items() if name.startswith(start)}
    return {"state_dict": inner} | {name: value for name, value in flat.items() if not name.startswith(start)}


def imported(kind, content, folder):
    torch.save(content, folder / "published.pt")
    importers.convert(kind, folder / "published.pt", folder / "imported.safetensors")
    return encoders.of(weights.load(folder / "imported.safetensors"))


def test_e4e_encoder(loaded, tmp_path):
    """Codes of the last stage, of a code in W, and of one on the way; with and without the average code."""
    state, case = loaded("e4e_encoder")
    average = torch.from_numpy(case["in_latent_avg"])
    content = {
        "state_dict": {f"encoder.{name}": tensor for name, tensor in state.items()} | {"decoder.input.input": torch.ones(1, 8, 4, 4)},
        "latent_avg": average,
        "opts": {"encoder_type": "Encoder4Editing", "start_from_latent_avg": True, "stylegan_size": 1024},
    }
    network = imported("e4e", content, tmp_path)
    assert network.config["styles"] == len(average)
    with torch.inference_mode():
        pictures = torch.from_numpy(case["in_image_u8"]).float() / 127.5 - 1
        assert spread_error(network.encoder(pictures), case["out_codes"]) < BOUND
        level = network.encoder(pictures, stage=0)
        assert spread_error(level, case["out_codes"]) > 100 * BOUND
        assert spread_error(level[:, 0], case["out_codes_stage0"]) < BOUND and torch.equal(level, level[:, :1].expand_as(level))
        assert spread_error(network.encoder(pictures, stage=4)[:, 3:7], case["out_codes_stage4"]) < BOUND
        assert spread_error(network(pictures)[:, ::3], case["out_wplus"]) < BOUND


def test_psp_encoder(cases, loaded, tmp_path):
    """Codes, and the three grids of the body that they are read from."""
    state, case = loaded("psp_encoder")
    opts = json.loads((cases / "psp_encoder" / "manifest.json").read_text())["config"]
    network = imported("psp", nested(state) | {"opts": opts["opts"]}, tmp_path)
    rng = np.random.default_rng(opts["inputs"]["seed"])
    coarse = rng.standard_normal((2, 3, 16, 16)).astype(np.float32).repeat(16, 2).repeat(16, 3)
    pictures = np.clip(0.45 * coarse + rng.uniform(-0.25, 0.25, (2, 3, 256, 256)).astype(np.float32), -1, 1)
    pictures = torch.from_numpy(pictures.astype(np.float32))
    assert np.allclose(pictures[:, :, 7, ::32].numpy(), case["in_probe"], atol=1e-6)
    with torch.inference_mode():
        finer, fine, coarse = network.encoder.grids(pictures)
        assert spread_error(finer[:, ::16, ::8, ::8], case["out_c1"]) < BOUND
        assert spread_error(fine[:, ::32, ::4, ::4], case["out_c2"]) < BOUND
        assert spread_error(coarse[:, ::64, ::4, ::4], case["out_c3"]) < BOUND
        assert spread_error(network.encoder(pictures), case["out_raw"]) < BOUND
        assert spread_error(network(pictures), case["out_wplus"]) < BOUND
