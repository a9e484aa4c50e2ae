"""Expression over time: from keyframes, tables of other tools, two edits or a driver.

One rule says how a motion moves a face: a frame shows **the face's own expression plus the change**, each axis kept within 0..5.
So a change of 0 is the photo as it is.
"""

from pathlib import Path

from mien.motion import keyframes, lines, recorded
from mien.motion.curve import FPS, Motion, between, follow

__all__ = ["FPS", "Motion", "between", "follow", "has_seconds", "read"]


def read(path: Path | str, *, fps: float = FPS, face: int = 0) -> Motion:
    """The motion that a CSV file describes, at `fps`: keyframes, or a table of OpenFace, py-feat or mien; its header tells which.

    `face` chooses a person in a table of several. Raises `DataError` with the line for anything that is not as it should be.
    """
    table = lines.load(Path(path))
    for tool in recorded.TOOLS:
        if tool.marks <= set(table.columns):
            return recorded.parse(table, tool, fps, face)
    if "time" in table.columns:
        return keyframes.parse(table, fps)
    raise table.error("this is no motion: keyframes have columns time,AU12,..., OpenFace AU12_r, py-feat FaceScore, mien file and AU12L")


def has_seconds(path: Path | str) -> bool:
    """Whether a table says when its frames were, in seconds; py-feat's only counts them. Raises `DataError` for what is no table."""
    columns = set(lines.load(Path(path)).columns)
    return not any(tool.time == "frame" for tool in recorded.TOOLS if tool.marks <= columns)
