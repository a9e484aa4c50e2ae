"""What a run tells: `metrics.jsonl` always, sample pictures, TensorBoard when asked."""

import json
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float
from torch import Tensor

from mien import files
from mien.errors import DataError


class Journal:
    """Numbers and pictures by step, in the folder of a run."""

    def __init__(self, folder: Path, *, tensorboard: bool) -> None:
        """Raises `DataError` when TensorBoard is asked for and not installed."""
        self.folder, self._path = folder, folder / "metrics.jsonl"
        self._writer, self._board = _writer() if tensorboard else None, None

    def rewind(self, step: int) -> None:
        """Forget what was told of later steps: they will be done again."""
        if self._path.exists():
            lines = self._path.read_text(encoding="utf-8").splitlines(keepends=True)
            kept = "".join(line for line in lines if 0 <= _step(line) <= step)
            with files.replacing(self._path, inputs=(), error=DataError) as partial:
                partial.write_text(kept, encoding="utf-8")

    def numbers(self, step: int, images: int, values: dict[str, float]) -> None:
        """Append a line to `metrics.jsonl`: the step, the images seen, the time, and the values."""
        line = {"step": step, "images": images, "time": round(time.time(), 1), **{k: float(f"{v:.6g}") for k, v in values.items()}}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        if board := self._opened(images):
            for name, value in values.items():
                board.add_scalar(name, value, images)
            board.flush()  # a killed run keeps its last numbers

    def pictures(self, step: int, images: int, name: str, batch: Float[Tensor, "n 3 h w"], columns: int) -> Path:
        """Lay pictures (0..1) out in rows and write them as ``samples/NAME-STEP.png``; returns the path."""
        path = self.folder / "samples" / f"{name}-{step:08d}.png"
        path.parent.mkdir(exist_ok=True)
        rgb = grid(batch, columns)
        cv2.imwrite(str(path), rgb[..., ::-1])
        if board := self._opened(images):
            board.add_image(name, rgb, images, dataformats="HWC")
        return path

    def _opened(self, images: int) -> Any:
        """TensorBoard's writer, if there is one; what an earlier process told it from so many images on is void."""
        if self._writer and self._board is None:
            self._board = self._writer(str(self.folder / "tensorboard"), purge_step=images)
        return self._board


def grid(batch: Float[Tensor, "n 3 h w"], columns: int) -> np.ndarray:
    """Pictures in 0..1 side by side, `columns` to a row, as one uint8 picture; missing ones are white."""
    count, _, height, width = batch.shape
    rows = -(-count // columns)
    sheet = np.full((rows * columns, height, width, 3), 255, dtype=np.uint8)
    sheet[:count] = (batch.detach().float().cpu().clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).numpy()
    return np.ascontiguousarray(sheet.reshape(rows, columns, height, width, 3).swapaxes(1, 2).reshape(rows * height, columns * width, 3))


def _step(line: str) -> int:
    """The step that a line is about; -1 for half a line, which a killed process leaves."""
    try:
        return int(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return -1


def _writer() -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise DataError("TensorBoard is not installed: pip install 'mien[train]', or leave --tensorboard out") from error
    return SummaryWriter
