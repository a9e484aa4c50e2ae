"""Videos read one frame at a time: memory does not grow with their length.

MP4, MOV, MKV, WebM and all else that FFmpeg decodes come in through PyAV; animated GIF, WebP and PNG through Pillow. Sound is
left aside.
"""

import math
import warnings
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, cast

import av
import av.error
import numpy as np
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream
from jaxtyping import UInt8
from PIL import Image

from mien import files
from mien.errors import VideoError, one_of
from mien.film import check_size, opened_film
from mien.images import MAX_PIXELS
from mien.palette import Palette
from mien.pixels import opened, plain
from mien.provenance import Provenance, embed, seal
from mien.types import Photo

_PAUSE = 0.1  # seconds that browsers show a frame of an animated picture which asks for 10 ms or less


class DamagedVideo(UserWarning):
    """A part of a video could not be decoded; the rest was."""


def frames(path: str | Path, *, start: int = 0, max_pixels: int = MAX_PIXELS) -> Iterator[Photo]:
    """The frames of a video from number `start` on as upright 8-bit RGB photos; `Photo.time` counts seconds from the first, by the
    time stamps.

    Rotation and mirroring of the display matrix are applied, pixels are made square, 10 and more bits and HDR brought to 8 bits
    of BT.709. A frame of another size than the first is scaled to it. Damaged frames are left out; a `DamagedVideo` warning at
    the end says how many were read. `Photo.sha256` stays empty: a long file is not read twice for it. Frames are decoded one
    after the other, those before `start` too: what stands at a place that was jumped to, decoders do not agree on.

    Raises `VideoError` at the call when the file is not there, is no video, or has more than `max_pixels` a frame; on the way
    when no frame can be decoded or the proportions of the frame change.
    """
    path = _checked(path)
    if (picture := _animated_picture(path, max_pixels)) is not None:
        picture.close()
        return _from_picture(path, start)
    with opened_film(path, max_pixels):  # complain now, not at the first frame
        return _from_film(path, start, max_pixels)


def _checked(path: str | Path) -> Path:
    path = Path(path).expanduser()
    if reason := files.unreadable(path):
        raise VideoError(f"{path}: {reason}")
    return path


def _animated_picture(path: Path, max_pixels: int) -> Image.Image | None:
    """A picture of several frames; None for what Pillow does not know, such as every film. A still raises `VideoError`."""
    try:
        image = opened(path)
    except (OSError, SyntaxError, ValueError):
        return None
    try:
        if image.format != "GIF" and not getattr(image, "is_animated", False):
            raise VideoError(f"{path}: this is a still picture, not a video")
        check_size(*image.size, path, max_pixels)
    except VideoError:
        image.close()
        raise
    return image


def _pause(picture: Image.Image, index: int) -> float:
    """Go to a frame; how many seconds it is shown."""
    picture.seek(index)
    picture.load()  # a WebP tells the duration only then
    milliseconds = float(picture.info.get("duration") or 0)
    return milliseconds / 1000 if milliseconds > 10 else _PAUSE


def _from_picture(path: Path, start: int) -> Iterator[Photo]:
    time, count = 0.0, 0
    with opened(path) as picture:
        while True:
            try:
                pause = _pause(picture, count)
                rgb, alpha = plain(picture)
            except EOFError:
                return
            except Exception as problem:  # decoders meet damaged files with errors of every kind
                return _finish(path, count, str(problem))
            if count >= start:
                yield Photo(rgb, alpha, path, time=time)
            time, count = time + pause, count + 1


def _from_film(path: Path, start: int, max_pixels: int) -> Iterator[Photo]:
    count = 0
    with opened_film(path, max_pixels) as film:
        for frame in film.decode():
            if count >= start:
                yield Photo(film.rgb(frame), path=path, time=film.time(frame, count))
            count += 1
        if not film.trouble and count < 0.9 * film.stream.frames:  # fewer by a few are cut by an edit list
            film.trouble = f"{film.stream.frames} were announced"
        _finish(path, count, film.trouble)


