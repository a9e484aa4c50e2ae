"""``mien train``: options from a file and from the line, and what they come to."""

import subprocess
import sys
import tomllib

import pytest


def mien(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from mien.cli import main; main()", *words], capture_output=True, text=True, check=False, timeout=120
    )


def test_a_dry_run_prints_a_file_that_gives_the_same_options(tmp_path):
    first = mien("train", "landmarks", "--dry-run", "--steps", "9", "--precision", "32-true")
    assert first.returncode == 0, first.stderr
    path = tmp_path / "config.toml"
    path.write_text(first.stdout)
    second = mien("train", "landmarks", "--dry-run", "--config", str(path), "--batch", "3")
    assert tomllib.loads(second.stdout) == {**tomllib.loads(first.stdout), "batch": 3}
    assert tomllib.loads(second.stdout)["steps"] == 9


@pytest.mark.parametrize(
    ("words", "says"),
    [(["--stepz", "3"], "--steps"), (["--steps", "many"], "--steps"), (["--config", "none.toml"], "none.toml: there is no such file")],
)
def test_what_is_no_option_is_refused(words, says):
    done = mien("train", "landmarks", "--dry-run", *words)
    assert done.returncode == 2
    assert says in done.stderr
