"""Rules of the house that no linter has."""

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import mien
from mien import artefacts
from mien.types import Photo

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
PYTHON = sorted(p for folder in ("src", "tests", "benchmarks", "docs", "examples") for p in (ROOT / folder).rglob("*.py"))

LINES_PER_FILE = 400
LINES_PER_FUNCTION = 60
MIB = 2**20

TORCH_DRAWS = {f"torch.{draw}" for draw in ("rand", "randn", "randint", "randperm", "normal", "rand_like", "randn_like", "bernoulli")}
#: What `numpy.random` has for drawing from a state of one's own, when it is given a seed.
SEEDED = {"default_rng", "Generator", "SeedSequence", "PCG64"}


def _dotted(node: ast.expr) -> str:
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join(reversed([*parts, node.id])) if isinstance(node, ast.Name) else ""


def _unseeded(call: ast.Call) -> bool:
    """Whether a call draws from the state that all of a process shares."""
    name = _dotted(call.func)
    if name in TORCH_DRAWS:
        return not any(k.arg == "generator" for k in call.keywords)
    if name.startswith(("np.random.", "numpy.random.")):
        return name.rsplit(".", 1)[1] not in SEEDED or not (call.args or call.keywords)
    return name.startswith("random.")


@pytest.mark.parametrize("path", PYTHON, ids=lambda p: str(p.relative_to(ROOT)))
def test_files_and_functions_are_small(path):
    text = path.read_text()
    assert len(text.splitlines()) <= LINES_PER_FILE
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = node.end_lineno - node.lineno + 1
            assert length <= LINES_PER_FUNCTION, f"{node.name} has {length} lines"


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_nothing_draws_from_the_global_random_state(path):
    calls = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call)]
    assert [f"line {c.lineno}: {_dotted(c.func)}" for c in calls if _unseeded(c)] == []


@pytest.mark.parametrize(
    "code", ["torch.rand(3)", "np.random.normal()", "np.random.default_rng()", "random.choice(x)", "torch.randn_like(x)"]
)
def test_the_rule_about_random_numbers_sees_an_offender(code):
    assert _unseeded(ast.parse(code).body[0].value)


@pytest.mark.parametrize("code", ["torch.rand(3, generator=g)", "rng.normal()", "np.random.default_rng(0)"])
def test_the_rule_about_random_numbers_lets_seeded_ones_pass(code):
    assert not _unseeded(ast.parse(code).body[0].value)


def test_shapes_are_checked_while_testing():
    """Fails when the tests run without jaxtyping's import hook: then every shape in the code would go unchecked."""
    with pytest.raises(Exception, match="rgb"):
        Photo(rgb=np.zeros((4, 4), np.uint8))


def test_the_public_names_are_what_can_be_imported():
    assert mien.__all__ == sorted(mien.__all__)
    assert all(getattr(mien, name) is not None for name in mien.__all__)
    assert dir(mien) == mien.__all__
    with pytest.raises(AttributeError, match="no attribute 'smile'"):
        mien.smile  # noqa: B018


def test_importing_mien_loads_nothing_heavy():
    code = "import mien, sys; print([m for m in ('torch', 'numpy', 'pandas', 'cv2', 'typer') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_understanding_a_text_does_not_load_the_compiler_of_torch():
    code = "import sys; from mien import text; text.expression('a big smile'); print('torch._dynamo' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "False"


def test_no_torchvision_is_ever_imported():
    for path in PYTHON:
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else [getattr(node, "module", None) or ""]
            assert not any(n.split(".")[0] == "torchvision" for n in names if isinstance(node, ast.Import | ast.ImportFrom)), path


def test_bundled_weights_are_small_and_each_has_a_card():
    files = sorted((ROOT / "src/mien/assets").glob("*.safetensors"))
    assert files
    for file in files:
        assert file.stat().st_size <= 16 * MIB, file.name
        assert file.with_suffix(".md").is_file(), f"{file.name} has no model card {file.stem}.md"
    assert sum(f.stat().st_size for f in files) <= 96 * MIB


def test_the_sums_by_which_the_doctor_knows_the_weights_are_theirs():
    """After new weights: (cd src/mien/assets && sha256sum *.safetensors > SHA256SUMS)."""
    folder = ROOT / "src/mien/assets"
    listed = {line.split()[1]: line.split()[0] for line in (folder / "SHA256SUMS").read_text().splitlines()}
    assert listed == {path.name: artefacts.digest(path) for path in folder.glob("*.safetensors")}
