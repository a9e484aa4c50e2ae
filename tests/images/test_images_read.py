"""Odd pictures, each made here: they are read as a viewer shows them, or refused in one clear line."""

import hashlib
import io
import os
import struct
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, TiffImagePlugin

from mien import images
from mien.errors import ImageError

# --- orientation ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_all_eight_exif_orientations_show_the_same_picture(tmp_path, scene, orientation, suffix, save):
    undo = {  # how the camera stored it, so that the tag turns it back
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.swapaxes(0, 1),
        6: lambda a: np.rot90(a, 1),
        7: lambda a: a.swapaxes(0, 1)[::-1, ::-1],
        8: lambda a: np.rot90(a, -1),
    }[orientation]
    exif = Image.Exif()
    exif[274] = orientation
    options = {"lossless": True} if suffix == ".webp" else {"quality": 100, "subsampling": 0} if suffix == ".jpg" else {}
    path = save(tmp_path / f"a{suffix}", Image.fromarray(np.ascontiguousarray(undo(scene))), exif=exif, **options)
    photo = images.read(path)
    assert photo.size == (40, 24)
    assert np.abs(photo.rgb.astype(int) - scene).max() <= (4 if suffix == ".jpg" else 0)


def test_damaged_exif_leaves_the_picture_as_it_is(tmp_path, scene, save):
    path = save(tmp_path / "a.png", Image.fromarray(scene), exif=b"Exif\0\0MM\0*\0\0\xff\xff")
    assert np.array_equal(images.read(path).rgb, scene)


def _png(width, height, depth, colour, rows, extra=b""):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = zlib.compress(b"".join(b"\0" + row for row in rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sixteen_bit_png(tmp_path, channels):
    values = np.linspace(0, 65535, 40).astype(np.uint16)
    pixels = np.repeat(values[:, None], channels, axis=1).astype(">u2")
    (tmp_path / "a.png").write_bytes(_png(40, 2, 16, {1: 0, 3: 2, 4: 6}[channels], [pixels.tobytes()] * 2))
    photo = images.read(tmp_path / "a.png")
    assert np.abs(photo.rgb[0, :, 1].astype(int) - values / 257).max() <= 1
    assert (photo.alpha is not None) == (channels == 4)


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_an_animation_gives_its_first_frame(tmp_path, suffix, save):
    reel = [Image.new("RGB", (30, 20), colour) for colour in ("red", "lime", "blue")]
    path = save(tmp_path / f"a{suffix}", reel[0], save_all=True, append_images=reel[1:], lossless=True)
    assert (images.read(path).rgb == (255, 0, 0)).all()


def test_a_jpeg_of_several_pictures_gives_the_first(tmp_path, save):
    path = save(tmp_path / "a.mpo", Image.new("RGB", (16, 16), "red"), save_all=True, append_images=[Image.new("RGB", (16, 16), "blue")])
    assert images.read(path).rgb[8, 8].tolist() == pytest.approx([254, 0, 0], abs=2)


# --- sizes ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(1, 1), (1, 20_000), (20_000, 1)])
def test_extreme_shapes(tmp_path, size, save):
    photo = images.read(save(tmp_path / "a.png", Image.new("RGB", size, (1, 2, 3))))
    assert photo.size == size
    assert (photo.rgb == (1, 2, 3)).all()


def test_the_cap_is_checked_before_decoding(tmp_path, error_of):
    bomb = tmp_path / "bomb.png"
    bomb.write_bytes(_png(60_000, 50_000, 8, 2, [b"\0"]))  # 9 GB of pixels in 100 bytes; decoding would report damage instead
    assert "60000 x 50000" in error_of(bomb)


def test_the_cap_can_be_chosen(tmp_path, save, error_of):
    path = save(tmp_path / "a.png", Image.new("L", (100, 100)))
    assert images.read(path, max_pixels=10_000).size == (100, 100)
    assert "100 x 100" in error_of(path, max_pixels=9_999)
    assert "100 x 100" in error_of(Image.new("L", (100, 100)), max_pixels=9_999)
    assert "100 x 100" in error_of(np.zeros((100, 100), np.uint8), max_pixels=9_999)


def test_the_cap_is_not_pillows_and_pillows_stays(tmp_path, save, error_of):
    before = Image.MAX_IMAGE_PIXELS
    path = save(tmp_path / "a.png", Image.new("1", (13_000, 14_000)))  # 182 MP, which Pillow refuses
    assert "million" in error_of(path)
    assert before == Image.MAX_IMAGE_PIXELS


# --- what is no picture -----------------------------------------------------------------------------------------------------


def test_a_missing_file(tmp_path, error_of):
    assert error_of(tmp_path / "no.jpg").endswith("no.jpg: there is no such file")


def test_a_folder(tmp_path, error_of):
    assert "folder" in error_of(tmp_path)


def test_an_empty_file(tmp_path, error_of):
    (tmp_path / "a.jpg").touch()
    assert "empty" in error_of(tmp_path / "a.jpg")


def test_text_named_as_a_picture(tmp_path, error_of):
    (tmp_path / "a.jpg").write_text("Dear all,\nplease find attached")
    assert "text" in error_of(tmp_path / "a.jpg")


def test_a_heic_is_named(tmp_path, error_of):
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic" + b"\0" * 100)
    assert "HEIC" in error_of(tmp_path / "a.heic")


def test_a_video_is_named(tmp_path, error_of):
    (tmp_path / "a.mp4").write_bytes(b"\0\0\0\x18ftypisom" + b"\0" * 100)
    assert "video" in error_of(tmp_path / "a.mp4")


def test_noise(tmp_path, error_of):
    (tmp_path / "a.png").write_bytes(np.random.default_rng(0).bytes(5000))
    assert "not a picture" in error_of(tmp_path / "a.png")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")
def test_a_fifo_is_not_waited_for(tmp_path, error_of):
    os.mkfifo(tmp_path / "a.png")
    assert "regular" in error_of(tmp_path / "a.png")


def test_a_broken_link(tmp_path, error_of):
    (tmp_path / "a.png").symlink_to(tmp_path / "gone.png")
    assert "no such file" in error_of(tmp_path / "a.png")


def test_an_unreadable_file(tmp_path, scene, monkeypatch, save, error_of):
    path = save(tmp_path / "a.png", Image.fromarray(scene))

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(path), "open", refuse)
    assert error_of(path).endswith("Permission denied")


def test_a_name_that_is_too_long(tmp_path, error_of):
    assert "name" in error_of(tmp_path / ("a" * 5000))


def test_the_content_counts_and_not_the_name(tmp_path, scene, save):
    path = save(tmp_path / "a.png", Image.fromarray(scene))
    assert np.array_equal(images.read(path.rename(tmp_path / "a.jpg")).rgb, scene)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif", ".bmp", ".gif"])
def test_a_truncated_file_is_refused(tmp_path, suffix, save, error_of):
    noise = np.random.default_rng(0).integers(0, 256, (80, 80, 3), np.uint8)
    path = save(tmp_path / f"a{suffix}", Image.fromarray(noise))
    content = path.read_bytes()
    for part in (0.1, 0.5, 0.9):
        path.write_bytes(content[: int(len(content) * part)])
        error_of(path)


def _encoded(kind):
    buffer = io.BytesIO()
    Image.fromarray(np.arange(1200, dtype=np.uint16).astype(np.uint8).reshape(20, 20, 3)).save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "GIF", "WEBP", "BMP"])
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
@pytest.mark.filterwarnings("ignore")  # Pillow's own, about what it repairs
def test_a_damaged_file_gives_a_picture_or_one_clear_line(tmp_path, kind, data):
    content = bytearray(_encoded(kind))
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "damaged"
    path.write_bytes(content)
    try:
        assert images.read(path, max_pixels=1_000_000).rgb.dtype == np.uint8
    except ImageError as problem:
        assert str(path) in str(problem)


