"""Landmarks: how close to the teacher and how fast, against the teacher itself and the network run as it was trained.

    python benchmarks/landmarks.py [--data FOLDER] [--limit N]

Times are the best of several runs, one thread, milliseconds a face. Prints the ratios and writes `results/landmarks.json` and `.png`.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure

from mien import plots, weights
from mien.data.crops import open_crops
from mien.data.folder import need
from mien.data.teacher import Teacher
from mien.faces.align import Square, sample
from mien.faces.detect import candidates, square_of_five
from mien.faces.landmarks import landmarker
from mien.metrics.landmarks import score_landmarks
from mien.nn.landmarks import LandmarkNet

RESULTS = Path(__file__).parent / "results"


def fastest(ways: dict[str, Callable[[], object]], rounds: int = 150) -> dict[str, float]:
    """Milliseconds of the fastest run of each way: the one that nothing else disturbed. They take turns, so that a busy spell hits all."""
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(rounds):
        for name, run in ways.items():
            begin = time.perf_counter()
            run()
            best[name] = min(best[name], (time.perf_counter() - begin) * 1000)
    return best


def naive() -> Callable[[np.ndarray, Square], object]:
    """Two looks of the network as it comes from training: norms apart, channels first, gradients recorded."""
    stored = weights.load(weights.bundled("landmarks"))
    network = weights.fill(LandmarkNet(**stored.config), stored)

    def place(rgb: np.ndarray, square: Square) -> object:
        picture = torch.from_numpy(sample(rgb, square, network.size)).permute(2, 0, 1)[None].contiguous() / 255
        return network(picture), network(picture)

    return place


def draw(milliseconds: dict[str, float]) -> None:
    """A bar for each way, at its time."""
    figure = Figure(figsize=(7, 2.4), layout="constrained")
    axes = figure.add_subplot()
    bars = axes.barh(list(milliseconds), list(milliseconds.values()), color="#3b6fb6")
    axes.bar_label(bars, fmt="%.1f", padding=3)
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.set_xlabel("milliseconds, one thread")
    plots.write(figure, RESULTS / "landmarks.png")


def main() -> None:
    """Measure, print, save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder with the third-party data (or MIEN_DATA)")
    parser.add_argument("--limit", type=int, help="at most so many faces a set")
    options = parser.parse_args()
    torch.set_num_threads(1)
    folder = need(options.data, "lfw_eval.npz", "face_landmark.tflite")
    crops = open_crops(folder / "lfw_eval.npz")
    index = int(crops.where(split="test")[0])
    rgb, square = crops[index], square_of_five(crops.points[index].astype(float)).lowered(0.15)  # off, so that it takes both looks
    large = np.ascontiguousarray(np.broadcast_to(sample(rgb, Square.of_image(rgb), 1024), (1024, 1024, 3)))
    network, plain, teacher = landmarker(), naive(), Teacher(folder / "face_landmark.tflite")
    milliseconds = fastest(
        {
            "mien, two looks": lambda: network.place(rgb, square),
            "mien, one look": lambda: network.look(rgb, square),
            "the same network, naively": lambda: plain(rgb, square),
            "teacher, one look": lambda: teacher.landmarks(rgb, square),
        }
    )
    milliseconds |= fastest({"detection in 1024 x 1024": lambda: candidates(large)}, rounds=10)
    table = score_landmarks(folder, limit=options.limit)
    ours = milliseconds["mien, two looks"]
    result = {
        "milliseconds": {name: round(value, 2) for name, value in milliseconds.items()},
        "ratio to mien": {name: round(value / ours, 2) for name, value in milliseconds.items()},
        "errors in percent": table.round(3).to_dict("records"),
    }
    print(table.round(2).to_string(index=False))
    for name, value in milliseconds.items():
        print(f"{name:28s} {value:8.2f} ms   x {value / ours:.2f}")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "landmarks.json").write_text(json.dumps(result, indent=2) + "\n")
    draw(milliseconds)


if __name__ == "__main__":
    main()
