"""Animation: frames a second at 512 pixels, memory over a long clip, and the ratio to reading the face anew for every frame.

    python benchmarks/animate.py [--photo PHOTO] [--frames N]

The photo (default: the astronaut of the data folder's sample photos) is shrunk to 512 pixels on its longer side. One thread. Prints
the numbers and writes `results/animate.json` and `results/animate.png`.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

import cv2
import numpy as np
import torch
from matplotlib.figure import Figure

from mien import images, plots, registry
from mien.api.animating import Animation
from mien.api.portrait import Portrait
from mien.aus import AUShift
from mien.data.folder import need
from mien.edits import change_by
from mien.motion import FPS, Motion
from mien.types import Photo

RESULTS = Path(__file__).parent / "results"
SIZE, EVERY, RUNS = 512, 50, 5
#: A talking, blinking, smiling face: amplitude in steps and seconds of a cycle.
MOVES = {"AU12": (2.0, 2.7), "AU26": (1.5, 0.6), "AU25": (1.5, 0.6), "AU43": (2.5, 1.9), "AU01": (2.0, 3.7), "AU04": (1.0, 5.1)}


def lively(frames: int) -> Motion:
    """Changes that rise from nothing and fall again, each with its own period."""
    times = np.arange(frames) / FPS
    tracks = [np.outer(np.sin(np.pi * times / period) ** 2, AUShift.of({au: step}).values) for au, (step, period) in MOVES.items()]
    return Motion(times, np.sum(tracks, axis=0))


def shrunk(path: Path) -> Photo:
    """The photo with `SIZE` pixels on its longer side."""
    photo = images.read(path)
    zoom = SIZE / max(photo.size)
    return Photo(cv2.resize(photo.rgb, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA), path=photo.path, sha256=photo.sha256)


def resident() -> float:
    """MiB of memory that the process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def rate(draw: Callable[[int], object], frames: int, clock: Callable[[], float] = time.perf_counter) -> float:
    """Frames a second by a clock (on the wall), each frame at its fastest of some runs: the one that nothing else disturbed."""
    best = np.full(frames, np.inf)
    for _ in range(RUNS):
        for frame in range(frames):
            begin = clock()
            draw(frame)
            best[frame] = min(best[frame], clock() - begin)
    return frames / best.sum()


def memory(portrait: Portrait, frames: int) -> list[float]:
    """MiB every `EVERY` frames of writing a clip."""
    held: list[float] = []
    written = count(1)

    def look() -> None:
        if next(written) % EVERY == 0:
            held.append(resident())

    with tempfile.TemporaryDirectory() as folder:
        Animation(portrait, [lively(frames)], "benchmark").save(Path(folder) / "clip.mp4", on_frame=look)
    return held


def draw_memory(held: list[float], path: Path) -> None:
    """The curve of memory over frames."""
    figure = Figure(figsize=(7, 2.6), layout="constrained")
    axes = figure.add_subplot()
    axes.plot(EVERY * (1 + np.arange(len(held))), held, color="#3b6fb6")
    axes.set(xlabel="frames written", ylabel="MiB held", ylim=(0, 1.2 * max(held)), title="memory of mien animate at 512 pixels")
    plots.write(figure, path)


def main() -> None:
    """Measure, print, save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photo", type=Path, help="a photo with a face (or MIEN_DATA, for the astronaut)")
    parser.add_argument("--frames", type=int, default=2000, help="of the long clip")
    options = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    photo = shrunk(options.photo or need(None, "sample_photos/astronaut.png") / "sample_photos" / "astronaut.png")
    engine, motion = registry.engine("mesh"), lively(25)
    portrait = Portrait.of(photo, engine)
    edits = [[[change_by(motion.shift(frame))]] for frame in range(len(motion))]
    ours = rate(lambda frame: portrait.draw(edits[frame]), len(edits))
    busy = rate(lambda frame: portrait.draw(edits[frame]), len(edits), time.process_time)
    naive = rate(lambda frame: Portrait.of(photo, engine).draw(edits[frame]), 5)
    held = memory(portrait, options.frames)
    result = {
        "photo": photo.path.name if photo.path else "",
        "size": list(photo.size),
        "frames a second": round(ours, 2),
        "frames a second of processor time": round(busy, 2),
        "frames a second, reading the face anew for each": round(naive, 2),
        "ratio": round(ours / naive, 2),
        "frames of the long clip": options.frames,
        f"MiB after {EVERY} frames": round(held[0], 1),
        "MiB after the last": round(held[-1], 1),
        "growth in MiB": round(held[-1] - held[len(held) // 4], 1),
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "animate.json").write_text(json.dumps(result, indent=2) + "\n")
    draw_memory(held, RESULTS / "animate.png")
    for name, value in result.items():
        print(f"{name:52s} {value}")


if __name__ == "__main__":
    main()
