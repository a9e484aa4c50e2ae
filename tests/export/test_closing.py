"""Targets that shut eyes shut them on heads of any opening, with the eyeballs behind the lids."""

import numpy as np
import pytest

from mien.geometry import head as heads
from mien.geometry.exchange import closing, surfaces


@pytest.fixture(scope="module")
def targets():
    names, offsets = surfaces.targets(heads.bundled())
    return names, offsets.numpy()


def opened(head, centimetres: float) -> np.ndarray:
    """The mean head with both eyes higher by so much: everything within reach of the opening is stretched up and down."""
    vertices = head.mean.numpy().astype(float)
    for side in "LR":
        lids = np.concatenate([head.loops[f"{name}_{side}"].numpy() for name in ("lid_upper", "lid_lower")])
        middle, height = vertices[lids].mean(axis=0), np.ptp(vertices[lids, 1])
        skin = np.setdiff1d(np.arange(len(vertices)), head.parts[f"eye_{side}"].numpy())
        fade = np.exp(-(np.linalg.norm(vertices[skin] - middle, axis=1) ** 2) / 4.0)
        vertices[skin, 1] += (vertices[skin, 1] - middle[1]) / height * centimetres * fade
    return vertices


@pytest.mark.parametrize("centimetres", [0.0, 0.3])
@pytest.mark.parametrize(("name", "side"), [("AU43L", "L"), ("AU43R", "R"), ("eyeBlinkLeft", "L"), ("eyeBlinkRight", "R")])
def test_lids_meet_and_hide_the_eye(targets, centimetres: float, name: str, side: str) -> None:
    head, (names, offsets) = heads.bundled(), targets
    vertices, one = opened(head, centimetres), offsets[[names.index(name)]]
    (offset,) = closing.fitted(head, vertices, one)
    meet = closing._gap(head, head.mean.numpy() + one[0], side)
    assert closing._gap(head, vertices + offset, side) == pytest.approx(meet, abs=0.02)
    if centimetres:
        assert closing._gap(head, vertices + one[0], side) > meet + 0.1  # as it was, it stayed open
    way = np.linalg.norm(offset, axis=1) * (head.mean.numpy()[:, 0] * (1 if side == "L" else -1) > 0)
    eye = head.parts[f"eye_{side}"].numpy()
    way[eye] = 0.0
    assert closing._through(head, vertices + offset, eye, way) < 0.02


def test_other_targets_stay_as_they_are(targets) -> None:
    names, offsets = targets
    others = [i for i, name in enumerate(names) if name[:4] not in ("AU42", "AU43", "AU45", "AU46") and not name.startswith("eyeBlink")]
    head = heads.bundled()
    assert np.array_equal(closing.fitted(head, opened(head, 0.3), offsets[others]), offsets[others])