def _finish(path: Path, count: int, trouble: str) -> None:
    if not count:
        raise VideoError(f"{path}: no frame of it can be decoded" + (f" ({trouble})" if trouble else ""))
    if trouble:
        warnings.warn(f"{path} is damaged or cut off: {count} frames were read ({trouble})", DamagedVideo, stacklevel=3)


@dataclass(frozen=True)
class _Format:
    """How a kind of video is encoded."""

    codecs: tuple[str, ...]  #: the first that this build of FFmpeg has
    pixels: str
    ticks: int | None = None  #: of the clock a second; None for 512 a frame
    max_fps: int = 240
    options: Mapping[str, str] = field(default_factory=dict[str, str])
    container: Mapping[str, str] = field(default_factory=dict[str, str])


_H264 = {"crf": "18", "preset": "fast"}
_VP9 = {"crf": "24", "deadline": "realtime", "cpu-used": "6", "row-mt": "1"}
_FORMATS = {
    ".mp4": _Format(("libx264", "mpeg4"), "yuv420p", options=_H264, container={"movflags": "+faststart+use_metadata_tags"}),
    ".webm": _Format(("libvpx-vp9",), "yuv420p", ticks=1000, options=_VP9),
    ".gif": _Format(("gif",), "pal8", ticks=100, max_fps=50),  # browsers slow down what is faster than 20 ms a frame
    ".webp": _Format(("libwebp",), "bgra", ticks=1000, options={"quality": "90"}, container={"loop": "0"}),
}
_BT709 = 1  # of AVColorSpace, AVColorPrimaries and AVColorTransferCharacteristic
_LIMITED = 1  # of AVColorRange
_NEW_SCENE = 1.5  # how much worse than its first picture a palette may fit, before the next one is made


def check_target(path: Path, inputs: Iterable[Path] = ()) -> None:
    """Raise the `VideoError` that `Writer` would raise for this name, before anything is done."""
    _format(path)
    files.target(path, inputs=inputs, error=VideoError)


def _format(path: Path) -> _Format:
    suffix = path.suffix.lower()
    if suffix not in _FORMATS:
        raise VideoError(f"{path}: cannot tell the format of the video to write: the suffix {one_of(suffix, _FORMATS)}")
    return _FORMATS[suffix]


