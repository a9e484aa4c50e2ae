"""The published FG-Net, through the importer and the code that users run."""

import json

import numpy as np
import torch

from mien import aus, weights
from mien.convert import importers
from mien.data import heatmaps
from mien.data.layouts.fgnet import UNITS
from mien.nn import fgnet
from mien.nn.encoders import Inverter, Shape
from mien.nn.pyramid import Interpreter
from mien.nn.stylegan2 import Generator

BOUND = 1e-4  # of the reference's spread


def spread_error(ours, theirs):
    """The largest difference, as a share of the reference's spread."""
    ours = np.asarray(ours)
    assert ours.shape == theirs.shape
    return np.abs(ours - theirs).max() / theirs.std()


def imported(interpreter, generator, rows, folder, corpus="BP4D"):
    """The network of the two state dicts and a small encoder, as `mien weights import` writes it."""
    with torch.random.fork_rng():
        encoder = Inverter("psp-w", Shape(size=256, units=(1, 1, 1, 1), widths=(4, 6, 8, 10), styles=rows, code=512))
    content = {"interpreter": interpreter, "g_all": generator, "pspencoder": encoder.encoder.state_dict()}
    torch.save(content, folder / "model.pth")
    torch.save({"state_dict": {}, "latent_avg": torch.zeros(rows, 512), "opts": {}}, folder / "encoder.pt")
    options = {"encoder": folder / "encoder.pt", "corpus": corpus}
    importers.convert("fgnet", folder / "model.pth", folder / "fgnet.safetensors", options)
    return fgnet.of(weights.load(folder / "fgnet.safetensors"))


@torch.inference_mode()
def test_fgnet_interpreter(cases, loaded, tmp_path):
    """Heatmaps of features, the state after each level, scores and decisions."""
    state, case = loaded("fgnet_interpreter")
    inputs = json.loads((cases / "fgnet_interpreter" / "manifest.json").read_text())["config"]["inputs"]
    rng = np.random.default_rng(inputs["seed"])
    features = [torch.from_numpy(rng.standard_normal(shape, dtype=np.float32)) for shape in inputs["shapes"]]
    assert all(np.array_equal(grid.ravel()[:4].numpy(), probe) for grid, probe in zip(features, case["in_probe"], strict=True))
    widths = [shape[1] for shape in inputs["shapes"]]
    generator = Generator(widths)
    generator.requires_grad_(False)
    network = imported(state, generator.state_dict(), generator.rows, tmp_path)
    states = []
    for level in network.interpreter.children():
        level[0].register_forward_pre_hook(lambda _, given: states.append(given[0].clone()))
    drawn = network.interpreter(features)
    assert drawn.shape == (1, 32, 128, 128)
    assert spread_error(drawn[0, :, 1::4, 2::4], case["out_heatmaps"]) < BOUND
    scores = fgnet.scores(drawn)[0]
    assert spread_error(scores, case["out_heatmap_mean"]) < BOUND
    present = fgnet.present(drawn)[0].numpy()
    assert np.array_equal(present, case["out_au"] == 1)
    for corpus in ("bp4d", "disfa"):
        assert np.array_equal(present[: len(UNITS[corpus.upper()])], case[f"out_{corpus}_au"] == 1)
    told = torch.tensor([[state.mean(), state.std()] for state in states])
    assert spread_error(told, case["out_level_mean_std"]) < BOUND
    assert spread_error(torch.stack([state[0, :4, 1, 2] for state in states]), case["out_level_probe"]) < BOUND
    corrected = Interpreter(widths, 32, 128).eval()
    corrected.load_state_dict(network.interpreter.state_dict())
    assert spread_error(corrected(features)[0, :, 1::4, 2::4], case["out_heatmaps"]) > 100 * BOUND


def drawn_features(name, cases, loaded, folder):
    """Rows through the mapping, the features of every size, and the picture, which FG-Net has no use for."""
    state, case = loaded(name)
    told = json.loads((cases / name / "manifest.json").read_text())["config"]
    shape = (told["inputs"]["B"], told["n_latent"], told["style_dim"])
    codes = torch.from_numpy(np.random.default_rng(told["inputs"]["seed"]).standard_normal(shape, dtype=np.float32))
    assert np.array_equal(codes[:, :, :2], case["in_probe"])
    widths = [kept[1] for kept in told["kept_shapes"]]
    with torch.random.fork_rng():
        interpreter = Interpreter(widths, 32, min(told["size"], 128), compatible=True).state_dict()
    network = imported(interpreter, state, told["n_latent"], folder)
    steering = network.steering(codes)
    assert spread_error(steering[:, :, ::8], case["out_w"]) < BOUND
    means = []
    for number, grid in enumerate(network.features(codes)):
        assert list(grid.shape) == told["kept_shapes"][number]
        theirs = case[f"out_f{number}"]
        channels, step = (whole // kept for whole, kept in zip(grid.shape[1:3], theirs.shape[1:3], strict=True))
        assert spread_error(grid[:, ::channels, ::step, step // 2 :: step], theirs) < BOUND, number
        means.append([grid.mean(), grid.std()])
    assert spread_error(torch.tensor(means), case["out_f_mean_std"]) < BOUND
    step = told["size"] // case["out_image"].shape[2]
    assert spread_error(network.generator(steering)[:, :, ::step, ::step], case["out_image"]) < BOUND


@torch.inference_mode()
def test_fgnet_features(cases, loaded, tmp_path):
    drawn_features("fgnet_features", cases, loaded, tmp_path)


@torch.inference_mode()
def test_fgnet_features_1024(cases, loaded, tmp_path):
    drawn_features("fgnet_features_1024", cases, loaded, tmp_path)


def test_fgnet_heatmaps(cases):
    """What is learned, for both corpora and both sizes, and what predictions decide."""
    case = np.load(cases / "fgnet_heatmaps" / "case.npz")

    def targets(corpus, size):
        units = [aus.column(unit) for unit in UNITS[corpus.upper()]]
        labels = zip(case["in_landmarks"], case[f"in_labels_{corpus}"], strict=True)
        return np.stack([heatmaps.targets(points, present == 1, units, size) for points, present in labels])

    for corpus in ("bp4d", "disfa"):
        ours = targets(corpus, 128)
        assert spread_error(ours[:, :, 1::3, 2::3], case[f"out_{corpus}"]) < BOUND
        assert spread_error(ours.sum((2, 3), dtype=np.float64), case[f"out_sums_{corpus}"]) < BOUND
    assert spread_error(targets("bp4d", 128)[0, [0, 3, 9]], case["out_bp4d_full0"]) < BOUND
    assert spread_error(targets("bp4d", 64)[:, :, ::4, ::4], case["out_bp4d_64"]) < BOUND
    predicted = torch.from_numpy(case["in_pred_rows"])[..., None].expand(-1, -1, -1, 128)
    assert np.array_equal(fgnet.present(predicted), case["out_decision"] == 1)
