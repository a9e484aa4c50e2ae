"""One open film: its frames as they are shown, read with PyAV."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
from av.container import InputContainer
from av.sidedata.sidedata import Type as SideData
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, Colorspace, ColorTrc, VideoReformatter
from av.video.stream import VideoStream
from jaxtyping import UInt8

from mien.errors import VideoError

_UNSPECIFIED = 2  # of AVColorSpace
_HDR = (ColorTrc.SMPTE2084, ColorTrc.ARIB_STD_B67)


def check_size(width: int, height: int, path: Path, max_pixels: int) -> None:
    """Raises `VideoError` for frames beyond the cap."""
    if width * height > max_pixels:
        allowed = f"allowed are {max_pixels / 1e6:g} million: make it smaller first"
        raise VideoError(f"{path}: its frames have {width} x {height} pixels, {allowed}")


@contextmanager
def opened_film(path: Path, max_pixels: int) -> Generator["Film"]:
    """An open film; a file without one raises `VideoError`."""
    try:
        # Only this file: a playlist must not lead to others, or to the network.
        container = av.open(str(path.absolute()), metadata_errors="replace", options={"protocol_whitelist": "file"})
    except (av.error.FFmpegError, OSError) as problem:
        raise VideoError(f"{path}: this is not a video, or it is damaged or cut off ({problem.strerror})") from problem
    with container:
        streams = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
        if not streams or container.format.name == "tty":  # FFmpeg draws text files as a terminal would
            raise VideoError(f"{path}: there is no picture in it, only {'sound' if container.streams.audio else 'data'}")
        stream = streams[0]
        if stream.codec_context is None:  # type: ignore[reportUnnecessaryComparison] - its stub is too hopeful
            raise VideoError(f"{path}: it is damaged or cut off, or its codec is not known")
        check_size(stream.width, stream.height, path, max_pixels)
        stream.thread_type = "AUTO"
        yield Film(path, container, stream)


@dataclass
class Film:
    """An open video file; `trouble` says what could not be decoded so far."""

    path: Path
    container: InputContainer
    stream: VideoStream
    trouble: str = ""
    first: VideoFrame | None = None  #: that was decoded
    scaler: VideoReformatter = field(default_factory=VideoReformatter)  # keeps its tables; those of HDR take seconds to make

    @property
    def rate(self) -> Fraction:
        """Frames a second, on average."""
        return self.stream.average_rate or self.stream.guessed_rate or Fraction(25)

    def decode(self) -> Iterator[VideoFrame]:
        """The whole frames; damaged ones are left out."""
        packets = self.container.demux(self.stream)
        while True:
            try:
                packet = next(packets)
                decoded = self.stream.decode(packet)
            except (StopIteration, av.error.EOFError):
                return
            except av.error.InvalidDataError as problem:
                self.trouble = problem.strerror or "invalid data"
                continue
            except av.error.FFmpegError as problem:
                self.trouble = problem.strerror or "unknown error"
                return
            if packet.is_corrupt or any(frame.is_corrupt for frame in decoded):
                self.trouble = self.trouble or "some of its data are missing"
            for frame in decoded:
                if not frame.is_corrupt:
                    self.first = self.first or frame
                    yield frame

    def rgb(self, frame: VideoFrame) -> UInt8[np.ndarray, "h w 3"]:
        """A frame as it is shown: upright, square pixels, the size of the first frame, 8 bits."""
        first = self.first or frame
        width, height = first.width, first.height
        if abs(frame.width / frame.height / (width / height) - 1) > 0.01:
            change = f"from {width} x {height} to {frame.width} x {frame.height} pixels"
            raise VideoError(f"{self.path}: the frame changes {change}: cut the video where its proportions change")
        hdr = frame.color_trc in _HDR
        untagged_hd = frame.colorspace == _UNSPECIFIED and frame.height >= 720  # which players take for BT.709
        shown = self.scaler.reformat(
            frame,
            width=max(1, round(width * (self.stream.sample_aspect_ratio or 1))),
            height=height,
            format="rgb24",
            src_colorspace=Colorspace.ITU709 if untagged_hd else None,
            dst_color_trc=ColorTrc.BT709 if hdr else None,
            dst_color_primaries=ColorPrimaries.BT709 if hdr else None,
        )
        return _upright(shown.to_ndarray(), frame)

    def time(self, frame: VideoFrame, index: int) -> float:
        """Seconds after the first frame; the `index` tells them where there are no time stamps."""
        if frame.pts is None or self.first is None or self.first.pts is None:
            return index / float(self.rate)
        return frame.time - self.first.time


def _upright(rgb: UInt8[np.ndarray, "h w 3"], frame: VideoFrame) -> UInt8[np.ndarray, "h2 w2 3"]:
    """Turned and mirrored by the display matrix: pixel (x, y) is shown at (a x + c y, b x + d y)."""
    side_data: Any = frame.side_data  # iterates over its values, whatever its stub says
    matrices = [data for data in side_data if data.type == SideData.DISPLAYMATRIX]
    if not matrices:
        return rgb
    a, b, _, c, d = np.frombuffer(bytes(matrices[0]), np.int32)[:5]
    if abs(b) > abs(a):
        rgb, a, d = rgb.swapaxes(0, 1), c, b
    return np.ascontiguousarray(rgb[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1])
