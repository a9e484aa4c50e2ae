"""Edits by text: what understanding the words adds to the same edit by action units, in time and in memory.

    python benchmarks/text.py [--rounds 5] [--size 1024] [--text "an angry face"]

The small CLIP that ships understands the words; the plain edit is given the very action units that it tells, and both are checked to make
the same picture, of a face drawn by the package itself. Each way in a process of its own, which has loaded what reads and draws, on one
thread. Its first edit by text opens the network; of the further ones, whose words were not read before, the fastest by processor time
counts. Memory is how far the first edit's peak rises above what the process held. Prints the table and writes `results/text.json` and
`.png`.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
import torch
from matplotlib.figure import Figure

from mien import images, plots, registry, text
from mien.api.editing import EditResult, edit
from mien.aus import AXES
from mien.data.renders import render
from mien.faces.landmarks import landmarker
from mien.geometry import head
from mien.metrics.timing import timed

RESULTS = Path(__file__).parent / "results"
MIB = 2**20


def unread(words: str, number: int) -> str:
    """The same words, which are read anew: what a text means is kept by how it is written."""
    return words + " " * number


def asked(words: str) -> str:
    """The edit by action units that a text asks for, as far as the engine moves them."""
    moves, wanted = registry.engine(registry.ENGINE).moves, text.expression(words).values
    return " ".join(f"{axis}={value:.9f}" for axis, value in zip(AXES, wanted, strict=True) if axis in moves and not np.isnan(value))


def alone(way: str, words: str, photo: Path, rounds: int) -> None:
    """What a fresh process does: edit; tell on stdout the times, the rise of the peak, and some pixels to compare."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)

    def once(number: int) -> EditResult:
        return edit(photo, text=unread(words, number)) if way == "text" else edit(photo, words)

    registry.engine(registry.ENGINE)
    registry.reader(registry.READER)
    landmarker()
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = peak()
    done, first = timed(lambda: once(0))
    told = {"first edit": first, "MiB": (peak() - before) / MIB}
    told["edit"] = min(timed(lambda number=number: once(number))[1] for number in range(1, rounds + 1))
    if way == "text":
        anew = (unread(words, rounds + number) for number in range(1, rounds + 1))
        told["understanding"] = min(timed(lambda said=said: text.expression(said))[1] for said in anew)
    print(json.dumps(told | {"pixels": done.rgb[::16, ::16].tolist()}))


def peak() -> int:
    """Bytes that this process has held at most."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def draw_bars(found: dict[str, dict[str, float]]) -> None:
    """Time and memory of both ways."""
    figure = Figure(figsize=(8, 2.6), layout="constrained")
    both = figure.subplots(1, 2)
    for axes, names, unit in zip(
        both, (("first edit", "edit"), ("MiB",)), ("ms, one core", "MiB at the peak of the first edit"), strict=True
    ):
        for row, (way, colour) in enumerate({"text": "#3b6fb6", "units": "#c9c9c9"}.items()):
            places = [place + 0.36 * row for place in range(len(names))]
            bars = axes.barh(places, [found[way][name] for name in names], 0.34, color=colour, label=way)
            axes.bar_label(bars, fmt="%.0f", padding=3)
        axes.set_yticks([place + 0.18 for place in range(len(names))], names if len(names) > 1 else [""])
        axes.invert_yaxis()
        axes.margins(x=0.2)
        axes.set_xlabel(unit)
    both[1].legend(frameon=False)
    plots.write(figure, RESULTS / "text.png")


def main() -> None:
    """Measure, print, save."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--text", default="an angry face")
    parser.add_argument(
        "--alone", nargs=3, metavar=("WAY", "WORDS", "PHOTO"), help="measure one way in this process, as the benchmark does"
    )
    options = parser.parse_args()
    if options.alone:
        way, words, photo = options.alone
        alone(way, words, Path(photo), options.rounds)
        return
    command, told = [sys.executable, __file__, "--rounds", str(options.rounds), "--alone"], {}
    with tempfile.TemporaryDirectory() as folder:
        photo = images.write(render(head.bundled(), size=options.size).photo.rgb, Path(folder) / "face.png")
        for way, words in (("text", options.text), ("units", asked(options.text))):
            told[way] = json.loads(subprocess.run([*command, way, words, str(photo)], check=True, capture_output=True, text=True).stdout)
    said, plain = (np.array(each.pop("pixels")) for each in told.values())
    assert np.abs(said - plain).max() <= 1, "both ways do not make the same picture"
    ours, units = told["text"], told["units"]
    print(f"{options.text!r}: {asked(options.text)}")
    print(f"understanding {ours['understanding']:.1f} ms, {ours['understanding'] / units['edit']:.3f} of an edit by units")
    for name in ("first edit", "edit", "MiB"):
        unit = "" if name == "MiB" else " ms"
        print(f"{name:10s} by text {ours[name]:7.1f}{unit}, by units {units[name]:7.1f}{unit}: {ours[name] / units[name]:.2f} x")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "text.json").write_text(json.dumps(told, indent=1) + "\n")
    draw_bars(told)


if __name__ == "__main__":
    main()