class Writer:
    """Writes a video frame by frame, in the format of the suffix: .mp4 (H.264), .webm (VP9), .gif or .webp.

    Use it as a context: the file appears under its name when the block ends well, and nothing is left when it does not. Frames
    of an odd width or height get their last column or row twice in MP4 and WebM, which need even ones. GIF has one palette a
    scene, ordered dithering, and at most 50 frames a second. Alpha and sound are not written.
    """

    def __init__(
        self,
        path: str | Path,
        size: tuple[int, int],
        fps: float | Fraction,
        *,
        provenance: Provenance | None = None,
        inputs: Iterable[Path] = (),
    ) -> None:
        """A video of `size` (width, height) at `fps`; none of the files `inputs` is overwritten, the first is the C2PA parent.

        Raises `VideoError` for an unknown suffix, a size or rate that cannot be, and a path that is an input.
        """
        self.path, self.size, self.provenance, self.inputs = Path(path), size, provenance, list(inputs)
        suffix = self.path.suffix.lower()
        self._format = _format(self.path)
        if not (math.isfinite(fps) and 0 < fps <= self._format.max_fps):
            raise VideoError(f"{path}: {float(fps):g} frames a second are not possible: up to {self._format.max_fps} are in {suffix}")
        if min(size) < 1 or max(size) > 16383:
            raise VideoError(f"{path}: a video of {size[0]} x {size[1]} pixels is not possible: up to 16383 are on a side")
        self.fps = Fraction(fps).limit_denominator(1001)
        self._clock = Fraction(1, self._format.ticks) if self._format.ticks else 1 / (512 * self.fps)
        self._count, self._last = 0, -1
        self._palette: Palette | None = None
        self._session = self._open()

    def __enter__(self) -> "Writer":
        self._session.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> bool | None:
        return self._session.__exit__(kind, error, trace)

    def add(self, rgb: UInt8[np.ndarray, "h w 3"], *, time: float | None = None) -> None:
        """The next frame, shown from `time` on (seconds from the start); without it, 1/fps for each frame so far.

        Raises `VideoError` for a frame of another size than the video's, and for a time that does not rise.
        """
        height, width = rgb.shape[:2]
        if (width, height) != self.size:
            raise VideoError(f"{self.path}: a frame of {width} x {height} pixels in a video of {self.size[0]} x {self.size[1]}")
        tick = round((self._count / self.fps if time is None else Fraction(time)) / self._clock)
        if tick <= self._last:
            raise VideoError(f"{self.path}: frame {self._count} at {float(tick * self._clock):g} s is not later than the one before it")
        frame = self._paletted(rgb) if self._format.pixels == "pal8" else self._coded(rgb)
        frame.pts, frame.time_base = tick, self._clock
        self._container.mux(self._stream.encode(frame))
        self._count, self._last = self._count + 1, tick

    @contextmanager
    def _open(self) -> Generator[None]:
        """From the temporary file to the finished one."""
        with files.replacing(self.path, inputs=self.inputs, error=VideoError) as partial:
            try:
                with av.open(str(partial), "w", options=dict(self._format.container)) as self._container:
                    self._stream = self._add_stream(self._container)
                    yield
                    if not self._count:
                        raise VideoError(f"{self.path}: no frame was given to write")
                    self._container.mux(self._stream.encode())
            except av.error.FFmpegError as problem:
                raise VideoError(f"{self.path} cannot be written: {problem.strerror}") from problem
            if self.provenance:
                embed(partial, self.provenance)
                seal(partial, self.provenance, parent=self.inputs[0] if self.inputs else None)

    def _add_stream(self, container: OutputContainer) -> VideoStream:
        codec = next(codec for codec in self._format.codecs if codec in av.codecs_available)
        stream = cast("VideoStream", container.add_stream(codec, rate=self.fps, options=dict(self._format.options)))
        coded = self._format.pixels == "yuv420p"
        stream.width, stream.height = (side + side % 2 if coded else side for side in self.size)
        stream.pix_fmt, stream.codec_context.time_base = self._format.pixels, self._clock
        if coded:
            stream.bit_rate = int(stream.width * stream.height * self.fps / 4)  # for codecs without a constant quality
            stream.color_primaries = stream.color_trc = stream.colorspace = _BT709
            stream.color_range = _LIMITED
        if self.provenance:
            container.metadata.update(comment=str(self.provenance), xmp=self.provenance.to_xmp().decode())
        return stream

    def _coded(self, rgb: UInt8[np.ndarray, "h w 3"]) -> VideoFrame:
        if self._format.pixels != "yuv420p":
            return VideoFrame.from_ndarray(rgb).reformat(format=self._format.pixels)
        even = np.pad(rgb, ((0, rgb.shape[0] % 2), (0, rgb.shape[1] % 2), (0, 0)), mode="edge")
        return VideoFrame.from_ndarray(even).reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG)

    def _paletted(self, rgb: UInt8[np.ndarray, "h w 3"]) -> VideoFrame:
        if self._palette is None or self._palette.error(rgb) > self._worst:
            self._palette = Palette(rgb)
            self._worst = _NEW_SCENE * self._palette.error(rgb) + 1
        argb = np.hstack([np.full((256, 1), 255, np.uint8), self._palette.colours])
        both: Any = (self._palette.draw(rgb), argb)  # its stub knows one array only
        return VideoFrame.from_ndarray(both, format="pal8")
