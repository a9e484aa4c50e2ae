"""StyleGAN2's generator: pictures a second and memory, against the plain way.

    python benchmarks/stylegan2.py [--rounds 2] [--cases 256x1 256x4 1024x1 1024x4]

The plain way is how the network was first written for PyTorch: each picture's own kernels in one grouped convolution, filters of 4 x 4 taps
at once, noise, bias, ReLU and gain one after the other. "Published" filters with every channel as a picture of its own, as the code that
came with the checkpoints does where its compiled parts are missing; "grouped" with a grouped convolution. Same weights, same batch, checked
to give the same pictures. Each in a process of its own, on one thread, the fastest of some rounds by processor time; memory is how far the
peak rises above what the process held with the network loaded; where the published way would need too much, it is left out. Prints the
table and writes `results/stylegan2.json` and `.png`.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn
from torch.nn import functional as F

from mien import plots
from mien.metrics.timing import timed
from mien.nn.stylegan2 import Generator, initialise
from mien.nn.stylegan2.generator import drawn
from mien.nn.stylegan2.layers import widths
from mien.nn.stylegan2.modulated import ModulatedConv, StyledConv, ToRGB

RESULTS = Path(__file__).parent / "results"
CASES = ("256x1", "256x4", "1024x1", "1024x4")  # pixels, pictures at once; published widths
WAYS = ("mien", "grouped", "published")
MOST = 2 * 1024**2  # pixels of all pictures that are drawn the published way: four of 1,024 x 1,024 would take 11 GiB
MIB = 2**20

Filter = Callable[[Tensor, Tensor], Tensor]


def by_channel(x: Tensor, kernel: Tensor) -> Tensor:
    """Every channel is a picture of its own."""
    return F.conv2d(x.flatten(0, 1)[:, None], kernel[None, None]).unflatten(0, x.shape[:2])[:, :, 0]


def grouped(x: Tensor, kernel: Tensor) -> Tensor:
    """Every channel is a group."""
    return F.conv2d(x, kernel.expand(x.shape[1], 1, -1, -1), groups=x.shape[1])


class Plain:
    """The network's layers as their equations are written down."""

    def __init__(self, network: Generator, through: Filter) -> None:
        self.network = network
        self.through = through

    def resampled(self, x: Tensor, kernel: Tensor, pad: tuple[int, int], zeros: int = 1) -> Tensor:
        """Zeros between and around the pixels, then the filter."""
        high, wide = x.shape[2] * zeros, x.shape[3] * zeros
        x = F.pad(x[:, :, :, None, :, None], (0, zeros - 1, 0, 0, 0, zeros - 1)).reshape(*x.shape[:2], high, wide)
        return self.through(F.pad(x, [*pad, *pad]), kernel.flip(0, 1))

    def convolved(self, part: ModulatedConv, x: Tensor, row: Tensor, *, demodulated: bool) -> Tensor:
        """Each picture's own kernels, all in one grouped convolution."""
        batch, channels, high, wide = x.shape
        kernels = part.scale * part.weight * part.modulation(row).reshape(batch, 1, channels, 1, 1)
        if demodulated:
            kernels = kernels * torch.rsqrt(kernels.square().sum((2, 3, 4), keepdim=True) + 1e-8)
        together = x.reshape(1, batch * channels, high, wide)
        if part.blur is None:
            return F.conv2d(together, kernels.flatten(0, 1), padding=kernels.shape[-1] // 2, groups=batch).reshape(batch, -1, high, wide)
        larger = F.conv_transpose2d(together, kernels.transpose(1, 2).flatten(0, 1), stride=2, groups=batch)
        return self.resampled(larger.reshape(batch, -1, 2 * high + 1, 2 * wide + 1), part.blur.kernel, (1, 1))

    def styled(self, part: nn.Module, x: Tensor, row: Tensor, noise: Tensor) -> Tensor:
        """Convolution, noise, bias, ReLU, gain."""
        assert isinstance(part, StyledConv)
        y = self.convolved(part.conv, x, row, demodulated=True) + part.noise.weight * noise
        return F.leaky_relu(y + part.activate.bias[:, None, None], 0.2) * 2**0.5

    def coloured(self, part: nn.Module, x: Tensor, row: Tensor, smaller: Tensor | None) -> Tensor:
        """Colours of this size and of the smaller ones."""
        assert isinstance(part, ToRGB)
        colours = self.convolved(part.conv, x, row, demodulated=False) + part.bias
        if part.upsample is None or smaller is None:
            return colours
        return colours + self.resampled(smaller, part.upsample.kernel, (2, 1), zeros=2)

    def __call__(self, codes: Tensor) -> Tensor:
        """Pictures of codes in W+."""
        network, noise = self.network, self.network.stored()
        x = self.styled(network.conv1, network.input.input.repeat(len(codes), 1, 1, 1), codes[:, 0], noise[0])
        rgb = self.coloured(network.to_rgb1, x, codes[:, 1], None)
        for i, colours in enumerate(network.to_rgbs):
            row = 2 * i + 1
            x = self.styled(network.convs[row - 1], x, codes[:, row], noise[row])
            x = self.styled(network.convs[row], x, codes[:, row + 1], noise[row + 1])
            rgb = self.coloured(colours, x, codes[:, row + 2], rgb)
        return rgb


def alone(way: str, size: int, batch: int, rounds: int) -> None:
    """What a fresh process does: build, draw, and tell on stdout the rise of the peak, the pace, and some pixels to compare."""
    torch.set_num_threads(1)
    network = Generator(widths(size))
    initialise(network, torch.Generator().manual_seed(0))
    draw = {"mien": network, "grouped": Plain(network, grouped), "published": Plain(network, by_channel)}[way]
    with torch.inference_mode():
        codes = network.spread(network.map(drawn(range(batch), network.code)))
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        before = peak()
        pictures = draw(codes)
        risen = peak() - before
        seconds = min(timed(lambda: draw(codes))[1] / 1000 for _ in range(rounds))
    pixels = (pictures[:, :, :: size // 16, :: size // 16] / pictures.std()).flatten().tolist()
    print(json.dumps({"pictures per second": batch / seconds, "MiB": risen / MIB, "pixels": pixels}))


def peak() -> int:
    """Bytes that this process has held at most."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def draw_bars(found: dict[str, dict[str, dict[str, float]]]) -> None:
    """Pace and memory, a group of bars for each case."""
    figure = Figure(figsize=(8, 5), layout="constrained")
    both = figure.subplots(1, 2, sharey=True)
    for axes, what in zip(both, ("pictures per second", "MiB"), strict=True):
        for row, (way, colour) in enumerate(zip(WAYS, ("#3b6fb6", "#8fb0dc", "#c9c9c9"), strict=True)):
            drawn_so = {case + 0.27 * (row - 1): each[way][what] for case, each in enumerate(found.values()) if way in each}
            bars = axes.barh(list(drawn_so), list(drawn_so.values()), 0.25, color=colour, label=way)
            axes.bar_label(bars, fmt="%.2f" if what != "MiB" else "%.0f", padding=3)
        axes.set_yticks(range(len(found)), list(found))
        axes.margins(x=0.2)
        axes.set_xlabel(f"{what}, one core" if what != "MiB" else "MiB at the peak, beyond the network")
    both[0].invert_yaxis()
    both[1].legend(frameon=False)
    plots.write(figure, RESULTS / "stylegan2.png")


def main() -> None:
    """Measure, print, save."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--cases", nargs="+", default=CASES, metavar="PIXELSxPICTURES")
    parser.add_argument("--alone", nargs=3, metavar=("WAY", "SIZE", "BATCH"), help="measure one way in this process, as the benchmark does")
    options = parser.parse_args()
    if options.alone:
        way, size, batch = options.alone
        alone(way, int(size), int(batch), options.rounds)
        return
    RESULTS.mkdir(exist_ok=True)
    found: dict[str, dict[str, dict[str, float]]] = {}
    for size, batch in (map(int, case.split("x")) for case in options.cases):
        command = [sys.executable, __file__, "--rounds", str(options.rounds), "--alone"]
        told = {
            way: json.loads(subprocess.run([*command, way, str(size), str(batch)], check=True, capture_output=True, text=True).stdout)
            for way in WAYS
            if way != "published" or size**2 * batch <= MOST
        }
        pixels = {way: torch.tensor(each.pop("pixels")) for way, each in told.items()}
        differ = max(float((pixels["mien"] - pixels[way]).abs().max()) for way in list(told)[1:])
        assert differ < 1e-4, f"the pictures differ by {differ:g} of their spread"
        found[f"{size} px, {batch} at once"] = told
        ours = told["mien"]
        ratios = "; ".join(
            f"{ours['pictures per second'] / plain['pictures per second']:.2f} x {way}, {ours['MiB'] / plain['MiB']:.2f} of its memory"
            for way, plain in list(told.items())[1:]
        )
        print(f"{size:4d} px, {batch} at once: {ours['pictures per second']:.2f} pictures/s, {ours['MiB']:.0f} MiB; {ratios}", flush=True)
        (RESULTS / "stylegan2.json").write_text(json.dumps(found, indent=1) + "\n")
        draw_bars(found)


if __name__ == "__main__":
    main()