# --- other sources ----------------------------------------------------------------------------------------------------------


def test_arrays(scene):
    assert np.array_equal(images.read(scene).rgb, scene)
    assert np.array_equal(images.read(scene[..., 0]).rgb, scene[..., :1].repeat(3, axis=2))
    rgba = images.read(np.dstack([scene, scene[..., 1]]))
    assert np.array_equal(rgba.rgb, scene)
    assert np.array_equal(rgba.alpha, scene[..., 1])


def test_an_array_is_copied(scene):
    photo = images.read(scene)
    scene[:] = 0
    assert photo.rgb.any()


@pytest.mark.parametrize(
    "array", [np.zeros((4, 4, 3)), np.zeros((4, 4, 2), np.uint8), np.zeros((1, 4, 4, 3), np.uint8), np.zeros((0, 4, 3), np.uint8)]
)
def test_arrays_that_are_no_picture(array, error_of):
    assert "uint8 [h, w]" in error_of(array)


def test_pillow_pictures(scene):
    image = Image.fromarray(scene)
    assert np.array_equal(images.read(image).rgb, scene)
    image.getexif()[274] = 3
    assert np.array_equal(images.read(image).rgb, scene[::-1, ::-1])


def test_a_photo_is_itself(scene):
    photo = images.read(scene)
    assert images.read(photo) is photo


def test_the_digest_is_of_the_file_or_of_the_pixels(tmp_path, scene, save):
    path = save(tmp_path / "a.png", Image.fromarray(scene))
    photo = images.read(path)
    assert photo.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert photo.path == path
    other = scene.copy()
    other[0, 0] += 1
    assert images.read(scene).sha256 == images.read(Image.fromarray(scene)).sha256 != images.read(other).sha256
    assert images.read(scene).sha256 != images.read(scene.reshape(40, 24, 3)).sha256


def test_a_multi_strip_tiff_with_an_odd_compression(tmp_path, scene, save):
    TiffImagePlugin.STRIP_SIZE, before = 256, TiffImagePlugin.STRIP_SIZE
    try:
        path = save(tmp_path / "a.tif", Image.fromarray(scene), compression="tiff_lzw")
    finally:
        TiffImagePlugin.STRIP_SIZE = before
    assert np.array_equal(images.read(path).rgb, scene)


def test_a_tiff_of_floats_says_what_it_is_and_the_cure(tmp_path, error_of):
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    for tag, value in {256: 2, 257: 2, 258: (32, 32, 32), 259: 1, 262: 2, 273: 400, 277: 3, 278: 2, 279: 48, 339: (3, 3, 3)}.items():
        tags[tag] = value
    file = io.BytesIO()
    file.write(b"II*\0\x08\0\0\0")
    tags.save(file)
    path = tmp_path / "float.tif"
    path.write_bytes(file.getvalue().ljust(400, b"\0") + np.ones(12, "<f4").tobytes())
    assert "a TIFF of 3 channels of 32-bit floating-point numbers" in error_of(path)
    assert "save it with 8 or 16 bits a channel" in error_of(path)


def test_too_many_pixels_say_how_far_to_shrink_and_how_to_allow_them(scene):
    with pytest.raises(ImageError, match=r"shrink it to 50 % a side.*mien\.images\.read\(file, max_pixels=\.\.\.\)"):
        images.read(scene, max_pixels=scene.shape[0] * scene.shape[1] // 4)
