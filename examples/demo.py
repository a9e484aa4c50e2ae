"""What mien does, on a real photo: edits, a strip of them, a table, an animation and a 3-D head, into a folder.

    python examples/demo.py [out]

The photo is NASA's portrait of the astronaut Eileen Collins, in the public domain; it lies in the wheel of scikit-image.
"""

import importlib.util
import sys
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

import mien
from mien import images, tables
from mien.api.labelled import side_by_side

TILE = 320  # pixels
EDITS = {
    "broader": "AU6=+3 AU12=+1.5",
    "calmer": "AU12=0 AU25=0 AU26=0",
    "frown": "AU4=5 AU9=2",
    "wink": "AU43L=5",
    "surprise": "AU1=5 AU2=5 AU5=3 AU26=5",
}


def astronaut() -> Path:
    """The photo, as installed."""
    package = importlib.util.find_spec("skimage")
    if package is None or package.origin is None:
        sys.exit("the demo's photo comes with scikit-image: pip install --no-deps scikit-image, or run `make demo`")
    return Path(package.origin).parent / "data" / "astronaut.png"


def around(rgb: np.ndarray, row: pd.Series) -> np.ndarray:
    """The part of the picture around a face, enlarged."""
    half = 0.8 * max(row.width, row.height)
    left, top = (max(0, int(middle - half)) for middle in (row.x + row.width / 2, row.y + 0.42 * row.height))
    part = rgb[top : top + int(2 * half), left : left + int(2 * half)]
    return cv2.resize(part, (TILE, TILE), interpolation=cv2.INTER_CUBIC)


def main(out: Path) -> None:
    """Make everything."""
    photo = astronaut()
    faces = mien.read(photo)
    tables.write(faces, out / "faces.csv")
    face = faces.loc[faces.width.idxmax()]

    pictures = [(around(images.read(photo).rgb, face), "the photo")]
    for name, edit in EDITS.items():
        result = mien.edit(photo, edit)
        print(result.save(out / f"{name}.png"), edit)
        pictures.append((around(result.rgb, face), edit))
    print(images.write(side_by_side(pictures), out / "strip.png"))
    print(images.write(mien.edit(photo, EDITS["surprise"]).compare(), out / "surprise.compare.png"))

    moving = mien.animate(photo, to=EDITS["surprise"], seconds=1.5)
    print(moving.save(out / "surprise.mp4"))
    print(moving.save(out / "surprise.gif"))
    print(mien.capture(photo).save(out / "face.glb"))

    units = faces.filter(regex=r"^AU\d\d$").loc[faces.width.idxmax()].sort_values(ascending=False)
    print(f"\n{out / 'faces.csv'}: the action units of the photo, 0..5")
    print(units[units > 0.3].round(1).to_string())


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "out"))
