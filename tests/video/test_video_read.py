"""Films come in upright, in time, in the right colours, and damaged ones as far as they go."""

import itertools
import tracemalloc
import warnings
import wave
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image

from mien import video
from mien.errors import VideoError

ONE = 1 << 16  # 1.0 in the display matrix
MATRICES = [(a, 0, 0, d) for a in (-1, 1) for d in (-1, 1)] + [(0, b, c, 0) for b in (-1, 1) for c in (-1, 1)]


def plain_colours(count, size=(32, 48)):
    """Frames that are one colour each, all different."""
    return [np.full((*size, 3), (5 * i % 256, 255 - 5 * i % 256, 128), np.uint8) for i in range(count)]


def refused(path, **options):
    with pytest.raises(VideoError) as caught:
        list(video.frames(path, **options))
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_frames_come_in_order_with_their_times(film):
    reel = plain_colours(30)
    got = list(video.frames(film("a.mp4", reel)))
    assert [p.time for p in got] == pytest.approx([i / 25 for i in range(30)])
    for photo, rgb in zip(got, reel, strict=True):
        assert np.abs(photo.rgb.astype(int) - rgb).max() <= 3


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.mkv", "a.ts", "a.avi"])
def test_containers(film, name):
    got = list(video.frames(film(name, plain_colours(10))))
    assert [p.size for p in got] == [(48, 32)] * 10
    assert [p.time for p in got] == pytest.approx([i / 25 for i in range(10)], abs=1e-3)


def test_a_rate_of_television(film):
    times = [p.time for p in video.frames(film("a.mp4", plain_colours(30), fps=Fraction(30000, 1001)))]
    assert times == pytest.approx([i * 1.001 / 30 for i in range(30)], abs=1e-4)


