"""Reading a video: frames a second from file to action units, beside reading each frame as a photo and beside what py-feat publishes.

    python benchmarks/read.py [--frames N]

The clip is made here: a head drawn by the package itself, 512 pixels, that talks, smiles and blinks. One thread, wall time, best of some
runs. Prints the numbers and writes `results/read.json` and `results/read.png`.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import torch
from animate import RESULTS, SIZE, lively
from matplotlib.figure import Figure

import mien
from mien import plots, registry, video
from mien.api.animating import Animation
from mien.api.portrait import Portrait
from mien.data.renders import render
from mien.geometry import head

RUNS = 3
#: Frames a second of decoding, detection and action units on a CPU, batch 1, as py-feat's own benchmark pages give them (Detectorv2,
#: 472-frame clip): an M5 Max on one thread, and an x86 server (read off the data of a figure). Other machines and another clip than here.
PYFEAT = {"M5 Max, one thread": 2.3, "x86 server": 8.9}


def clip(folder: Path, frames: int) -> Path:
    """A video of a moving face, written by the engine mesh."""
    photo = render(head.bundled(), size=SIZE).photo
    return Animation(Portrait.of(photo, registry.engine("mesh")), [lively(frames)], "benchmark").save(folder / "clip.mp4")


def rate(read: Callable[[], object], frames: int) -> float:
    """Frames a second, of the best of some runs."""
    best = float("inf")
    for _ in range(RUNS):
        begin = time.perf_counter()
        read()
        best = min(best, time.perf_counter() - begin)
    return frames / best


def draw(rates: dict[str, float], path: Path) -> None:
    """The rates as bars."""
    figure = Figure(figsize=(7, 2.2), layout="constrained")
    axes = figure.add_subplot()
    axes.barh(list(rates)[::-1], list(rates.values())[::-1], color=["#bbbbbb"] * len(PYFEAT) + ["#3b6fb6"] * 2)
    axes.set(xlabel="frames a second", title="reading a video, file to action units")
    plots.write(figure, path)


def main() -> None:
    """Measure, print, save."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--frames", type=int, default=100)
    frames = parser.parse_args().frames
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        path = clip(Path(folder), frames)
        pictures = [photo.rgb for photo in video.frames(path)]
        followed = rate(lambda: mien.read(path), frames)
        each = rate(lambda: mien.read(pictures[:10]), 10)
    rates = {"mien, video": followed, "mien, each frame as a photo": each}
    rates |= {f"py-feat, published, {machine}": value for machine, value in PYFEAT.items()}
    result = {
        "size": SIZE,
        "frames": frames,
        "frames a second": {name: round(value, 2) for name, value in rates.items()},
        "ratio to each frame as a photo": round(followed / each, 2),
        "ratio to py-feat's published rate": {machine: round(followed / value, 2) for machine, value in PYFEAT.items()},
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "read.json").write_text(json.dumps(result, indent=2) + "\n")
    draw(rates, RESULTS / "read.png")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
