"""All benchmarks, one after the other; what `make bench` runs.

    python benchmarks/run.py [NAME...]

Each prints its table and the ratios, and saves JSON and a plot under benchmarks/results; `results/README.md` then says what all of them
found last. One that needs third-party data says so and is passed over, unless MIEN_DATA names the folder that has it.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mien.errors import NoDataError
from mien.metrics.pages import write_section

HERE = Path(__file__).parent
_HOW = "One core unless it is said; the scripts say what is measured and how."
_NO_DATA = f"{NoDataError.__module__}.{NoDataError.__qualname__}: "  # begins the last line of the traceback

#: What the page says: the benchmark, what it measured, and the number in its results.
FOUND: tuple[tuple[str, str, Callable[[Any], str]], ...] = (
    ("mesh", "an edit of a photo of 1 and of 12 megapixels, seconds", lambda d: ", ".join(f"{size['edit']:.2f}" for size in d.values())),
    ("read", "frames of a video read a second", lambda d: f"{d['frames a second']['mien, video']:.0f}"),
    ("animate", "frames of 512 x 512 animated a second", lambda d: f"{d['frames a second']:.0f}"),
    ("animate", "growth of memory over 2,000 frames, MiB", lambda d: f"{d['growth in MiB']:.1f}"),
    ("landmarks", "468 landmarks of a face, ms", lambda d: f"{d['milliseconds']['mien, two looks']:.1f}"),
    ("fit", "a head fitted to landmarks, ms", lambda d: f"{d['fit_ms']['a face of a batch']:.1f}"),
    ("export", "a head with its morph targets written as GLB, seconds", lambda d: f"{d['ways']['mien, glb']['seconds']:.2f}"),
    ("memory", "highest memory while a photo of 12 megapixels is edited, MiB", lambda d: f"{d['edit, 12 MP']['peak'] / 2**20:.0f}"),
    ("memory", "that beyond mien at rest, times the decoded photo", lambda d: f"{d['edit, 12 MP']['ratio']:.1f}"),
    *(
        ("loading", f"pictures of 256 pixels loaded a second: {kind}", lambda d, kind=kind: f"{d['pictures per second'][kind]:.0f}")
        for kind in ("folder", "zip", "LMDB", "tar", "folder, cached")
    ),
    ("synth", "faces of 128 pixels drawn a second, two cores", lambda d: f"{d['per second on two cores']['renders']:.0f}"),
    ("synth", "photos of 128 pixels warped a second, two cores", lambda d: f"{d['per second on two cores']['warps']:.0f}"),
    ("ada", "pictures of 64 pixels augmented a second, with gradients", lambda d: f"{_ada(d)['together']:.0f}"),
    ("ada", "times as fast as the plain way", lambda d: f"{_ada(d)['together'] / _ada(d)['plain']:.1f}"),
    *(
        ("stylegan2", f"times as fast as grouped convolutions draw: {size} pixels", lambda d, size=size: _gains(d, size))
        for size in (256, 1024)
    ),
    ("clip_pool", "times as fast as published: a picture of 1,024 pixels as CLIP is shown it", lambda d: f"{_pooled(d, 'ms'):.0f}"),
    ("clip_pool", "the share of memory that it takes", lambda d: f"1/{_pooled(d, 'MiB'):.0f}"),
    ("text", "understanding a text, ms", lambda d: f"{d['text']['understanding']:.1f}"),
    ("text", "an edit by text, times the same by action units: the first of a process, the next", lambda d: _said(d, "first edit", "edit")),
    ("text", "its memory, times that of the same by action units", lambda d: _said(d, "MiB")),
    ("training", "what the training core adds to a bare PyTorch loop, %", lambda d: f"{100 * d['overhead']:.1f}"),
    ("scale", "pictures of a corpus read a second, two processes", lambda d: f"{_scale(d):.0f}"),
)


def _ada(document: Any) -> dict[str, float]:
    return document["pictures per second"]["bgc, 64 px, p = 0.3"]


def _gains(document: Any, size: int) -> str:
    cases = {case.split(", ")[1]: ways for case, ways in document.items() if case.startswith(f"{size} px, ")}
    times = {count: ways["mien"]["pictures per second"] / ways["grouped"]["pictures per second"] for count, ways in cases.items()}
    return ", ".join(f"{times[count]:.1f} ({count})" for count in times)


def _pooled(document: Any, what: str) -> float:
    ways = document["1024 px"]
    return ways["as published"][what] / ways["mien"][what]


def _said(document: Any, *names: str) -> str:
    return ", ".join(f"{document['text'][name] / document['units'][name]:.2f}" for name in names)


def _scale(document: Any) -> float:
    return document["pictures per second"]["2 processes"]["without the start"]


def found(results: Path, scripts: str) -> list[str]:
    """What the benchmarks found last, as a Markdown table; `scripts` is the way to them."""
    rows = [
        f"| [{name}]({scripts}/{name}.py) | {what} | {number(json.loads((results / f'{name}.json').read_text()))} |"
        for name, what, number in FOUND
        if (results / f"{name}.json").is_file()
    ]
    return ["| benchmark | what | |", "| --- | --- | ---: |", *rows]


def page(results: Path) -> str:
    """The same with the plots, as a page."""
    plots = [f"![{plot.stem}]({plot.name})" for plot in sorted(results.glob("*.png"))]
    head = f"# How fast it is\n\n`make bench` writes this page. {_HOW}"
    return "\n".join([head, "", *found(results, ".."), "", *plots, ""])


def main(names: list[str]) -> int:
    """Run the named benchmarks, or all; the exit code is 1 when one broke."""
    scripts = [HERE / f"{name}.py" for name in names] or sorted(path for path in HERE.glob("*.py") if path != Path(__file__))
    broken: list[str] = []
    for script in scripts:
        print(f"== {script.stem}", flush=True)
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        run = subprocess.run([sys.executable, str(script)], check=False, env=environment, stderr=subprocess.PIPE, text=True)
        if run.returncode:
            why = run.stderr.strip().splitlines()[-1] if run.stderr.strip() else "no word why"
            needs_data = why.startswith(_NO_DATA)
            print(f"{'passed over' if needs_data else 'broken'}: {why.removeprefix(_NO_DATA)}\n")
            broken += [] if needs_data else [script.stem]
    results = HERE / "results"
    (results / "README.md").write_text(page(results))
    table = "\n".join(found(results, "../benchmarks"))
    write_section(HERE.parent / "docs" / "results.md", "speed", "Speed and memory", "make bench", [_HOW, table])
    if broken:
        print(f"broken: {', '.join(broken)}", file=sys.stderr)
    return bool(broken)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