@pytest.mark.parametrize(("a", "b", "c", "d"), MATRICES)
def test_all_eight_display_matrices(film, corners, a, b, c, d):
    path = film("a.mov", [corners] * 3, matrix=[a * ONE, b * ONE, 0, c * ONE, d * ONE, 0, 0, 0, 1 << 30])
    rgb = next(video.frames(path)).rgb
    height, width = rgb.shape[:2]
    assert (width, height) == ((48, 32) if a else (32, 48))
    for x, y in itertools.product((-1, 1), repeat=2):  # a quarter's direction from the middle
        stored = corners[16 + y * 8, 24 + x * 12].astype(int)
        shown = rgb[height // 2 + (b * x + d * y) * height // 4, width // 2 + (a * x + c * y) * width // 4]
        assert np.abs(shown - stored).max() <= 12


def test_ten_bits_become_eight(film):
    values = np.linspace(3000, 62000, 48).astype(np.uint16)
    picture = np.broadcast_to(values[None, :, None], (32, 48, 3)).copy()
    rgb = next(video.frames(film("a.mp4", [picture], pixels="yuv420p10le"))).rgb
    assert np.abs(rgb[16, :, 1] - values / 257).max() <= 3


def test_high_dynamic_range_is_brought_to_ordinary_video(film):
    # SMPTE ST 2084: 100 and 203 cd/m2 are codes 0.508 and 0.581; 203 is the white of ordinary video (ITU-R BT.2408).
    picture = np.empty((32, 48, 3), np.uint16)
    picture[:, :24], picture[:, 24:] = round(0.508 * 65535), round(0.581 * 65535)
    rgb = next(video.frames(film("a.mp4", [picture], pixels="yuv420p10le", tags=(9, 1, 9, 16)))).rgb.astype(int)
    assert rgb[16, 36] == pytest.approx([252] * 3, abs=5)
    assert rgb[16, 12] == pytest.approx([180] * 3, abs=12)  # half the light


def test_full_range_is_not_stretched(film):
    reel = [np.full((32, 48, 3), v, np.uint8) for v in (0, 100, 255)]
    got = [p.rgb[16, 24, 1] for p in video.frames(film("a.mp4", reel, pixels="yuvj420p", tags=(1, 2, 1, 1)))]
    assert got == pytest.approx([0, 100, 255], abs=3)


def test_an_untagged_hd_film_is_bt709(film):
    path = film("a.mp4", [np.full((720, 64, 3), (200, 60, 40), np.uint8)], tags=(2, 0, 2, 2))
    assert next(video.frames(path)).rgb[300, 30] == pytest.approx([200, 60, 40], abs=3)


def test_pixels_become_square(film, corners):
    path = film("a.mp4", [corners], ratio=Fraction(4, 3))
    assert next(video.frames(path)).size == (64, 32)


def test_variable_rate(tmp_path):
    times = [0, 0.04, 0.5, 0.54, 2.0]
    with video.Writer(tmp_path / "a.mp4", (48, 32), 25) as writer:
        for time, rgb in zip(times, plain_colours(5), strict=True):
            writer.add(rgb, time=time)
    assert [p.time for p in video.frames(tmp_path / "a.mp4")] == pytest.approx(times, abs=1e-3)


def test_times_start_at_zero_whatever_the_file_says(tmp_path):
    with video.Writer(tmp_path / "a.mp4", (48, 32), 25) as writer:
        for index, rgb in enumerate(plain_colours(3)):
            writer.add(rgb, time=5 + index / 25)
    assert [p.time for p in video.frames(tmp_path / "a.mp4")] == pytest.approx([0, 0.04, 0.08], abs=1e-3)


def _joined(film, tmp_path, second):
    """Two streams of H.264, one behind the other, without a container and so without times."""
    paths = [film(f"{i}.h264", pictures) for i, pictures in enumerate([plain_colours(5), second])]
    (tmp_path / "joined.h264").write_bytes(b"".join(p.read_bytes() for p in paths))
    return tmp_path / "joined.h264"


def test_a_film_without_times_gets_them_from_its_rate(film):
    times = [p.time for p in video.frames(film("a.h264", plain_colours(5)))]
    assert np.diff(times) == pytest.approx([0.04] * 4, abs=1e-3)


def test_a_change_of_resolution_is_scaled_to_the_first(film, tmp_path):
    got = list(video.frames(_joined(film, tmp_path, plain_colours(5, (64, 96)))))
    assert [p.size for p in got] == [(48, 32)] * 10
    assert np.abs(got[9].rgb.astype(int) - plain_colours(5)[4]).max() <= 3


def test_a_change_of_proportions_is_refused(film, tmp_path):
    path = _joined(film, tmp_path, plain_colours(5, (48, 48)))
    assert "from 48 x 32 to 48 x 48" in refused(path)


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_animated_pictures(tmp_path, suffix):
    reel = [Image.fromarray(rgb) for rgb in plain_colours(6)]
    reel[0].save(tmp_path / f"a{suffix}", save_all=True, append_images=reel[1:], duration=[40, 40, 200, 40, 40, 40], lossless=True)
    got = list(video.frames(tmp_path / f"a{suffix}"))
    assert [p.time for p in got] == pytest.approx([0, 0.04, 0.08, 0.28, 0.32, 0.36])
    for photo, rgb in zip(got, plain_colours(6), strict=True):
        assert np.abs(photo.rgb.astype(int) - rgb).max() <= 1


# --- what is no film, or only a part of one ---------------------------------------------------------------------------------


def test_missing_empty_folder_text_and_noise(tmp_path):
    assert "no such file" in refused(tmp_path / "no.mp4")
    assert "folder" in refused(tmp_path)
    (tmp_path / "a.mp4").touch()
    assert "empty" in refused(tmp_path / "a.mp4")
    (tmp_path / "b.mp4").write_text("hello\n" * 500)
    refused(tmp_path / "b.mp4")
    (tmp_path / "c.mp4").write_bytes(np.random.default_rng(0).bytes(20_000))
    refused(tmp_path / "c.mp4")


def test_a_plain_text_is_not_drawn_as_a_film(tmp_path):
    (tmp_path / "a.txt").write_text("hello\n" * 500)  # FFmpeg would, as a terminal does
    refused(tmp_path / "a.txt")


def test_a_playlist_does_not_lead_to_other_files(film, tmp_path):
    film("a.ts", plain_colours(5))
    (tmp_path / "a.m3u8").write_text("#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n")
    refused(tmp_path / "a.m3u8")


def test_a_still_picture(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.jpg")
    assert "still picture" in refused(tmp_path / "a.jpg")


def test_sound_only(tmp_path):
    with wave.open(str(tmp_path / "a.wav"), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(b"\0\0" * 8000)
    assert "only sound" in refused(tmp_path / "a.wav")


def test_the_cap_holds_for_frames(film, tmp_path):
    assert "48 x 32" in refused(film("a.mp4", plain_colours(3)), max_pixels=1000)
    Image.new("P", (60, 40)).save(tmp_path / "a.gif")
    assert "60 x 40" in refused(tmp_path / "a.gif", max_pixels=1000)


def test_errors_come_at_the_call_and_not_at_the_first_frame(tmp_path):
    with pytest.raises(VideoError):
        video.frames(tmp_path / "no.mp4")


def test_a_film_cut_off_before_its_index(film):
    path = film("a.mp4", plain_colours(30))
    path.write_bytes(path.read_bytes()[:-600])
    assert "cut off" in refused(path)


def _noise(count):
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (64, 64, 3), np.uint8) for _ in range(count)]


def test_a_film_cut_off_in_the_middle_gives_what_there_is_and_warns(film):
    path = film("a.mp4", _noise(40), container={"movflags": "faststart"})  # the index comes first
    content = path.read_bytes()
    path.write_bytes(content[: int(0.6 * len(content))])
    with pytest.warns(video.DamagedVideo, match=r"a\.mp4 is damaged or cut off: \d+ frames were read"):
        got = list(video.frames(path))
    assert 15 <= len(got) < 30


def test_damage_in_the_middle_loses_only_the_damaged(film):
    path = film("a.ts", _noise(60))
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 4000] = bytes(4000)
    path.write_bytes(content)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        got = list(video.frames(path))
    assert len(got) >= 20
    assert [w.category for w in caught] == [video.DamagedVideo]


