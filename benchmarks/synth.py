"""Synthetic faces a second, beside the plain ways; and the rasteriser beside a loop over triangles and the memory it must touch.

    python benchmarks/synth.py [--size 128]

Renders: many at a time, against one after the other, each with a renderer's work on 12,754 triangles, and against a rasteriser that
loops over triangles in NumPy. Warps: 32 expressions of each photo, against an edit of the photo for each. Processor time of one
thread, the fastest of some rounds, without the start of the processes; two cores do twice as many (`--processes` measures that on the
clock). Prints the table and the ratios, writes `results/synth.json` and `results/synth.png`.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from matplotlib.figure import Figure

from mien import images, plots, registry
from mien.api.editing import edit
from mien.data.renders import render
from mien.data.synth import store, warping
from mien.data.synth.drawing import FINER, renderer
from mien.data.synth.making import Settings, make
from mien.data.synth.scenes import scene
from mien.geometry import head, raster
from mien.metrics.timing import timed

RESULTS = Path(__file__).parent / "results"
BATCH, TURNS = 16, 32
GOAL = {"renders": 60.0, "warps": 40.0}  # a second on two cores


def seconds(run: Callable[[], object], rounds: int) -> float:
    """Processor time of the fastest run."""
    return min(timed(run)[1] for _ in range(rounds)) / 1000


def by_hand(corners: np.ndarray, triangles: np.ndarray, size: int) -> np.ndarray:
    """The nearest triangle at each pixel by a loop over triangles: boxes, barycentrics and a z-buffer in NumPy."""
    seen, near = np.full((size, size), -1), np.full((size, size), -np.inf)
    for index, (a, b, c) in enumerate(corners[triangles]):
        x0, y0 = np.maximum(np.ceil(np.minimum(np.minimum(a, b), c)[:2]), 0).astype(int)
        x1, y1 = np.minimum(np.floor(np.maximum(np.maximum(a, b), c)[:2]), size - 1).astype(int)
        area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
        if x0 > x1 or y0 > y1 or area == 0:
            continue
        x, y = np.arange(x0, x1 + 1), np.arange(y0, y1 + 1)[:, None]
        v = ((x - a[0]) * (c[1] - a[1]) - (y - a[1]) * (c[0] - a[0])) / area
        w = ((b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0])) / area
        depth = (1 - v - w) * a[2] + v * b[2] + w * c[2]
        part = near[y0 : y1 + 1, x0 : x1 + 1]
        hit = (v >= 0) & (w >= 0) & (v + w <= 1) & (depth > part)
        part[hit] = depth[hit]
        seen[y0 : y1 + 1, x0 : x1 + 1][hit] = index
    return seen


def rasterising(size: int) -> dict[str, float]:
    """Seconds of drawing the head at `size` pixels, by hand, and of touching the memory that cannot be helped: in once, out once."""
    model = head.bundled()
    corners = model.mean * (size / 22.0) * torch.tensor([1.0, -1.0, 1.0]) + torch.tensor([size / 2, size / 2, 0.0])
    ours = raster.rasterize(corners[None], model.triangles, size, size)
    hand = by_hand(corners.numpy().astype(np.float64), model.triangles.numpy(), size)
    alike = float((hand == ours.triangle[0].numpy()).mean())
    least = sum(t.numel() * t.element_size() for t in (corners, model.triangles, ours.triangle, ours.barycentric))
    block = np.ones(32 * 2**20, np.uint8)
    speed = 2 * block.size / seconds(block.copy, 20)  # bytes a second, read and written
    return {
        "size": size,
        "ours": seconds(lambda: raster.rasterize(corners[None], model.triangles, size, size), 15),
        "by hand": seconds(lambda: by_hand(corners.numpy().astype(np.float64), model.triangles.numpy(), size), 2),
        "memory bound": least / speed,
        "same pixels": alike,
    }


def rendering(size: int) -> dict[str, float]:
    """Seconds a render with all that belongs to it: labels, PNG, files."""
    painter, model = renderer(size), head.bundled()
    scenes = [scene(size, 0, i, model.identity.shape[0]) for i in range(BATCH)]
    painter.draw(scenes[:1])

    def whole() -> None:
        with tempfile.TemporaryDirectory() as folder:
            make(Path(folder) / "faces", Settings(2 * BATCH, size), 1)

    return {
        "together": seconds(lambda: painter.draw(scenes), 6) / BATCH,
        "one by one": seconds(lambda: [painter.draw([s]) for s in scenes], 4) / BATCH,
        "with labels and files": seconds(whole, 4) / (2 * BATCH),
        "plain head, renders.render": seconds(lambda: render(model, size=size), 6),
    }


def warping_speed(size: int) -> dict[str, float]:
    """Seconds a warp: of photos that are read anew for each `TURNS`, with labels and files; and by an edit of the photo each."""
    photo = images.read(render(head.bundled(), size=2 * size).photo.rgb)
    crop = warping.framed(photo.rgb, size)
    list(warping.warps(crop, [(0, 0)]))
    engine = registry.engine("mesh")
    edit(photo.rgb, "AU12=+2 AU25=+2")

    def whole() -> None:
        list(warping.warps(warping.framed(photo.rgb, size), [(0, i) for i in range(TURNS)]))

    return {
        "drawing alone": seconds(lambda: list(warping.warps(crop, [(0, i) for i in range(TURNS)])), 2) / TURNS,
        "with reading": seconds(whole, 2) / TURNS,
        "an edit for each": seconds(lambda: edit(photo.rgb, "AU12=+2 AU25=+2"), 4),
        "reading": seconds(lambda: engine.encode([crop]), 4),
        "png": seconds(lambda: store.png(crop.rgb), 5),
    }


def processes(size: int, count: int) -> dict[str, float]:
    """Faces a second of two processes on the clock, their start left out: by what more faces take longer."""
    taken: list[float] = []
    for faces in (2 * store.SHARD, 2 * store.SHARD + count):
        with tempfile.TemporaryDirectory() as folder:
            begin = time.perf_counter()
            make(Path(folder) / "faces", Settings(faces, size), 2)
            taken.append(time.perf_counter() - begin)
    return {"renders on the clock": count / (taken[1] - taken[0])}


def rates_of(found: dict[str, dict[str, float]]) -> dict[str, float]:
    """Faces a second of two processes that do not hinder each other: twice what one thread does."""
    renders, warps = found["renders"], found["warps"]
    return {
        "renders": 2 / renders["with labels and files"],
        "renders, drawing alone": 2 / renders["together"],
        "renders, drawing one by one": 2 / renders["one by one"],
        "warps": 2 / (warps["with reading"] + warps["png"]),
        "warps, an edit for each": 2 / warps["an edit for each"],
    }


def draw(bars: dict[str, float], size: int) -> None:
    """A bar for each way."""
    figure = Figure(figsize=(7, 3.2), layout="constrained")
    axes = figure.add_subplot()
    axes.bar_label(axes.barh(list(bars)[::-1], list(bars.values())[::-1], color="#3b6fb6"), fmt="%.0f", padding=3)
    axes.margins(x=0.12)
    axes.set_xlabel(f"faces of {size} pixels a second on two cores: twice what one thread does")
    plots.write(figure, RESULTS / "synth.png")


def main() -> None:
    """Measure, print, save."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--processes", action="store_true", help="measure two processes on the clock as well")
    options = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    found = {"raster": rasterising(round(options.size * FINER)), "renders": rendering(options.size), "warps": warping_speed(options.size)}
    rates = rates_of(found)
    if options.processes:
        rates |= processes(options.size, 2 * store.SHARD)
    r = found["raster"]
    print(f"rasteriser at {r['size']} px: {1e3 * r['ours']:.1f} ms; by hand {r['by hand'] / r['ours']:.0f} x that, "
          f"memory bound 1/{r['ours'] / r['memory bound']:.0f} of it, {100 * r['same pixels']:.2f} % of pixels alike")  # fmt: skip
    for name, rate in rates.items():
        print(f"{name:28s} {rate:6.1f} a second on two cores" + (f", wanted {GOAL[name]:.0f}" if name in GOAL else ""))
    print(f"one by one takes {found['renders']['one by one'] / found['renders']['together']:.2f} x the time of many at a time; "
          f"an edit for each {found['warps']['an edit for each'] / found['warps']['with reading']:.1f} x that of a warp")  # fmt: skip
    RESULTS.mkdir(exist_ok=True)
    document = {"size": options.size, "seconds": found, "per second on two cores": rates}
    (RESULTS / "synth.json").write_text(json.dumps(document, indent=1) + "\n")
    draw(rates, options.size)


if __name__ == "__main__":
    main()
