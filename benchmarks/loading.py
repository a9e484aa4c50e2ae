"""Pictures a second out of each kind of source, beside plain decoding of the same bytes from memory.

    python benchmarks/loading.py [--count 400] [--size 256]

The pictures are one drawn face, JPEG at quality 90, each with noise of its own, read once in order by one process with warm files.
Prints the table and the overhead over decoding, and writes `results/loading.json` and `results/loading.png`.
"""

import argparse
import io
import json
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import cv2
import lmdb
import numpy as np
from matplotlib.figure import Figure

from mien import plots
from mien.data.renders import render
from mien.data.sources import Cached, open_source
from mien.data.sources.pictures import decode
from mien.geometry import head

RESULTS = Path(__file__).parent / "results"
ROUNDS = 8  # the fastest counts


def pictures(count: int, size: int) -> dict[str, bytes]:
    """JPEGs by name."""
    face = cv2.resize(render(head.bundled()).photo.rgb, (size, size), interpolation=cv2.INTER_AREA)
    rng, made = np.random.default_rng(0), dict[str, bytes]()
    for index in range(count):
        noisy = np.clip(face + rng.normal(0, 6, face.shape), 0, 255).astype(np.uint8)
        made[f"{index:05d}.jpg"] = cv2.imencode(".jpg", noisy[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes()
    return made


def stored(made: dict[str, bytes], folder: Path) -> dict[str, Path]:
    """The same pictures as every kind of source."""
    (folder / "folder").mkdir()
    for name, data in made.items():
        (folder / "folder" / name).write_bytes(data)
    with zipfile.ZipFile(folder / "pictures.zip", "w") as archive, tarfile.open(folder / "pictures.tar", "w") as shard:
        for name, data in made.items():
            archive.writestr(name, data)
            member = tarfile.TarInfo(name)
            member.size = len(data)
            shard.addfile(member, io.BytesIO(data))
    with lmdb.open(str(folder / "lmdb"), map_size=2**30) as database, database.begin(write=True) as transaction:
        for name, data in made.items():
            transaction.put(name.encode(), data)
    return {"folder": folder / "folder", "zip": folder / "pictures.zip", "LMDB": folder / "lmdb", "tar": folder / "pictures.tar"}


def rates_of(ways: dict[str, Callable[[int], object]], count: int) -> dict[str, float]:
    """Pictures a second of CPU time of each way, the fastest of rounds in which they take turns."""
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(ROUNDS):
        for name, read in ways.items():
            start = time.process_time()
            for index in range(count):
                read(index)
            best[name] = min(best[name], time.process_time() - start)
    return {name: count / seconds for name, seconds in best.items()}


def draw(rates: dict[str, float], size: int) -> None:
    """A bar for each source."""
    figure = Figure(figsize=(7, 2.6), layout="constrained")
    axes = figure.add_subplot()
    axes.bar_label(axes.barh(list(rates)[::-1], list(rates.values())[::-1], color="#3b6fb6"), fmt="%.0f", padding=3)
    axes.margins(x=0.12)
    axes.set_xlabel(f"pictures of {size} pixels a second, one core")
    plots.write(figure, RESULTS / "loading.png")


def main() -> None:
    """Measure, print, save."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--size", type=int, default=256)
    options = parser.parse_args()
    made = pictures(options.count, options.size)
    encoded = list(made.values())
    ways: dict[str, Callable[[int], object]] = {"decoding alone": lambda index: decode(encoded[index], "picture")}
    with tempfile.TemporaryDirectory() as folder:
        places = stored(made, Path(folder))
        ways |= {name: open_source(path).read for name, path in places.items()}
        ways["folder, cached"] = Cached(open_source(places["folder"]), Path(folder) / "cache").read
        rates = rates_of(ways, options.count)
    for name, value in rates.items():
        print(f"{name:15s} {value:7.0f} pictures/s  {rates['decoding alone'] / value:.2f} x the time of decoding")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "loading.json").write_text(
        json.dumps({"size": options.size, "count": options.count, "pictures per second": rates}, indent=1) + "\n"
    )
    draw(rates, options.size)


if __name__ == "__main__":
    main()
