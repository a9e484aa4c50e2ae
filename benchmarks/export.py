"""Exports of a captured head: seconds and bytes of GLB and OBJ, against trimesh's own exporter given the same mesh and texture.

    python benchmarks/export.py

The head is captured from a face drawn by the package itself; its texture is baked before the clock starts. trimesh writes every morph
target as a mesh of its own, which is the naive way: its GLB has no morph targets. Prints the ratios, writes `results/export.json`, `.png`.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import trimesh
from matplotlib.figure import Figure
from PIL import Image

import mien
from mien import plots
from mien.data.renders import render
from mien.export import Head
from mien.geometry import head as heads
from mien.geometry.exchange import surfaces

RESULTS = Path(__file__).parent / "results"
RUNS = 5


def fastest(ways: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Seconds of the fastest run of each way; they take turns, so that a busy spell hits all."""
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(RUNS):
        for name, run in ways.items():
            begin = time.perf_counter()
            run()
            best[name] = min(best[name], time.perf_counter() - begin)
    return best


def meshed(head: Head, vertices: np.ndarray) -> trimesh.Trimesh:
    """The head for trimesh: one mesh with the photo as its texture."""
    visual = trimesh.visual.TextureVisuals(uv=head.model.uv.numpy(), image=Image.fromarray(head.texture))
    return trimesh.Trimesh(vertices / 100.0, head.model.triangles.numpy(), visual=visual, process=False)


def naive(head: Head, path: Path) -> None:
    """Every morph target as a mesh of its own in one GLB."""
    names, offsets = surfaces.targets(head.model)
    scene = trimesh.Scene({"head": meshed(head, head.neutral)})
    for name, offset in zip(names, offsets.numpy(), strict=True):
        scene.add_geometry(trimesh.Trimesh((head.neutral + offset) / 100.0, head.model.triangles.numpy(), process=False), geom_name=name)
    scene.export(path)


def draw(found: dict[str, dict[str, float]]) -> None:
    """Seconds and sizes, a bar for each way."""
    figure = Figure(figsize=(8, 2.6), layout="constrained")
    for axes, what, unit in zip(figure.subplots(1, 2, sharey=True), ("seconds", "MiB"), ("%.2f", "%.1f"), strict=True):
        bars = axes.barh(list(found), [values[what] for values in found.values()], color="#3b6fb6")
        axes.bar_label(bars, fmt=unit, padding=3)
        axes.margins(x=0.2)
        axes.set_xlabel(what)
    figure.axes[0].invert_yaxis()
    plots.write(figure, RESULTS / "export.png")


def main() -> None:
    """Measure, print, save."""
    argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0]).parse_args()
    torch.set_num_threads(1)
    head = mien.capture(render(heads.bundled(), size=512).photo)
    texels = len(head.texture)  # bakes it, before the clock starts
    targets = len(surfaces.targets(head.model)[0])
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: Path(folder) / name.replace(", ", ".") for name in ("mien, glb", "naive, glb", "mien, obj", "naive, obj")}
        paths = {name: path.with_suffix(f".{name[-3:]}") for name, path in paths.items()}
        seconds = fastest(
            {
                "mien, glb": lambda: head.save(paths["mien, glb"]),
                "naive, glb": lambda: naive(head, paths["naive, glb"]),
                "mien, obj": lambda: head.save(paths["mien, obj"]),
                "naive, obj": lambda: meshed(head, head.vertices).export(paths["naive, obj"]),
            }
        )
        found = {name: {"seconds": seconds[name], "MiB": path.stat().st_size / 2**20} for name, path in paths.items()}
    result = {
        "vertices": len(head.vertices),
        "morph targets": targets,
        "texels on a side": texels,
        "ways": found,
        "seconds, naive to mien": {kind: found[f"naive, {kind}"]["seconds"] / found[f"mien, {kind}"]["seconds"] for kind in ("glb", "obj")},
        "bytes, naive to mien": {kind: found[f"naive, {kind}"]["MiB"] / found[f"mien, {kind}"]["MiB"] for kind in ("glb", "obj")},
    }
    print(json.dumps(result, indent=2))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "export.json").write_text(json.dumps(result, indent=2) + "\n")
    draw(found)


if __name__ == "__main__":
    main()
