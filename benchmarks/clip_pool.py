"""Pictures as StyleCLIP and AU-CLIP show them to CLIP: two small matrices against the large picture and its means.

    python benchmarks/clip_pool.py [--rounds 3]

They repeat each pixel 7 times both ways and average squares: 7,168 x 7,168 pixels on the way for a picture of 1,024. Both ways forth and
back (gradients included), checked to give the same; each in a process of its own, on one thread, the fastest of some rounds by processor
time; memory is how far the peak rises above what the process held. Prints the table and writes `results/clip_pool.json` and `.png`.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import torch
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn import functional as F

from mien import plots
from mien.metrics.timing import timed
from mien.nn.framing import compatible

RESULTS = Path(__file__).parent / "results"
SIZES = (256, 1024)  # pixels
WAYS = ("mien", "as published")
MIB = 2**20


def published(pictures: Tensor) -> Tensor:
    """Each pixel 7 times, then means."""
    return F.avg_pool2d(F.interpolate(pictures, scale_factor=7, mode="nearest"), pictures.shape[-1] // 32)


def alone(way: str, size: int, rounds: int) -> None:
    """What a fresh process does: show a picture there and back; tell on stdout the time, the rise of the peak, and some numbers."""
    torch.set_num_threads(1)
    show = compatible if way == "mien" else published
    rng = torch.Generator().manual_seed(0)
    picture = (torch.rand(1, 3, size, size, generator=rng) * 2 - 1).requires_grad_()
    weight = torch.rand(1, 3, 224, 224, generator=rng)

    def there_and_back() -> tuple[Tensor, Tensor]:
        shown = show(picture)
        (gradient,) = torch.autograd.grad((shown * weight).sum(), picture)
        return shown.detach(), gradient

    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = peak()
    shown, gradient = there_and_back()
    risen = peak() - before
    milliseconds = min(timed(there_and_back)[1] for _ in range(rounds))
    numbers = torch.cat([shown[..., ::16, ::16].flatten(), gradient[..., :: size // 16, :: size // 16].flatten()]).tolist()
    print(json.dumps({"ms": milliseconds, "MiB": risen / MIB, "numbers": numbers}))


def peak() -> int:
    """Bytes that this process has held at most."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def draw_bars(found: dict[str, dict[str, dict[str, float]]]) -> None:
    """Time and memory, a pair of bars for each size."""
    figure = Figure(figsize=(8, 2.8), layout="constrained")
    both = figure.subplots(1, 2, sharey=True)
    for axes, what in zip(both, ("ms", "MiB"), strict=True):
        for row, (way, colour) in enumerate(zip(WAYS, ("#3b6fb6", "#c9c9c9"), strict=True)):
            bars = axes.barh(
                [case + 0.36 * row for case in range(len(found))], [d[way][what] for d in found.values()], 0.34, color=colour, label=way
            )
            axes.bar_label(bars, fmt="%.3g", padding=3)
        axes.set_yticks([case + 0.18 for case in range(len(found))], list(found))
        axes.set_xscale("log")
        axes.margins(x=0.25)
        axes.set_xlabel("ms, there and back, one core" if what == "ms" else "MiB at the peak")
    both[0].invert_yaxis()
    both[1].legend(frameon=False)
    plots.write(figure, RESULTS / "clip_pool.png")


def main() -> None:
    """Measure, print, save."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--alone", nargs=2, metavar=("WAY", "SIZE"), help="measure one way in this process, as the benchmark does")
    options = parser.parse_args()
    if options.alone:
        alone(options.alone[0], int(options.alone[1]), options.rounds)
        return
    RESULTS.mkdir(exist_ok=True)
    found: dict[str, dict[str, dict[str, float]]] = {}
    for size in SIZES:
        command = [sys.executable, __file__, "--rounds", str(options.rounds), "--alone"]
        told = {
            way: json.loads(subprocess.run([*command, way, str(size)], check=True, capture_output=True, text=True).stdout) for way in WAYS
        }
        ours, theirs = (torch.tensor(told[way].pop("numbers")) for way in WAYS)
        assert (ours - theirs).abs().max() < 1e-4 * theirs.abs().max(), "both ways do not give the same"
        found[f"{size} px"] = told
        mien, plain = (told[way] for way in WAYS)
        faster, less = plain["ms"] / mien["ms"], plain["MiB"] / max(mien["MiB"], 1)
        print(
            f"{size:4d} px: {mien['ms']:.1f} ms, {mien['MiB']:.0f} MiB; {faster:.0f} times as fast, in 1/{less:.0f} of the memory",
            flush=True,
        )
    (RESULTS / "clip_pool.json").write_text(json.dumps(found, indent=1) + "\n")
    draw_bars(found)


if __name__ == "__main__":
    main()
