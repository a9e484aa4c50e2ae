"""Films made for the tests of video: small ones, with everything about them known."""

from fractions import Fraction

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace

BT709, LIMITED = 1, 1


@pytest.fixture
def film(tmp_path):
    """``film("a.mp4", pictures, ...)`` encodes uint8 or uint16 RGB pictures with PyAV itself and gives the path."""

    def make(name, pictures, *, fps=25, pixels="yuv420p", matrix=None, tags=(BT709, LIMITED, BT709, BT709), ratio=None, container=None):
        pictures = list(pictures)
        colorspace, color_range, primaries, transfer = tags
        with av.open(str(tmp_path / name), "w", options=container or {}) as output:
            stream = output.add_stream("libx264", rate=fps, options={"crf": "6", "preset": "ultrafast"})
            stream.height, stream.width = pictures[0].shape[:2]
            stream.pix_fmt = pixels
            context = stream.codec_context
            context.colorspace, context.color_range = colorspace, color_range
            context.color_primaries, context.color_trc = primaries, transfer
            if ratio:
                context.sample_aspect_ratio = ratio
            if matrix:
                stream.set_display_matrix(matrix)
            for index, picture in enumerate(pictures):
                raw = av.VideoFrame.from_ndarray(picture, format="rgb24" if picture.dtype == np.uint8 else "rgb48le")
                space = Colorspace(colorspace) if colorspace != 2 else Colorspace.ITU709
                frame = raw.reformat(format=pixels, dst_colorspace=space, dst_color_range=ColorRange(color_range or LIMITED))
                frame.pts, frame.time_base = index, 1 / Fraction(fps)
                output.mux(stream.encode(frame))
            output.mux(stream.encode())
        return tmp_path / name

    return make


@pytest.fixture
def corners():
    """A picture of 48 x 32 pixels with a colour in each quarter: red, green / blue, white."""
    rgb = np.full((32, 48, 3), 255, np.uint8)
    rgb[:16, :24], rgb[:16, 24:], rgb[16:, :24] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    return rgb