def test_an_animation_cut_off_gives_what_there_is_and_warns(tmp_path):
    reel = [Image.fromarray(rgb) for rgb in _noise(8)]
    path = tmp_path / "a.gif"
    reel[0].save(path, save_all=True, append_images=reel[1:], duration=50)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.warns(video.DamagedVideo):
        got = list(video.frames(path))
    assert 1 <= len(got) < 8


def test_whole_films_do_not_warn(film):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(list(video.frames(film("a.mp4", _noise(30))))) == 30


def test_memory_does_not_grow_with_length(film):
    path = film("a.mp4", (np.full((256, 256, 3), i % 256, np.uint8) for i in range(240)))
    tracemalloc.start()
    count = sum(1 for _ in video.frames(path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 240
    assert peak < 12 * 256 * 256 * 3  # bytes; all frames together are 240 times that


def test_leaving_early_closes_the_file(film):
    path = film("a.mp4", plain_colours(30))
    frames = video.frames(path)
    assert next(frames).time == 0
    frames.close()
    path.unlink()


def test_the_cover_of_an_album_is_no_film(tmp_path):
    with av.open(str(tmp_path / "a.mp3"), "w") as output:
        song = output.add_stream("libmp3lame", rate=44100)
        cover = output.add_stream("mjpeg", rate=25, width=48, height=32, pix_fmt="yuvj420p")
        cover.disposition = av.stream.Disposition.attached_pic
        picture = av.VideoFrame(48, 32, "yuvj420p")
        picture.pts, picture.time_base = 0, Fraction(1, 25)
        output.mux(cover.encode(picture) + cover.encode())
        for start in range(0, 44100, 1152):
            sound = av.AudioFrame.from_ndarray(np.zeros((2, 1152), np.float32), format="fltp", layout="stereo")
            sound.sample_rate, sound.pts = 44100, start
            output.mux(song.encode(sound))
        output.mux(song.encode())
    assert "only sound" in refused(tmp_path / "a.mp3")
