"""Signed files, where the extra `c2pa` is installed; the record itself is in every file."""

import numpy as np
import pytest

from mien import images, signing
from mien.provenance import Provenance, describe

EDITED = Provenance("edited", "mesh", "AU12=+2")
GREY = np.full((48, 64, 3), 128, np.uint8)


@pytest.fixture(autouse=True)
def own_keys(monkeypatch, tmp_path):
    monkeypatch.setenv("MIEN_HOME", str(tmp_path / "home"))


def _valid(path):
    made = describe(path)
    assert made is not None and (made.action, made.engine, made.edit) == ("edited", "mesh", "AU12=+2")
    return made.signature.startswith("valid") if signing.available() else not made.signature.startswith("valid")


def test_a_picture_from_memory_can_be_signed(tmp_path):
    assert _valid(images.write(GREY, tmp_path / "a.png", provenance=EDITED))


def test_a_picture_of_a_file_with_the_wrong_suffix_can_be_signed(tmp_path):
    jpeg = images.write(GREY, tmp_path / "photo.jpg")
    lie = jpeg.rename(tmp_path / "photo.png")
    assert _valid(images.write(GREY, tmp_path / "b.png", like=images.read(lie), provenance=EDITED))
