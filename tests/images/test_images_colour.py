"""Pictures of every mode and colour space, each made here: they are read as sRGB of 8 bits, or refused in one clear line."""

import struct

import numpy as np
import pytest
from PIL import Image, ImageCms

from mien import images

RAMP = np.linspace(0, 255, 40).round().astype(np.uint8)


# --- modes ------------------------------------------------------------------------------------------------------------------


def test_grey(tmp_path, scene, save):
    photo = images.read(save(tmp_path / "a.png", Image.fromarray(scene[..., 0])))
    assert np.array_equal(photo.rgb, np.repeat(scene[..., :1], 3, axis=2))
    assert photo.alpha is None


def test_grey_with_alpha(tmp_path, scene, save):
    photo = images.read(save(tmp_path / "a.png", Image.fromarray(scene[..., :2].copy(), "LA")))
    assert np.array_equal(photo.rgb, np.repeat(scene[..., :1], 3, axis=2))
    assert np.array_equal(photo.alpha, scene[..., 1])


def test_black_and_white(tmp_path, scene, save):
    bits = scene[..., 0] > 100
    photo = images.read(save(tmp_path / "a.png", Image.fromarray(bits)))
    assert np.array_equal(photo.rgb, np.where(bits, 255, 0).astype(np.uint8)[..., None].repeat(3, axis=2))


def test_rgba_keeps_its_alpha_and_the_colour_under_it(tmp_path, scene, save):
    alpha = np.broadcast_to(RAMP, (24, 40))
    photo = images.read(save(tmp_path / "a.png", Image.fromarray(np.dstack([scene, alpha]))))
    assert np.array_equal(photo.rgb, scene)
    assert np.array_equal(photo.alpha, alpha)


def test_palette_with_transparency(tmp_path, save):
    image = Image.new("P", (4, 1))
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    image.putdata([0, 1, 2, 1])
    photo = images.read(save(tmp_path / "a.png", image, transparency=1))
    assert photo.rgb[0].tolist() == [[255, 0, 0], [0, 255, 0], [0, 0, 255], [0, 255, 0]]
    assert photo.alpha.tolist() == [[255, 0, 255, 0]]


def test_palette_without_transparency_is_opaque(tmp_path, save):
    image = Image.new("P", (2, 1))
    image.putpalette([1, 2, 3, 4, 5, 6])
    image.putdata([0, 1])
    photo = images.read(save(tmp_path / "a.gif", image))
    assert photo.rgb[0].tolist() == [[1, 2, 3], [4, 5, 6]]
    assert photo.alpha is None


def test_one_transparent_colour(tmp_path, scene, save):
    photo = images.read(save(tmp_path / "a.png", Image.fromarray(scene), transparency=tuple(int(v) for v in scene[5, 5])))
    assert photo.alpha[5, 5] == 0
    assert photo.alpha[20, 30] == 255


def test_cmyk_jpeg_is_not_inverted(tmp_path, save):
    ink = np.zeros((16, 16, 4), np.uint8)
    ink[..., 1:3] = 255  # magenta and yellow: red
    path = save(tmp_path / "a.jpg", Image.fromarray(ink, "CMYK"), quality=100)
    assert images.read(path).rgb.reshape(-1, 3).mean(axis=0) == pytest.approx([255, 0, 0], abs=3)


def test_ycbcr(tmp_path, scene, save):
    path = save(tmp_path / "a.tif", Image.fromarray(scene).convert("YCbCr"))
    assert np.abs(images.read(path).rgb.astype(int) - scene).max() <= 4


def test_lab(tmp_path, save):
    lab = np.zeros((4, 4, 3), np.uint8)
    lab[..., 0] = 255  # L = 100, a = b = 0
    path = save(tmp_path / "a.tif", Image.fromarray(lab, "LAB"))
    assert images.read(path).rgb.min() >= 253


@pytest.mark.parametrize("mode", ["I;16", "I;16B"])
def test_sixteen_bit_grey_is_scaled_and_not_clipped(tmp_path, mode, save):
    values = np.linspace(0, 65535, 40).astype(np.uint16)[None].repeat(3, axis=0)
    raw = values.astype("<u2" if mode == "I;16" else ">u2").tobytes()
    photo = images.read(save(tmp_path / "a.tif", Image.frombytes(mode, (40, 3), raw)))
    assert np.array_equal(photo.rgb[..., 0], np.rint(values / 257).astype(np.uint8))


