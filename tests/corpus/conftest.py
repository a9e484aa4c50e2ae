"""A corpus of small pictures, a face in some of them, and the command line as a process of its own."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest


class Pictures:
    """photos/0000.png and so on: every twentieth has a face, number 7 is broken."""

    broken = 7

    def __init__(self, face):
        self._face = face

    @staticmethod
    def name(number: int) -> str:
        return f"photos/{number:04d}.png"

    def make(self, count: int) -> None:
        rng = np.random.default_rng(0)
        Path("photos").mkdir()
        for number in range(count):
            noisy = np.clip(self._face + rng.normal(0, 3, self._face.shape), 0, 255).astype(np.uint8)
            plain = np.full((16, 16, 3), rng.integers(0, 255, 3), np.uint8)
            cv2.imwrite(self.name(number), (plain if number % 20 else noisy)[..., ::-1])
        if count > self.broken:
            Path(self.name(self.broken)).write_text("no picture")

    def rows(self, folder: Path) -> pd.DataFrame:
        return pd.read_parquet(folder).sort_values(["file", "face"], ignore_index=True)

    def check_all_once(self, folder: Path, count: int) -> None:
        """Each picture has its row, once, and the broken one is in the list of failures, once."""
        rows = self.rows(folder)
        assert rows["file"].tolist() == [self.name(number) for number in range(count) if number != self.broken]
        assert rows.loc[rows["score"].notna(), "file"].tolist() == [self.name(number) for number in range(0, count, 20)]
        assert pd.read_csv(folder / "_failures.csv")["file"].tolist() == [self.name(self.broken)]
        assert list(folder.glob(".shard*")) == []


@pytest.fixture
def pictures(drawn, tmp_path, monkeypatch):
    """Pictures in a folder that is the working one."""
    monkeypatch.chdir(tmp_path)
    return Pictures(cv2.resize(drawn.photo.rgb, (96, 96), interpolation=cv2.INTER_AREA))


@pytest.fixture
def mien(tmp_path):
    """Starts ``mien`` in the folder of the corpus."""
    started = []

    def start(*words) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", "from mien.cli import main; main()", *map(str, words)]
        settings = {**os.environ, "OMP_NUM_THREADS": "1"}
        settings.pop("RAY_ADDRESS", None)
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(command, cwd=tmp_path, env=settings, stdout=pipe, stderr=pipe, text=True, start_new_session=True))
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
