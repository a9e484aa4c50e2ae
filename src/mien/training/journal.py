"""What a run tells: `metrics.jsonl` always, sample pictures, TensorBoard when asked."""

import json
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float
from torch import Tensor

from mien.errors import DataError


class Journal:
    """Numbers and pictures by step, in the folder of a run."""

    def __init__(self, folder: Path, *, tensorboard: bool) -> None:
        """Raises `DataError` when TensorBoard is asked for and not installed."""
        self.folder, self._board = folder, _board(folder) if tensorboard else None

    def numbers(self, step: int, images: int, values: dict[str, float]) -> None:
        """Append a line to `metrics.jsonl`: the step, the images seen, the time, and the values."""
        line = {"step": step, "images": images, "time": round(time.time(), 1), **{k: float(f"{v:.6g}") for k, v in values.items()}}
        with (self.folder / "metrics.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")
        if self._board:
            for name, value in values.items():
                self._board.add_scalar(name, value, images)
            self._board.flush()  # a killed run keeps its last numbers

    def pictures(self, step: int, images: int, name: str, batch: Float[Tensor, "n 3 h w"], columns: int) -> Path:
        """Lay pictures (0..1) out in rows and write them as ``samples/NAME-STEP.png``; returns the path."""
        path = self.folder / "samples" / f"{name}-{step:08d}.png"
        path.parent.mkdir(exist_ok=True)
        rgb = grid(batch, columns)
        cv2.imwrite(str(path), rgb[..., ::-1])
        if self._board:
            self._board.add_image(name, rgb, images, dataformats="HWC")
        return path


def grid(batch: Float[Tensor, "n 3 h w"], columns: int) -> np.ndarray:
    """Pictures in 0..1 side by side, `columns` to a row, as one uint8 picture; missing ones are white."""
    count, _, height, width = batch.shape
    rows = -(-count // columns)
    sheet = np.full((rows * columns, height, width, 3), 255, dtype=np.uint8)
    sheet[:count] = (batch.detach().float().cpu().clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).numpy()
    return np.ascontiguousarray(sheet.reshape(rows, columns, height, width, 3).swapaxes(1, 2).reshape(rows * height, columns * width, 3))


def _board(folder: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise DataError("TensorBoard is not installed: pip install 'mien[train]', or leave --tensorboard out") from error
    return SummaryWriter(str(folder / "tensorboard"))