def test_floats_from_zero_to_one_are_scaled(tmp_path, save):
    values = np.linspace(0, 1, 40, dtype=np.float32)[None].repeat(2, axis=0)
    photo = images.read(save(tmp_path / "a.tif", Image.fromarray(values)))
    assert np.array_equal(photo.rgb[..., 0], np.rint(values * 255).astype(np.uint8))


@pytest.mark.parametrize("worst", [1.5, -0.1, np.nan])
def test_floats_of_unknown_range_are_refused(tmp_path, worst, save, error_of):
    values = np.full((2, 2), 0.5, np.float32)
    values[0, 0] = worst
    assert "0 to 1" in error_of(save(tmp_path / "a.tif", Image.fromarray(values)))


def test_integers_beyond_sixteen_bits_are_refused(tmp_path, save, error_of):
    values = np.array([[0, 70_000]], np.int32)
    assert "0 to 70000" in error_of(save(tmp_path / "a.tif", Image.fromarray(values)))


# --- colour profiles --------------------------------------------------------------------------------------------------------


def _profile(primaries):
    """A matrix profile with gamma 2.2 (ICC.1:2001-04): D50 XYZ of the red, green and blue primary in the columns."""
    curve = struct.pack(">4sIIH", b"curv", 0, 1, 0x0233) + b"\0\0"
    fields = {
        b"wtpt": struct.pack(">4sI3i", b"XYZ ", 0, *(round(v * 65536) for v in (0.9642, 1.0, 0.8249))),
        **{
            name: struct.pack(">4sI3i", b"XYZ ", 0, *(round(v * 65536) for v in column))
            for name, column in zip([b"rXYZ", b"gXYZ", b"bXYZ"], primaries.T, strict=True)
        },
        **dict.fromkeys([b"rTRC", b"gTRC", b"bTRC"], curve),
        b"desc": struct.pack(">4sII", b"desc", 0, 5) + b"test\0" + b"\0" * 78 + b"\0",
        b"cprt": struct.pack(">4sI", b"text", 0) + b"none\0\0\0\0",
    }
    offset, table, body = 128 + 4 + 12 * len(fields), b"", b""
    for name, data in fields.items():
        table += struct.pack(">4sII", name, offset + len(body), len(data))
        body += data + b"\0" * (-len(data) % 4)
    size = offset + len(body)
    header = struct.pack(">I4sI4s4s4s12x4s24x3i", size, b"\0\0\0\0", 0x02100000, b"mntr", b"RGB ", b"XYZ ", b"acsp", 63190, 65536, 54061)
    return header.ljust(128, b"\0") + struct.pack(">I", len(fields)) + table + body


# Adobe RGB (1998), adapted to D50; its green is far outside sRGB.
ADOBE = _profile(np.array([[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]]))


def test_a_wide_profile_is_brought_to_srgb(tmp_path, save):
    path = save(tmp_path / "a.png", Image.new("RGB", (8, 8), (180, 120, 100)), icc_profile=ADOBE)
    # By hand: Adobe RGB -> XYZ of D65 -> linear sRGB -> sRGB.
    adobe = np.array([180, 120, 100]) / 255
    to_xyz = np.array([[0.57667, 0.18556, 0.18823], [0.29734, 0.62736, 0.07529], [0.02703, 0.07069, 0.99134]])
    from_xyz = np.array([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]])
    linear = from_xyz @ to_xyz @ adobe**2.19921875
    expected = 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    assert images.read(path).rgb[0, 0] == pytest.approx(expected, abs=2)


def test_alpha_survives_a_profile(tmp_path, save):
    path = save(tmp_path / "a.png", Image.new("RGBA", (8, 8), (180, 120, 100, 77)), icc_profile=ADOBE)
    photo = images.read(path)
    assert (photo.alpha == 77).all()
    assert photo.rgb[0, 0, 0] > 190


def test_an_srgb_profile_changes_no_pixel(tmp_path, scene, save):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert np.array_equal(images.read(save(tmp_path / "a.png", Image.fromarray(scene), icc_profile=profile)).rgb, scene)


@pytest.mark.parametrize("profile", [b"not a profile", ADOBE[:200], ADOBE.replace(b"RGB ", b"GRAY")])
def test_a_damaged_or_wrong_profile_is_ignored(tmp_path, scene, profile, save):
    assert np.array_equal(images.read(save(tmp_path / "a.png", Image.fromarray(scene), icc_profile=profile)).rgb, scene)
