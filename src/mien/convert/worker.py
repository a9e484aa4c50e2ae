"""The process that `mien.convert.guarded` starts: converts one file within a limit of memory, and tells its error as a line of JSON."""

import contextlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path

from mien.convert import importers
from mien.errors import MienError, WeightsError

_GIB = 2**30
_NO_MEMORY = "DefaultCPUAllocator"  # how torch says what Python calls MemoryError


def main(kind: str, path: Path, out: Path, memory: int, options: Mapping[str, str]) -> int:
    """Convert, and return the exit code."""
    _limit(memory)
    try:
        importers.convert(kind, path, out, options)
    except MienError as error:
        return _fail(error)
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and _NO_MEMORY not in str(error):
            raise
        return _fail(WeightsError(f"{path} takes more than {memory / _GIB:.1f} GiB of memory, far more than its size needs: refused"))
    return 0


def _limit(memory: int) -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):  # Windows has no such limit; elsewhere a stricter one may stand
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))


def _fail(error: MienError) -> int:
    sys.stdout.write(json.dumps({"error": type(error).__name__, "text": str(error)}) + "\n")
    return error.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]), json.loads(sys.argv[5])))
