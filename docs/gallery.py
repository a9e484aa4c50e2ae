"""The gallery: every action unit at 5, the emotions, and the engine stylegan, on photos of people who may be shown.

    python docs/gallery.py [--photos FILE...]

Always of the public-domain astronaut that comes with scikit-image; with `--photos` of further ones, which have to be of people who do
not exist or have agreed. Writes their sheets to docs/images/*.jpg, and docs/gallery.md with all sheets that lie there.
"""

import argparse
import importlib.util
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from mien import aus, images, registry
from mien.api.labelled import side_by_side
from mien.api.portrait import Portrait
from mien.edits import Edit, TextEdit, parse, to_emotion
from mien.text import expression

KINDS = {"units": "every action unit at 5", "emotions": "emotions", "stylegan": "by the engine stylegan"}
HERE = Path(__file__).parent
SIDE, COLUMNS, QUALITY = 220, 6, 82
UNITS = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 16, 17, 18, 20, 22, 23, 24, 25, 26, 27, 28, 43, 61, 62, 63, 64)
MOVED = ("AU12=4", "AU12=0 AU25=0", "AU4=5", "AU1=4 AU2=4", "AU9=4", "AU15=4", "AU25=3 AU26=3", "AU5=4", "AU43=5")
TEXTS = ("a surprised face", "an angry face")


def astronaut() -> Path:
    """The photo, as installed with scikit-image."""
    package = importlib.util.find_spec("skimage")
    if package is None or package.origin is None:
        raise SystemExit("the astronaut comes with scikit-image: pip install --no-deps scikit-image, or run `make docs`")
    return Path(package.origin).parent / "data" / "astronaut.png"


def tile(portrait: Portrait, wanted: Sequence[Edit]) -> np.ndarray:
    """The face after some edits, cut out and brought to one size."""
    rgb = portrait.draw([wanted]) if wanted else portrait.photo.rgb
    x, y, width, height = portrait.crops[0].face.box
    half = 0.72 * max(width, height)
    left, top = int(max(0, x + width / 2 - half)), int(max(0, y + 0.45 * height - half))
    part = rgb[top : top + int(2 * half), left : left + int(2 * half)]
    smaller = part.shape[0] > SIDE
    return cv2.resize(part, (SIDE, SIDE), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC)


def sheet(tiles: Sequence[tuple[np.ndarray, str]]) -> np.ndarray:
    """Tiles with their words, row by row."""
    blank = (np.full((SIDE, SIDE, 3), 255, np.uint8), "")
    padded = [*tiles, *[blank] * (-len(tiles) % COLUMNS)]
    rows = [side_by_side(padded[i : i + COLUMNS]) for i in range(0, len(padded), COLUMNS)]
    return np.concatenate(rows)


def drawn_by_stylegan(photo: Path) -> list[tuple[np.ndarray, str]]:
    """Action units moved and set, and texts."""
    portrait = Portrait.of(images.read(photo), registry.engine("stylegan"))
    tiles = [(tile(portrait, ()), "the photo")]
    tiles += [(tile(portrait, parse(words)), words) for words in MOVED]
    return tiles + [(tile(portrait, [TextEdit(words, expression(words))]), words) for words in TEXTS]


def draw(photo: Path) -> None:
    """Write the sheets of one photo."""
    portrait = Portrait.of(images.read(photo), registry.engine("mesh"))
    units = [(tile(portrait, ()), "the photo")]
    units += [(tile(portrait, parse(f"AU{u}=5")), f"AU{u} {aus.NAMES[u].lower()}") for u in UNITS]
    emotions = [(tile(portrait, [to_emotion(name)]), name) for name in aus.EMOTIONS]
    sheets = {"units": units, "emotions": emotions, "stylegan": drawn_by_stylegan(photo)}
    for kind, tiles in sheets.items():
        print(images.write(sheet(tiles), HERE / "images" / f"{photo.stem.replace('synth_', '')}_{kind}.jpg", quality=QUALITY))


def page() -> str:
    """All sheets there are, the astronaut's first."""
    sections = [
        "# Gallery",
        "Made by `docs/gallery.py`, from single photos; with the engine `mesh` where no other is named, and with the networks that ship. "
        "The astronaut is Eileen Collins (NASA, public domain); all other faces are of people who do not exist (SFHQ-T2I, MIT).",
    ]
    names = [path.stem.removesuffix("_units") for path in (HERE / "images").glob("*_units.jpg")]
    for name in sorted(names, key=lambda name: (name != "astronaut", name)):
        for kind, what in KINDS.items():
            title = f"{name.replace('_', ' ')}: {what}"
            if (HERE / "images" / f"{name}_{kind}.jpg").is_file():
                sections += [f"## {title}", f"![{title}](images/{name}_{kind}.jpg)"]
    return "\n\n".join(sections) + "\n"


def main(photos: Sequence[Path]) -> None:
    """Write the sheets and the page."""
    for photo in [astronaut(), *photos]:
        draw(photo)
    (HERE / "gallery.md").write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n", maxsplit=1)[0])
    parser.add_argument("--photos", nargs="*", type=Path, default=[])
    main(parser.parse_args().photos)
