"""The augmentation pipeline: pictures a second there and back (gradients included), against the plain way and against one at a time.

    python benchmarks/ada.py [--batch 16]

The plain way takes every picture by itself through every step, as the method is first written down: a wide margin, zeros between the
pixels and a filter of 12 taps, a bilinear sample, the filter again, a colour matrix, a filter of 43 taps of its own, noise, a hole. It
draws from the same parts and is checked to give the same pictures. One thread, processor time, the fastest of some rounds. Prints the
table and writes `results/ada.json` and `.png`.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import torch
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn import functional as F

from mien import plots
from mien.metrics.timing import timed
from mien.nn.ada import Kinds, augmented, colour, filtering, placing, spoiling, wavelets
from mien.nn.ada.draws import Draws

RESULTS = Path(__file__).parent / "results"
ROUNDS = 5
CASES: list[tuple[int, Kinds, float]] = (
    (64, "bgc", 0.3),
    (64, "bgcfn", 0.3),
    (64, "bgcfn", 1.0),
    (256, "bgc", 0.3),
    (256, "bgcfn", 1.0),
)


def across_and_down(picture: Tensor, taps: Tensor, stride: int = 1) -> Tensor:
    """A picture through a filter along its rows, then along its columns."""
    kernel = taps.to(picture).expand(picture.shape[1], 1, 1, -1)
    rows = F.conv2d(picture, kernel, stride=(1, stride), groups=len(kernel))
    return F.conv2d(rows, kernel.mT, stride=(stride, 1), groups=len(kernel))


def resampled(picture: Tensor, place: Tensor, margin: int) -> Tensor:
    """One picture from its places, by filters as they are."""
    height, width = picture.shape[2:]
    taps = torch.tensor(wavelets.SYM6)
    wide = F.pad(picture, [margin] * 4, mode="reflect")
    between = F.pad(wide[..., None, :, None], (0, 1, 0, 0, 0, 1)).reshape(1, -1, 2 * wide.shape[2], 2 * wide.shape[3])  # zeros
    fine = across_and_down(F.pad(between, [11] * 4), 2**0.5 * taps.flip(0))
    y, x = torch.meshgrid(*((torch.arange(2 * n + 10) - wavelets.ORIGIN) / 2 - (n - 1) / 2 for n in (height, width)), indexing="ij")
    source = place[:2, :2] @ torch.stack([x.flatten(), y.flatten()]) + place[:2, 2:]
    at = 2 * (source + torch.tensor([[(width - 1) / 2], [(height - 1) / 2]]) + margin) + wavelets.ORIGIN
    grid = (2 * at / torch.tensor([[fine.shape[3] - 1.0], [fine.shape[2] - 1.0]]) - 1).T.reshape(1, *x.shape, 2)
    return across_and_down(F.grid_sample(fine, grid, align_corners=True), taps / 2**0.5, stride=2)


def equalised(picture: Tensor, gain: Tensor) -> Tensor:
    """One picture through a filter of its own."""
    kernel = (gain[:, None, None] * wavelets.bands(128).float()).sum(0)[64, 43:86]
    return across_and_down(F.pad(picture, [21] * 4, mode="reflect"), kernel)


def plain(pictures: Tensor, p: float, generator: torch.Generator, *, kinds: Kinds) -> Tensor:
    """Every picture by itself through every step, whether it changes or not."""
    size = pictures.shape[2]
    draws = Draws(len(pictures), torch.tensor(p), generator)
    places = placing.copied(draws, size, size) @ placing.moved(draws, size, size)
    done = [resampled(one[None], place, size - 1) for one, place in zip(pictures, places, strict=True)]
    done = [colour.recolour(one, matrix[None]) for one, matrix in zip(done, colour.recolouring(draws), strict=True)]
    if kinds == "bgcfn":
        done = [equalised(one, gain) for one, gain in zip(done, filtering.gains(draws), strict=True)]
        done = [spoiling.noisy(one, much[None], generator) for one, much in zip(done, spoiling.deviations(draws), strict=True)]
        done = [one.masked_fill(hole, 0.0) for one, hole in zip(done, spoiling.holes(draws, size, size), strict=True)]
    return torch.cat(done)


def one_by_one(pictures: Tensor, p: float, generator: torch.Generator, *, kinds: Kinds) -> Tensor:
    """The pipeline, a picture at a time."""
    return torch.cat([augmented(one[None], p, generator, kinds=kinds) for one in pictures])


def rate(way: Callable[..., Tensor], pictures: Tensor, p: float, kinds: Kinds) -> float:
    """Pictures a second there and back."""

    def there_and_back() -> None:
        way(pictures, p, torch.Generator().manual_seed(0), kinds=kinds).square().mean().backward()

    there_and_back()
    return len(pictures) / min(timed(there_and_back)[1] / 1000 for _ in range(ROUNDS))


def apart(batch: int) -> float:
    """How far the two ways are from each other well inside the frame, root mean square, on smooth pictures without noise."""
    wave = torch.cos(torch.linspace(0, 7, 64))
    smooth = (wave * wave[:, None] * 0.8).expand(batch, 3, -1, -1).contiguous()
    ours, theirs = (way(smooth, 1.0, torch.Generator().manual_seed(1), kinds="bgc") for way in (augmented, plain))
    return float((ours - theirs)[..., 8:-8, 8:-8].square().mean().sqrt())


def draw(rates: dict[str, dict[str, float]]) -> None:
    """Bars for each case."""
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.add_subplot()
    for row, (way, colour_) in enumerate({"together": "#3b6fb6", "one by one": "#8fb0dc", "plain": "#c9c9c9"}.items()):
        places = [case + 0.27 * (row - 1) for case in range(len(rates))]
        axes.bar_label(axes.barh(places, [found[way] for found in rates.values()], 0.25, color=colour_, label=way), fmt="%.0f", padding=3)
    axes.set_yticks(range(len(rates)), list(rates))
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.margins(x=0.15)
    axes.set_xlabel("pictures a second with gradients, one core")
    axes.legend(frameon=False)
    plots.write(figure, RESULTS / "ada.png")


def main() -> None:
    """Measure, print, save."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--batch", type=int, default=16)
    options = parser.parse_args()
    torch.set_num_threads(1)
    difference, rates = apart(options.batch), dict[str, dict[str, float]]()
    print(f"the plain way's pictures differ by {difference:.4f} (root mean square, of a range of 2)")
    for size, kinds, p in CASES:
        given = torch.rand(options.batch, 3, size, size, generator=torch.Generator().manual_seed(0)).requires_grad_()
        ways = {"together": augmented, "one by one": one_by_one, "plain": plain}
        found = {name: rate(way, given, p, kinds) for name, way in ways.items()}
        rates[f"{kinds}, {size} px, p = {p:g}"] = found
        ratios = ", ".join(f"{found['together'] / found[way]:.1f} x {way}" for way in ("one by one", "plain"))
        print(f"{kinds:6s} {size:3d} px, p = {p:.1f}: {found['together']:6.0f} pictures/s; {ratios}")
    RESULTS.mkdir(exist_ok=True)
    document = {"batch": options.batch, "plain way differs by": difference, "pictures per second": rates}
    (RESULTS / "ada.json").write_text(json.dumps(document, indent=1) + "\n")
    draw(rates)


if __name__ == "__main__":
    main()
