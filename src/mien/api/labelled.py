"""Pictures side by side with words below."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

_INK, _PAPER = (40, 40, 40), (255, 255, 255)


def side_by_side(pictures: Sequence[tuple[UInt8[np.ndarray, "h w 3"], str]]) -> UInt8[np.ndarray, "h2 w2 3"]:
    """Pictures of one height in a row on white paper, each with its words below; words too long for it are cut."""
    height = max(rgb.shape[0] for rgb, _ in pictures)
    size = max(11, height // 28)
    gap, font = size // 2, ImageFont.load_default(size)
    width = sum(rgb.shape[1] for rgb, _ in pictures) + gap * (len(pictures) - 1)
    sheet = Image.new("RGB", (width, height + 2 * size), _PAPER)
    draw, left = ImageDraw.Draw(sheet), 0
    for rgb, words in pictures:
        sheet.paste(Image.fromarray(rgb), (left, 0))
        draw.text((left + rgb.shape[1] / 2, height + size), _fitting(words, font, rgb.shape[1]), _INK, font, anchor="mm")
        left += rgb.shape[1] + gap
    return np.asarray(sheet)


def _fitting(words: str, font: "ImageFont.FreeTypeFont | ImageFont.ImageFont", width: int) -> str:
    """As much of the words as fits, with an ellipsis when they are cut."""
    if font.getlength(words) <= width:
        return words
    while words and font.getlength(words + "…") > width:
        words = words[:-1]
    return words.rstrip() + "…"
