"""Pictures side by side with words below."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

_INK, _PAPER = (40, 40, 40), (255, 255, 255)
_SMALLEST, _ACROSS = 13, 68  # pixels of the letters: a share of the whole row, which pages show at their own width
_SPACE = "  "  # one space of Pillow's font is hardly seen at small sizes
_LINES = 3

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def side_by_side(pictures: Sequence[tuple[UInt8[np.ndarray, "h w 3"], str]]) -> UInt8[np.ndarray, "h2 w2 3"]:
    """Pictures of one height in a row on white paper, each with its words below, in up to three lines; what is longer is cut."""
    height, across = max(rgb.shape[0] for rgb, _ in pictures), sum(rgb.shape[1] for rgb, _ in pictures)
    size = max(_SMALLEST, across // _ACROSS)
    gap, font = size // 2, ImageFont.load_default(size)
    captions = [_lines(words, font, rgb.shape[1]) for rgb, words in pictures]
    line = round(1.25 * size)
    paper = (across + gap * (len(pictures) - 1), height + line * max(map(len, captions)) + size)
    sheet = Image.new("RGB", paper, _PAPER)
    draw, left = ImageDraw.Draw(sheet), 0
    for (rgb, _), caption in zip(pictures, captions, strict=True):
        sheet.paste(Image.fromarray(rgb), (left, 0))
        for number, words in enumerate(caption):
            draw.text((left + rgb.shape[1] / 2, height + size // 2 + line * (number + 0.5)), words, _INK, font, anchor="mm")
        left += rgb.shape[1] + gap
    return np.asarray(sheet)


def _lines(words: str, font: Font, width: int) -> list[str]:
    """The words in lines that fit into `width` pixels, the last one with an ellipsis when they are cut."""
    lines = [""]
    for word in words.split():
        longer = f"{lines[-1]}{_SPACE}{word}" if lines[-1] else word
        if not lines[-1] or font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    cut = len(lines) > _LINES
    kept = [_fitting(text, font, width) for text in lines[:_LINES]]
    return [*kept[:-1], _fitting(kept[-1].rstrip("…") + "…", font, width)] if cut else kept


def _fitting(text: str, font: Font, width: int) -> str:
    """As much of a line as fits, with an ellipsis when it is cut."""
    if font.getlength(text) <= width:
        return text
    text = text.rstrip("…")
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text.rstrip() + "…"
