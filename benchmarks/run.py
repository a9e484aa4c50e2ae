"""All benchmarks, one after the other; what `make bench` runs.

    python benchmarks/run.py [NAME...]

Each prints its table and the ratios, and saves JSON and a plot under benchmarks/results. One that needs third-party data says so and is
passed over, unless MIEN_DATA names the folder that has it.
"""

import os
import subprocess
import sys
from pathlib import Path

from mien.errors import NoDataError

HERE = Path(__file__).parent
_NO_DATA = f"{NoDataError.__module__}.{NoDataError.__qualname__}: "  # begins the last line of the traceback


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
    if broken:
        print(f"broken: {', '.join(broken)}", file=sys.stderr)
    return bool(broken)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
