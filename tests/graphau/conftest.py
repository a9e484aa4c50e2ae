"""Tiny networks of either kind and stage, whose numbers are the same in every run, and faces to learn from."""

import json

import numpy as np
import pytest
import torch

from mien import images
from mien.aus import AUVector
from mien.data.layouts import disfa, folds
from mien.data.renders import render
from mien.data.synth import store
from mien.faces import landmarks
from mien.faces.align import Square, carry, five_points
from mien.geometry import head
from mien.nn.graphau import BP4D, GraphAU, backbones
from mien.recipes.graphau import GraphAUConfig
from mien.training import RunOptions

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

    def make(kind="graphau", stage=1, backbone="resnet", main=BP4D, sided=(), mode="corrected", neighbours=4, width=6, graded=()):
        shape = {"size": 32, "backbone": BACKBONES[backbone], "width": width, "main": main, "sided": sided, "stage": stage, "mode": mode}
        return filled(GraphAU(kind, {**shape, "neighbours": neighbours if stage == 1 else 0, "graded": graded}))

    return make


@pytest.fixture(scope="session")
def faces():
    return torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(9))


PEOPLE, EACH, SIDE = 30, 4, 48


def resting(size):
    """Landmarks of the mean head in FFHQ's framing."""
    model = head.bundled()
    points = model.landmarks(model.mean).double().numpy() * (1, -1, -1)
    return carry(np.linalg.inv(Square.of_five(five_points(points)).to_photo(size)), points)


def painted(rng, shown):
    """A grey picture with stripes that rise to the one side for a left lip corner, to the other side for a right one, and a bright brow."""
    y, x = np.mgrid[:SIDE, :SIDE]
    picture = np.full((SIDE, SIDE, 3), 110.0) + rng.normal(size=(SIDE, SIDE, 1)) * 4
    for side, sign, half in (("L", 1, x >= SIDE // 2), ("R", -1, x < SIDE // 2)):
        stripes = np.sign(np.sin((x * sign + y) * 0.8))
        picture += (half & (y > 0.55 * SIDE))[..., None] * stripes[..., None] * 16 * shown[f"AU12{side}"]
    picture[12:20] += 20 * shown["AU04"]
    return np.clip(picture, 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def drawn_faces(tmp_path_factory):
    """A folder as `mien data synth --photos` leaves it: people whose lip corners and brows move."""
    folder, rng = tmp_path_factory.mktemp("faces"), np.random.default_rng(0)
    labels = np.zeros(PEOPLE * EACH, store.fields(4))
    pictures = []
    for index, label in enumerate(labels):
        left, right, brow = rng.uniform(0, 5, 3) * (rng.random(3) < 0.6)
        shown = AUVector.of({"AU12L": left, "AU12R": right, "AU04": brow, "AU26": 2.5 * (index % 2)})
        label["index"], label["photo"], label["aus"] = index, index // EACH, shown.values
        label["landmarks"], label["rotation"], label["scale"] = resting(SIDE), np.eye(3), 2.0
        pictures.append(painted(np.random.default_rng(index // EACH), shown))
    store.write_shard(folder, 0, labels, {"": pictures})
    (folder / store.ABOUT).write_text(json.dumps({"photos": "photos", "buffers": [], "size": SIDE}))
    return folder


SHOWN = ({}, {12: 5, 6: 4}, {1: 5, 2: 5}, {25: 5, 26: 4})  #: what the people of the miniature DISFA show by turns


@pytest.fixture(scope="session")
def tiny_disfa(tmp_path_factory):
    """DISFA with all its people, a drawn face of each."""
    root, units = tmp_path_factory.mktemp("disfa"), [{f"AU{unit}": value for unit, value in shown.items()} for shown in SHOWN]
    faces = [render(head.bundled(), AUVector.of(shown), size=160).photo.rgb for shown in units]
    for place, who in enumerate(sorted(set().union(*folds.DISFA.values()))):
        images.write(faces[place % len(SHOWN)], root / f"images/{who}/00001.png")
        for unit in disfa.UNITS:
            path = root / f"ActionUnit_Labels/{who}/{who}_au{unit}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"1,{SHOWN[place % len(SHOWN)].get(unit, 0)}\n")
    return root


_FOUND = {}


@pytest.fixture
def once(monkeypatch):
    """Faces of a picture are looked for once: the miniature corpus shows the same few pictures again and again."""
    find = landmarks.find

    def remembered(photo):
        key = photo.rgb.tobytes()
        if key not in _FOUND:
            _FOUND[key] = find(photo)
        return _FOUND[key]

    monkeypatch.setattr(landmarks, "find", remembered)


@pytest.fixture
def small(monkeypatch, tmp_path):
    """The options of a run of seconds: a backbone of few numbers in the place of the light one."""
    monkeypatch.setattr(backbones, "NAMED", {**backbones.NAMED, "light": {**BACKBONES["resnet"], "width": 8}})
    monkeypatch.setattr("mien.recipes.graphau.looking._SHOWN", 2)

    def make(data, **given):
        known = {"size": 32, "batch": 12, "epochs": 0.7, "memory": 30, "out": tmp_path / "run", "cache": tmp_path / "cache"}
        return GraphAUConfig(data=data, **{**known, "options": RunOptions(workers=0, every=3), **given})

    return make
