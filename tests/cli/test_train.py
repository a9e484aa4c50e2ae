"""``mien train``: options from a file and from the line, and what they come to."""

import subprocess
import sys
import tomllib

import pytest

from mien.cli import main


@pytest.fixture
def mien(capsys):
    """Run a command and tell its exit code and what it said."""

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        with pytest.raises(SystemExit) as end:
            main(list(words))
        return subprocess.CompletedProcess(words, end.value.code, *capsys.readouterr())

    return run


def test_a_dry_run_prints_a_file_that_gives_the_same_options(mien, tmp_path):
    first = mien("train", "landmarks", "--dry-run", "--steps", "9", "--precision", "32-true")
    assert first.returncode == 0, first.stderr
    path = tmp_path / "config.toml"
    path.write_text(first.stdout)
    second = mien("train", "landmarks", "--dry-run", "--config", str(path), "--batch", "3")
    assert tomllib.loads(second.stdout) == {**tomllib.loads(first.stdout), "batch": 3}
    assert tomllib.loads(second.stdout)["steps"] == 9


BAD = [
    ("identity", "--every", "0", "every = 0 is not allowed: at least 1"),
    ("identity", "--batch", "0", "batch = 0 is not allowed: at least 1"),
    ("identity", "--workers", "-1", "workers = -1 is not allowed: at least 0"),
    ("identity", "--size", "33", "size = 33 is not allowed: a multiple of 16, at least 16"),
    ("identity", "--code", "9999", "code = 9999 is not allowed: at most 2304 at width 32 and size 48"),
    ("landmarks", "--devices", "0", "devices = 0 is not allowed: at least 1"),
    ("landmarks", "--absent", "1.5", "absent = 1.5 is not allowed: 0 to 1"),
    ("details", "--steps", "-3", "steps = -3 is not allowed: at least 1"),
    ("details", "--rate", "nan", "rate = nan is not allowed: above 0"),
]


ALL = """
import sys
from mien.cli import main
for line in sys.stdin:
    sys.argv = ["mien", *line.split()]
    try:
        main()
    except SystemExit as left:
        print(left.code)
"""


def test_what_an_option_may_not_be_is_refused_in_a_line_before_anything_is_done(tmp_path):
    lines = "".join(f"train {recipe} {option} {value}\n" for recipe, option, value, _ in BAD)
    done = subprocess.run([sys.executable, "-c", ALL], input=lines, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=300)
    assert done.stderr.splitlines() == [f"mien: {says}" for *_, says in BAD]
    assert done.stdout.split() == ["2"] * len(BAD)  # as for all wrong usage
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "says"),
    [(["--stepz", "3"], "--steps"), (["--steps", "many"], "--steps"), (["--config", "none.toml"], "none.toml: there is no such file")],
)
def test_what_is_no_option_is_refused(mien, words, says):
    done = mien("train", "landmarks", "--dry-run", *words)
    assert done.returncode == 2
    assert says in done.stderr
