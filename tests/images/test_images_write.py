"""Pictures are written whole or not at all, and never over the photo that they were made from."""

import io
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageCms

from mien import images
from mien.errors import ImageError

SUFFIXES = [".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp"]


@pytest.fixture
def rgb():
    noise = np.random.default_rng(0).integers(0, 256, (3, 4, 3), np.uint8)
    return np.asarray(Image.fromarray(noise).resize((64, 48), Image.Resampling.BICUBIC))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_format_comes_back(tmp_path, rgb, suffix):
    path = images.write(rgb, tmp_path / f"a{suffix}")
    again = images.read(path)
    error = np.abs(again.rgb.astype(int) - rgb)
    assert error.mean() <= {".webp": 4, ".jpg": 2, ".jpeg": 2}.get(suffix, 0)
    assert again.alpha is None
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pixels=arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(4))))
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_pixels_and_alpha_are_kept_bit_for_bit(tmp_path, suffix, pixels):
    path = images.write(pixels[..., :3], tmp_path / f"a{suffix}", alpha=pixels[..., 3])
    again = images.read(path)
    assert np.array_equal(np.dstack([again.rgb, again.alpha]), pixels)


@pytest.mark.parametrize("suffix", [".jpg", ".bmp"])
def test_where_alpha_cannot_be_kept_the_picture_lies_on_white(tmp_path, suffix):
    black = np.zeros((16, 16, 3), np.uint8)
    alpha = np.full((16, 16), 51, np.uint8)  # a fifth
    again = images.read(images.write(black, tmp_path / f"a{suffix}", alpha=alpha))
    assert again.alpha is None
    assert again.rgb.mean() == pytest.approx(0.8 * 255, abs=2)


def test_webp_keeps_alpha(tmp_path, rgb):
    alpha = np.zeros(rgb.shape[:2], np.uint8)
    alpha[:, :20] = 255
    assert np.array_equal(images.read(images.write(rgb, tmp_path / "a.webp", alpha=alpha)).alpha, alpha)


def test_the_alpha_of_the_source_is_taken_over_where_it_fits(tmp_path, rgb):
    source = images.read(np.dstack([rgb, rgb[..., 0]]))
    assert np.array_equal(images.read(images.write(rgb, tmp_path / "a.png", like=source)).alpha, rgb[..., 0])
    assert images.read(images.write(rgb[:10], tmp_path / "b.png", like=source)).alpha is None


def test_jpeg_keeps_the_colour_of_single_pixels(tmp_path):
    stripes = np.zeros((32, 32, 3), np.uint8)
    stripes[:, ::2] = (255, 0, 0)
    stripes[:, 1::2] = (0, 0, 255)
    again = images.read(images.write(stripes, tmp_path / "a.jpg")).rgb.astype(int)
    assert np.abs(again - stripes).mean() < 10  # with 4:2:0 all of it is violet: 85


def test_the_orientation_of_the_source_is_not_applied_twice(tmp_path, rgb):
    exif = Image.Exif()
    exif[274], exif[271] = 6, "a camera"
    Image.fromarray(rgb).save(tmp_path / "a.jpg", exif=exif)
    photo = images.read(tmp_path / "a.jpg")
    path = images.write(photo.rgb, tmp_path / "b.jpg", like=photo)
    assert images.read(path).size == photo.size == (48, 64)
    with Image.open(path) as image:
        assert dict(image.getexif()) == {}


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
def test_the_file_is_tagged_srgb(tmp_path, rgb, suffix):
    with Image.open(images.write(rgb, tmp_path / f"a{suffix}")) as image:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
        assert "sRGB" in ImageCms.getProfileDescription(profile)


@pytest.mark.parametrize("name", ["a.gif", "a.mp4", "a", "a.jgp"])
def test_an_unknown_suffix_names_those_that_are_known(tmp_path, rgb, name):
    with pytest.raises(ImageError, match=r"\.png, \.jpg"):
        images.write(rgb, tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("reach", ["itself", "relative", "symlink", "hardlink", "through a linked folder"])
def test_the_input_is_never_overwritten_by_any_name(tmp_path, rgb, reach, monkeypatch):
    source = images.read(images.write(rgb, tmp_path / "a.png"))
    before = source.path.read_bytes()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link.png").symlink_to("a.png")
    (tmp_path / "folder").symlink_to(tmp_path)
    os.link(tmp_path / "a.png", tmp_path / "hard.png")
    target = {
        "itself": tmp_path / "a.png",
        "relative": "./a.png",
        "symlink": tmp_path / "link.png",
        "hardlink": tmp_path / "hard.png",
        "through a linked folder": tmp_path / "folder" / "a.png",
    }[reach]
    with pytest.raises(ImageError, match="--in-place"):
        images.write(255 - rgb, target, like=source)
    assert source.path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 4


def test_in_place_overwrites_and_writes_through_a_link(tmp_path, rgb):
    source = images.read(images.write(rgb, tmp_path / "a.png"))
    link = tmp_path / "link.png"
    link.symlink_to("a.png")
    images.write(255 - rgb, link, like=source, in_place=True)
    assert link.is_symlink()
    assert np.array_equal(images.read(tmp_path / "a.png").rgb, 255 - rgb)


def test_another_file_is_replaced_and_keeps_its_mode(tmp_path, rgb):
    path = images.write(rgb, tmp_path / "a.png")
    path.chmod(0o640)
    images.write(255 - rgb, path)
    assert np.array_equal(images.read(path).rgb, 255 - rgb)
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_new_file_has_the_mode_of_any_new_file(tmp_path, rgb):
    (tmp_path / "other").touch()
    assert images.write(rgb, tmp_path / "a.png").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_folders_are_made(tmp_path, rgb):
    assert images.write(rgb, tmp_path / "x" / "y" / "a.png").is_file()


def test_a_failure_leaves_what_was_there(tmp_path, rgb, monkeypatch):
    path = images.write(rgb, tmp_path / "a.png")
    before = path.read_bytes()

    def fails(self, target, *_, **__):
        target.write_bytes(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", fails)
    with pytest.raises(ImageError, match=r"a\.png cannot be written: No space left"):
        images.write(255 - rgb, path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


def test_a_folder_is_no_output(tmp_path, rgb):
    (tmp_path / "a.png").mkdir()
    with pytest.raises(ImageError, match="is a folder"):
        images.write(rgb, tmp_path / "a.png")


def test_a_file_where_a_folder_should_be(tmp_path, rgb):
    (tmp_path / "x").touch()
    with pytest.raises(ImageError, match="cannot be written"):
        images.write(rgb, tmp_path / "x" / "a.png")


def test_what_the_format_cannot_hold_is_said(tmp_path):
    with pytest.raises(ImageError, match=r"a\.jpg cannot be written"):
        images.write(np.zeros((1, 70_000, 3), np.uint8), tmp_path / "a.jpg")
    assert not list(tmp_path.iterdir())


def test_the_same_picture_is_the_same_file(tmp_path, rgb):
    code = f"import numpy as np; from mien import images; images.write(np.load({str(tmp_path / 'a.npy')!r}), {str(tmp_path / 'b.png')!r})"
    np.save(tmp_path / "a.npy", rgb)
    subprocess.run([sys.executable, "-c", code], check=True)
    assert (tmp_path / "b.png").read_bytes() == images.write(rgb, tmp_path / "a.png").read_bytes()
