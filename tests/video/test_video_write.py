"""Videos are written whole or not at all, in time, in the right colours, in flat memory."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from mien import images, video
from mien.errors import VideoError

SUFFIXES = [".mp4", ".webm", ".gif", ".webp"]
SIZE = (48, 32)


def reel(count, size=SIZE):
    width, height = size
    return [np.full((height, width, 3), (40 + 4 * i % 200, 200 - 3 * i % 150, 128), np.uint8) for i in range(count)]


def written(path, frames, fps=25, **options):
    height, width = frames[0].shape[:2]
    with video.Writer(path, (width, height), fps, **options) as writer:
        for rgb in frames:
            writer.add(rgb)
    return path


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_thirty_frames_come_back(tmp_path, suffix):
    path = written(tmp_path / f"a{suffix}", reel(30))
    got = list(video.frames(path))
    assert [p.time for p in got] == pytest.approx([i / 25 for i in range(30)], abs=1e-3)
    for photo, rgb in zip(got, reel(30), strict=True):
        assert photo.rgb.reshape(-1, 3).mean(axis=0) == pytest.approx(rgb[0, 0], abs=4)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("fps", [12.5, Fraction(30000, 1001), 30, 50])
def test_the_rate_does_not_drift(tmp_path, suffix, fps):
    times = [p.time for p in video.frames(written(tmp_path / f"a{suffix}", reel(40), fps))]
    assert times == pytest.approx([float(i / fps) for i in range(40)], abs=0.011)


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_odd_sizes_get_their_last_row_and_column_twice(tmp_path, suffix):
    rgb = np.zeros((33, 47, 3), np.uint8)
    rgb[:, 40:], rgb[28:] = (250, 0, 0), (0, 0, 250)
    got = next(video.frames(written(tmp_path / f"a{suffix}", [rgb] * 3))).rgb.astype(int)
    assert got.shape == (34, 48, 3)
    assert np.abs(got[5, 45:] - (250, 0, 0)).max() < 25
    assert np.abs(got[31:, 5] - (0, 0, 250)).max() < 25


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
@pytest.mark.parametrize("size", [(47, 33), (1, 1), (1, 90)])
def test_animated_pictures_have_any_size(tmp_path, suffix, size):
    assert next(video.frames(written(tmp_path / f"a{suffix}", reel(3, size)))).size == size


def test_the_smallest_mp4(tmp_path):
    assert next(video.frames(written(tmp_path / "a.mp4", reel(3, (1, 1))))).size == (2, 2)


def test_mp4_is_what_players_expect(tmp_path):
    import av

    path = written(tmp_path / "a.mp4", reel(5))
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.pix_fmt, context.colorspace, context.color_range) == ("h264", "yuv420p", 1, 1)
    content = path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")  # plays while it loads


def test_without_x264_it_is_mpeg4(tmp_path, monkeypatch):
    monkeypatch.setattr(video.av, "codecs_available", {"mpeg4"})
    got = list(video.frames(written(tmp_path / "a.mp4", reel(10))))
    assert len(got) == 10
    assert got[9].rgb.reshape(-1, 3).mean(axis=0) == pytest.approx(reel(10)[9][0, 0], abs=6)


# --- GIF --------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def scene():
    """Smooth colours of every hue, 64 x 64."""
    y, x = np.mgrid[0:64, 0:64] * 4
    return np.stack([x, y, 255 - (x + y) // 2], axis=-1).astype(np.uint8)


def test_what_stands_still_in_a_gif_stays_bit_for_bit(tmp_path, scene):
    frames = [scene.copy() for _ in range(12)]
    for index, rgb in enumerate(frames):
        rgb[20:30, 3 * index : 3 * index + 10] = 0
    got = [p.rgb for p in video.frames(written(tmp_path / "a.gif", frames))]
    assert all(np.array_equal(rgb[40:], got[0][40:]) for rgb in got)
    assert all(np.abs(rgb.astype(int) - frame).mean() < 6 for rgb, frame in zip(got, frames, strict=True))


def test_dithering_keeps_the_mean_colour(tmp_path, scene):
    got = next(video.frames(written(tmp_path / "a.gif", [scene]))).rgb
    tiles = (got.astype(float) - scene).reshape(8, 8, 8, 8, 3).mean(axis=(1, 3))
    assert np.abs(tiles).mean() < 2.5


def test_a_new_scene_gets_a_new_palette(tmp_path, scene):
    dark = scene // 16
    got = [p.rgb for p in video.frames(written(tmp_path / "a.gif", [scene, dark, scene]))]
    assert np.abs(got[1].astype(int) - dark).mean() < 2
    assert np.abs(got[2].astype(int) - scene).mean() < 6


def test_a_gif_of_two_colours_is_exact(tmp_path):
    rgb = np.zeros((16, 16, 3), np.uint8)
    rgb[4:8] = (255, 255, 255)
    assert np.array_equal(next(video.frames(written(tmp_path / "a.gif", [rgb]))).rgb, rgb)


# --- refusals ---------------------------------------------------------------------------------------------------------------


def test_an_unknown_suffix(tmp_path):
    with pytest.raises(VideoError, match=r"\.mp4, \.webm, \.gif, \.webp"):
        video.Writer(tmp_path / "a.avi", SIZE, 25)


@pytest.mark.parametrize(("name", "fps"), [("a.mp4", 0), ("a.mp4", -1), ("a.mp4", float("nan")), ("a.mp4", 1000), ("a.gif", 60)])
def test_a_rate_that_cannot_be(tmp_path, name, fps):
    with pytest.raises(VideoError, match="frames a second"):
        video.Writer(tmp_path / name, SIZE, fps)


@pytest.mark.parametrize("size", [(0, 32), (48, -1), (20_000, 32)])
def test_a_size_that_cannot_be(tmp_path, size):
    with pytest.raises(VideoError, match="pixels"):
        video.Writer(tmp_path / "a.mp4", size, 25)


def test_a_frame_of_another_size_leaves_nothing(tmp_path):
    with pytest.raises(VideoError, match="20 x 10"):
        written(tmp_path / "a.mp4", [*reel(3), np.zeros((10, 20, 3), np.uint8)])
    assert not list(tmp_path.iterdir())


def test_a_time_that_does_not_rise(tmp_path):
    with pytest.raises(VideoError, match="not later"), video.Writer(tmp_path / "a.mp4", SIZE, 25) as writer:
        writer.add(reel(1)[0], time=1.0)
        writer.add(reel(1)[0], time=0.5)


def test_no_frames(tmp_path):
    with pytest.raises(VideoError, match="no frame"), video.Writer(tmp_path / "a.mp4", SIZE, 25):
        pass
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_failure_in_the_block_keeps_what_was_there(tmp_path, suffix):
    path = written(tmp_path / f"a{suffix}", reel(3))
    before = path.read_bytes()

    def breaks():
        with video.Writer(path, SIZE, 25) as writer:
            writer.add(reel(1)[0])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        breaks()
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_no_input_is_overwritten(tmp_path):
    path = written(tmp_path / "a.mp4", reel(3))
    (tmp_path / "link.mp4").symlink_to(path)
    with pytest.raises(VideoError, match="is an input itself"):
        written(tmp_path / "link.mp4", reel(3), inputs=[images.read(reel(1)[0]).path or Path("none"), path])


# --- memory -----------------------------------------------------------------------------------------------------------------


def _resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="resident memory is read from /proc")
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_memory_does_not_grow_with_length(tmp_path, suffix):
    noise = np.random.default_rng(0).integers(0, 256, (160, 160, 3), np.uint8)
    frame_bytes = noise.nbytes
    with video.Writer(tmp_path / f"a{suffix}", (160, 160), 25) as writer:
        for index in range(300):
            writer.add(np.roll(noise, index, axis=1))
            if index == 99:  # the encoder's look-ahead is full
                before = _resident()
        assert _resident() - before < 60 * frame_bytes  # of the 200 frames that came since
