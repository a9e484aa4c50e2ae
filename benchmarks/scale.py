"""Reading a corpus into shards: pictures a second with one process, two, and two actors of Ray, and the memory of a process on the way.

    python benchmarks/scale.py [--count 300] [--size 256]

The pictures are one drawn face, JPEG, each with noise of its own. Rates are of wall time: of the whole run with starting processes and
loading models, and from the first shard of each worker on. Memory is what a process that reads shard after shard holds after each.
Prints both, and writes `results/scale.json` and `results/scale.png`.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from loading import RESULTS, pictures
from matplotlib.figure import Figure

from mien import plots
from mien.api.corpus import Corpus, ShardReader, read_corpus
from mien.api.crews import Crew, in_processes, on_ray
from mien.api.sources import clips

SHARD = 10  # pictures: many shards, so that both workers end at about the same time
CREWS: dict[str, tuple[Crew, int]] = {"1 process": (in_processes, 1), "2 processes": (in_processes, 2), "Ray, 2 actors": (on_ray, 2)}


def rates(photos: Path, folder: Path, crew: Crew, workers: int) -> dict[str, float]:
    """Pictures a second."""
    begin = time.time()
    tally = read_corpus(clips(photos), Corpus(folder), crew=crew, workers=workers, size=SHARD)
    end, written = time.time(), sorted(path.stat().st_mtime for path in folder.glob("shard-*"))
    assert tally.rows == tally.faces == tally.inputs, tally
    later = SHARD * (len(written) - workers)  # pictures of which no process had to be started
    return {"whole run": tally.inputs / (end - begin), "without the start": later / (written[-1] - written[workers - 1])}


def alone(photos: Path, folder: Path) -> None:
    """What a fresh process does: read shard after shard, and tell on stdout how many bytes it holds after each."""
    read, names, held = ShardReader(Corpus(folder), str(Path.cwd())), sorted(map(str, photos.iterdir())), list[int]()
    for number in range(len(names) // SHARD):
        read(json.dumps({"number": number, "files": names[number * SHARD :][:SHARD]}))
        held.append(int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE"))
    print(json.dumps(held))


def draw(found: dict[str, dict[str, float]], held: list[int], size: int) -> None:
    """Rates as bars, memory as a line."""
    figure = Figure(figsize=(9, 2.8), layout="constrained")
    bars, line = figure.subplots(1, 2)
    for shift, (what, colour) in enumerate((("whole run", "#bbbbbb"), ("without the start", "#3b6fb6"))):
        places = [place + 0.4 * shift for place in range(len(found))]
        bars.bar_label(bars.barh(places, [rate[what] for rate in found.values()], 0.4, color=colour, label=what), fmt="%.1f", padding=3)
    bars.set_yticks([place + 0.2 for place in range(len(found))], list(found))
    bars.invert_yaxis()
    bars.margins(x=0.15)
    bars.set(xlabel=f"pictures of {size} pixels a second", ylim=(len(found) - 0.2, -0.9))
    bars.legend(loc="upper right", ncols=2, fontsize="small", frameon=False)
    line.plot([SHARD * (number + 1) for number in range(len(held))], [bytes_ / 2**20 for bytes_ in held], color="#3b6fb6")
    line.set(xlabel="pictures read", ylabel="MiB that a process holds", ylim=(0, 1.3 * max(held) / 2**20))
    plots.write(figure, RESULTS / "scale.png")


def main() -> None:
    """Measure, print, save."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--alone", nargs=2, type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.alone:
        alone(*options.alone)
        return
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "photos").mkdir()
        (folder / "alone").mkdir()
        for file, data in pictures(options.count, options.size).items():
            (folder / "photos" / file).write_bytes(data)
        for number, (who, (crew, workers)) in enumerate(CREWS.items()):
            found[who] = rates(folder / "photos", folder / str(number), crew, workers)
            print(f"{who:14s}", *(f"{rate:6.1f} pictures/s {what}" for what, rate in found[who].items()), flush=True)
        command = [sys.executable, __file__, "--alone", folder / "photos", folder / "alone"]
        held = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    tenth = len(held) // 10
    print(f"a process holds {held[tenth] / 2**20:.0f} MiB after {SHARD * (tenth + 1)} pictures, {held[-1] / 2**20:.0f} MiB after all")
    result = {"size": options.size, "count": options.count, "shard": SHARD, "pictures per second": found, "bytes held": held}
    (RESULTS / "scale.json").write_text(json.dumps(result) + "\n")
    draw(found, held, options.size)


if __name__ == "__main__":
    main()
