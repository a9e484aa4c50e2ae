"""Engine ``mesh``: an edit after reading, at 1 and at 12 megapixels, against warping by the mesh drawn at every pixel.

    python benchmarks/mesh.py

One thread, the best of several runs, on a face drawn by the package itself. Prints the ratios and writes `results/mesh.json` and `.png`.
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
from matplotlib.figure import Figure

from mien import plots
from mien.data.renders import render
from mien.edits import parse
from mien.engines import mesh
from mien.faces import align
from mien.faces.paste import paste
from mien.geometry import head, raster
from mien.geometry.drawing import morph
from mien.metrics.timing import timed
from mien.types import Face, Photo

RESULTS = Path(__file__).parent / "results"
EDIT = "AU12=+3 AU25=+3 AU01=+2"
SIZES = {"1 MP (1024 x 1024)": 1024, "12 MP (3464 x 3464)": 3464}


def seconds(run: Callable[[], object], rounds: int) -> float:
    """Processor time of the fastest run: on one thread what the clock on the wall shows on an idle machine."""
    return min(timed(run)[1] for _ in range(rounds)) / 1000


def enlarged(size: int) -> tuple[Photo, Face]:
    """The drawn face as a photo of `size` x `size` pixels."""
    drawn = render(head.bundled())
    factor = size / max(drawn.photo.size)
    rgb = cv2.resize(drawn.photo.rgb, (size, size), interpolation=cv2.INTER_CUBIC)
    box = tuple(value * factor for value in drawn.face.box)
    return Photo(rgb), replace(drawn.face, box=box, landmarks=drawn.face.landmarks * factor)


def naive(code: mesh.MeshCode) -> Callable[[], object]:
    """The mesh drawn at every pixel of the crop, carrying where it came from: no curves, no fade, no mouth, no eyes."""
    sitting, rgb = code.study.sitting, code.study.crop.rgb
    triangles = sitting.head.triangles[sitting.head.triangle_part == 0]

    def warp() -> object:
        moved = morph.move(sitting, code.expression)
        corners = torch.from_numpy(moved.corners)[None]
        source = torch.from_numpy(sitting.corners[:, :2] - moved.corners[:, :2])[None]
        seen = raster.rasterize(corners, triangles, rgb.shape[1], rgb.shape[0])
        shift = raster.interpolate(seen, source, triangles)[0].numpy().astype(np.float32)
        place = np.stack(np.meshgrid(*(np.arange(n, dtype=np.float32) for n in rgb.shape[1::-1])), -1) + shift
        return cv2.remap(rgb, place[..., 0], place[..., 1], cv2.INTER_LANCZOS4)

    return warp


def measure(size: int) -> dict[str, float]:
    """Seconds of each step; `memory.py` tells how much memory it takes."""
    photo, face = enlarged(size)
    engine = mesh.build()
    crop = align.cut(photo, face, engine.crop)
    (read,) = engine.encode([crop])
    (edit,) = parse(EDIT)
    code = engine.shift(read, edit)
    found = {
        "read": seconds(lambda: engine.encode([crop]), 3),
        "edit": seconds(lambda: paste(photo, [crop], engine.decode([engine.shift(read, edit)])), 5),
    }
    found["naive"] = seconds(naive(code), 2)
    return found


def draw(results: dict[str, dict[str, float]]) -> None:
    """Bars of ours and the naive way at each size."""
    figure = Figure(figsize=(7, 2.6), layout="constrained")
    axes = figure.add_subplot()
    bars = {f"{way}, {name}": values[way] for name, values in results.items() for way in ("edit", "naive")}
    axes.bar_label(axes.barh(list(bars), list(bars.values()), color="#3b6fb6"), fmt="%.2f", padding=3)
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.set_xlabel("seconds of processor time, one thread")
    plots.write(figure, RESULTS / "mesh.png")


def main() -> None:
    """Measure, print, save."""
    argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0]).parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    results = {name: measure(size) for name, size in SIZES.items()}
    for name, r in results.items():
        times = ", ".join(f"{step} {r[step]:.2f} s" for step in ("read", "edit", "naive"))
        print(f"{name}: {times} (x {r['naive'] / r['edit']:.1f})")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "mesh.json").write_text(json.dumps(results, indent=1) + "\n")
    draw(results)


if __name__ == "__main__":
    main()
