"""`mien generate`: seeds in, pictures out, on the command line and from Python."""

import contextlib
import io

import numpy as np
import pytest
import torch

import mien
from mien import images, provenance, registry, weights
from mien.cli import main
from mien.errors import UsageError, WeightsError
from mien.nn import stylegan2
from mien.protocols import Generator, Mixed


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache folder of its own, empty."""
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def network(cache, small):
    """A small network among the imported files, beside a discriminator's file that is of no use here."""
    cache.mkdir()
    tensors = {f"generator.{name}": tensor for name, tensor in small.state_dict().items()}
    mean = {stylegan2.MEAN: small.map(torch.eye(8)).mean(0)}
    weights.save(cache / "made.safetensors", tensors | mean, {"kind": stylegan2.KIND, "generator": small.config})
    return cache / "made.safetensors"


def command(*words):
    """Exit code and what was told."""
    told = io.StringIO()
    with contextlib.redirect_stdout(told), contextlib.redirect_stderr(told), pytest.raises(SystemExit) as end:
        main(["generate", *map(str, words)])
    return end.value.code, told.getvalue()


def test_without_weights_one_line_says_how_to_get_them(tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "assets", lambda: tmp_path)
    code, told = command("stylegan", "-n", 4, "-o", tmp_path / "grid.png")
    assert code == 1 and told.count("\n") == 1 and told.startswith("mien: no StyleGAN2 is on this machine")
    assert "mien weights import stylegan2 FILE" in told and not (tmp_path / "grid.png").exists()


def test_a_grid_of_the_command_line_is_what_python_draws_and_says_how_it_was_made(network, tmp_path):
    code, told = command("stylegan", "-n", 5, "--seed", 3, "--truncation", 0.7, "--mix", "9:4", "-o", tmp_path / "grid.png")
    assert code == 0 and told == f"out: {tmp_path / 'grid.png'}\n"
    made = mien.generate("stylegan", 5, seed=3, truncation=0.7, mix=(9, 4))
    assert np.array_equal(images.read(tmp_path / "grid.png").rgb, made.grid())
    assert made.image.size == (96, 64)
    record = provenance.describe(tmp_path / "grid.png")
    assert record is not None
    assert (record.action, record.engine, record.source_sha256) == ("generated", "stylegan", "")
    assert record.edit == "seeds 3..7 truncation 0.7 mix 9:4 weights made"


def test_a_folder_has_each_picture_by_itself(network, tmp_path):
    code, _ = command("stylegan", "-n", 2, "--seed", 5, "-o", tmp_path / "faces")
    assert code == 0 and sorted(path.name for path in (tmp_path / "faces").iterdir()) == ["seed0005.png", "seed0006.png"]
    alone = mien.generate("stylegan", seed=6)
    assert np.array_equal(images.read(tmp_path / "faces" / "seed0006.png").rgb, alone.pictures[0])
    assert "seed 6 truncation 1" in str(provenance.describe(tmp_path / "faces" / "seed0006.png"))


def test_the_promises_of_a_generator(network, small):
    generator = registry.generator("stylegan", network)
    assert isinstance(generator, Generator) and generator.size == 32
    several = generator.sample([4, 1, 4])
    assert all(picture.shape == (32, 32, 3) for picture in several) and several[0].std() > 5
    assert np.array_equal(several[0], several[2]) and np.array_equal(several[1], generator.sample([1])[0])
    assert not np.array_equal(several[0], several[1])
    assert np.array_equal(*generator.sample([0, 1], truncation=0.0))
    assert np.array_equal(generator.sample([0], mix=Mixed(1, 0))[0], several[1])
    assert np.array_equal(generator.sample([4], mix=Mixed(1, 8))[0], several[0])
    state = torch.random.get_rng_state()
    generator.sample([3])
    assert torch.equal(torch.random.get_rng_state(), state)


def test_the_shape_of_the_grid(network):
    made = mien.generate("stylegan", 3)
    assert made.grid().shape == (64, 64, 3) and (made.grid()[32:, 32:] == 255).all()
    assert np.array_equal(made.grid(columns=9)[:, 64:], made.pictures[2])
    small = made.grid(columns=1, size=8)
    assert small.shape == (24, 8, 3)
    assert np.allclose(small[:8], made.pictures[0].reshape(8, 4, 8, 4, 3).mean((1, 3)), atol=1)
    with pytest.raises(UsageError, match="at least 1 of each"):
        made.grid(columns=0)
    with pytest.raises(UsageError, match="too large"):
        made.grid(size=9000)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["stylegan", "--truncation", 1.5], "truncation 1.5: give 0"),
        (["stylegan", "--mix", "seven"], "--mix seven: give SEED:ROW"),
        (["stylegan", "--mix", "7:9"], "mix from row 9: the codes of made have rows 0 to 7"),
        (["stylegan", "--seed", -1], "seed -1: give a whole number from 0"),
        (["stylegan", "-n", 0], "n = 0: give at least 1"),
        (["stylegun"], "'stylegun' is not one of stylegan; did you mean 'stylegan'?"),
    ],
)
def test_what_cannot_be_drawn_is_told_in_a_line(network, tmp_path, words, told):
    code, said = command(*words, "-o", tmp_path / "grid.png")
    assert code == 2 and told in said and said.count("\n") == 1
    assert not (tmp_path / "grid.png").exists()


def test_targets_that_cannot_be_are_told_before_anything_is_drawn(network, tmp_path):
    assert "in a folder there is no grid" in command("stylegan", "--columns", 2, "-o", tmp_path / "faces")[1]
    assert "the suffix '.xyz' is not one of" in command("stylegan", "-o", tmp_path / "grid.xyz")[1]


def test_another_file_is_named_and_one_of_another_network_is_refused(network, tmp_path, judge):
    other = tmp_path / "judge.safetensors"
    tensors = {f"discriminator.{name}": tensor for name, tensor in judge.state_dict().items()}
    weights.save(other, tensors, {"kind": stylegan2.KIND, "discriminator": judge.config})
    with pytest.raises(WeightsError, match=r"judge\.safetensors has no generator of StyleGAN2"):
        mien.generate("stylegan", weights=other)
    assert command("stylegan", "--weights", network, "-o", tmp_path / "one.png")[0] == 0
