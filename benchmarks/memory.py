"""Memory of one edit of a 12-megapixel photo: how far the peak of a fresh process rises above what it held before decoding the photo.

    python benchmarks/memory.py

The photo is a face drawn by the package itself, 3000 x 4000 pixels, stored as JPEG. Each way runs in a process of its own, which first
imports what it needs and loads the weights. Beside the edit: decoding alone, and the edit of the same face at 1 megapixel, which shows what
does not grow with the photo. Prints the ratios to the decoded photo and writes `results/memory.json` and `results/memory.png`.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
from matplotlib.figure import Figure
from PIL import Image

from mien import plots, registry
from mien.api import editing
from mien.data.renders import render
from mien.faces.landmarks import landmarker
from mien.geometry import head
from mien.images import read

RESULTS = Path(__file__).parent / "results"
EDIT = "AU12=+3 AU25=+3 AU01=+2"
LIMIT = 10  # decoded photos
SIZES = {"1 MP": (866, 1155), "12 MP": (3000, 4000)}


def held() -> int:
    """Bytes of memory that this process has now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def alone(way: str, path: Path) -> None:
    """What a fresh process does: load, look, work, and tell on stdout the photo's bytes and the rise of the peak."""
    registry.engine("mesh")
    registry.reader("geometry")
    landmarker()
    before = held()
    photo = read(path) if way == "decode" else editing.edit(path, EDIT).photo
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"photo": photo.rgb.nbytes, "before": before, "peak": peak, "ratio": (peak - before) / photo.rgb.nbytes}))


def stored(folder: Path, size: tuple[int, int]) -> Path:
    """A drawn face as a portrait photo: the head as wide as the picture, wall above and below."""
    width, height = size
    rgb = cv2.resize(render(head.bundled()).photo.rgb, (width, width), interpolation=cv2.INTER_CUBIC)
    above = (height - width) // 2
    path = folder / f"{width}.jpg"
    Image.fromarray(cv2.copyMakeBorder(rgb, above, height - width - above, 0, 0, cv2.BORDER_REPLICATE)).save(path, quality=92)
    return path


def draw(ratios: dict[str, float]) -> None:
    """A bar for each way, and the limit."""
    figure = Figure(figsize=(7, 2.2), layout="constrained")
    axes = figure.add_subplot()
    axes.bar_label(axes.barh(list(ratios)[::-1], list(ratios.values())[::-1], color="#3b6fb6"), fmt="%.1f", padding=3)
    axes.axvline(LIMIT, color="#c8394b", linewidth=1)
    axes.margins(x=0.12)
    axes.set_xlabel("peak of memory, in decoded photos; an edit itself takes some 125 MiB, whatever the photo")
    plots.write(figure, RESULTS / "memory.png")


def main() -> None:
    """Measure, print, save."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--alone", nargs=2, metavar=("WAY", "PHOTO"), help="measure one way in this process, as the benchmark does")
    options = parser.parse_args()
    if options.alone:
        alone(options.alone[0], Path(options.alone[1]))
        return
    result: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, size in SIZES.items():
            path = stored(Path(folder), size)
            for way in ("decode", "edit"):
                run = subprocess.run([sys.executable, __file__, "--alone", way, str(path)], check=True, capture_output=True, text=True)
                result[f"{way}, {name}"] = json.loads(run.stdout)
    for name, found in result.items():
        print(f"{name:14s} photo {found['photo'] / 2**20:5.1f} MiB, peak {found['peak'] / 2**20:6.1f} MiB, + {found['ratio']:.2f} photos")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "memory.json").write_text(json.dumps(result, indent=2) + "\n")
    draw({name: found["ratio"] for name, found in result.items()})


if __name__ == "__main__":
    main()
