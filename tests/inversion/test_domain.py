"""When a face is outside of what a generator can draw, by each of three numbers."""

from dataclasses import replace

import pytest

from mien.inversion import Quality, outside
from mien.inversion.domain import ALIKE, CLEAR, FAR
from mien.losses import reconstruction

SHIPS = next(iter(FAR))
USUAL = Quality(20.0, 0.33, SHIPS, 0.77, "identity")


def test_a_usual_face_is_inside():
    assert outside(USUAL) == ""
    assert outside(replace(USUAL, psnr=CLEAR, identity=ALIKE, perceptual=FAR[SHIPS])) == ""


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [("psnr", 14.9, "PSNR 14.9 dB"), ("identity", 0.29, "somebody else"), ("perceptual", 0.69, "perceptual distance 0.69, at most 0.6")],
)
def test_each_number_alone_warns_and_says_what_to_do(name, value, told):
    why = outside(replace(USUAL, **{name: value}))
    assert told in why and "--invert refine" in why and "engine mesh" in why


def test_distances_by_another_network_are_not_compared():
    assert outside(replace(USUAL, perceptual=0.69, perceptual_network="LPIPS 0.1 on AlexNet")) == ""


def test_the_limit_is_of_the_network_that_ships(tmp_path, monkeypatch):
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path))
    assert reconstruction.installed().perceptual_network == SHIPS
