"""``mien weights``, in this process."""

import contextlib
import dataclasses
import hashlib
import io
import json
import subprocess

import pytest
import torch

from mien import artefacts, weights
from mien.cli import main


@pytest.fixture
def mien(tmp_path, monkeypatch):
    """Runs a command with an empty cache folder; gives exit code, stdout and stderr."""
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path / "cache"))

    def run(*words):
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as end:
            main(["weights", *map(str, words)])
        return subprocess.CompletedProcess(words, end.value.code, out.getvalue(), err.getvalue())

    return run


@pytest.fixture
def checkpoint(tmp_path):
    """A file as ``torch.save`` writes it, and its tensors."""
    tensors = {"layer.weight": torch.arange(6.0).reshape(2, 3), "steps": torch.tensor(7)}
    torch.save({"state_dict": tensors, "epoch": 3}, tmp_path / "model.pth")
    return tmp_path / "model.pth", tensors


def test_the_list_tells_what_ships_what_can_be_had_and_what_for(mien):
    told = mien("list").stdout
    assert all(name in told for name in ("landmarks", "yunet", "stylegan2-ffhq", "glow-rosinality"))
    assert "by hand" in told and "not yet" in told


def test_only_what_may_be_used_for_anything(mien):
    told = mien("list", "--commercial-only").stdout
    assert "yunet" in told and "flame2023" in told and "landmarks" in told
    assert "stylegan2-ffhq" not in told and "research" not in told
    for command in (["get", "fan-2d"], ["import", "flame", "generic_model.pkl"], ["import", "tensors", "whatever.pth"]):
        run = mien(*command, "--commercial-only")
        assert run.returncode == 1 and "--commercial-only forbids it" in run.stderr


def test_an_entry_is_shown_with_its_licence_and_what_it_is_good_for(mien):
    told = " ".join(mien("show", "e4e-ffhq").stdout.split())
    assert "research: code MIT; the file carries NVIDIA's StyleGAN2, non-commercial" in told
    assert "mien weights import e4e FILE" in told
    told = " ".join(mien("show", "deca").stdout.split())
    assert "nothing in this version of mien reads it yet" in told
    assert "mien weights import tensors FILE" in told
    assert "Model card" in mien("show", "landmarks").stdout
    assert "did you mean 'e4e-ffhq'" in mien("show", "e4e-fhq").stderr


def test_the_licence_is_shown_and_noted_at_first_use(mien, server, known, tmp_path):
    first, again = mien("get", "yunet"), mien("get", "yunet")
    assert "licence Apache-2.0" in first.stderr and "see https://" in first.stderr
    assert again.stderr == "" and again.stdout == first.stdout
    (line,) = (tmp_path / "cache" / "licences.jsonl").read_text().splitlines()
    assert json.loads(line).items() >= {"name": "yunet", "licence": "Apache-2.0", "what": "get"}.items()
    assert ", for get" in mien("show", "yunet").stdout
    known(dataclasses.replace(artefacts.known("yunet"), licence="MIT"))
    assert "licence MIT" in mien("get", "yunet").stderr, "another licence is shown again"


def test_a_damaged_line_of_the_licences_is_passed_over(mien, server, tmp_path):
    mien("get", "yunet")
    with (tmp_path / "cache" / "licences.jsonl").open("a") as file:
        file.write('{"name": "yu')
    assert mien("get", "yunet").stderr == ""


def test_a_checkpoint_comes_in_with_its_card_and_is_found_by_name(mien, checkpoint):
    path, tensors = checkpoint
    run = mien("import", "tensors", path)
    assert run.returncode == 0, run.stderr
    held = weights.load(run.stdout.strip())
    assert held.config == {"kind": "tensors"}
    assert held.tensors.keys() == {"state_dict.layer.weight", "state_dict.steps"}
    assert all(torch.equal(held.tensors[f"state_dict.{name}"], tensor) for name, tensor in tensors.items())
    card = mien("show", "model").stdout
    assert hashlib.sha256(path.read_bytes()).hexdigest() in card and "2 tensors, 7 numbers" in card and "not in mien's register" in card
    assert mien("path", "model").stdout == run.stdout
    assert "model" in mien("list").stdout.split("imported")[-1]


def test_the_licence_of_what_is_imported_is_known_by_its_sum(mien, checkpoint, known, tmp_path):
    path, _ = checkpoint
    known(dataclasses.replace(artefacts.known("e4e-ffhq"), sha256=artefacts.digest(path)))
    run = mien("import", "tensors", path, "-o", tmp_path / "out" / "mine.safetensors")
    assert run.stdout.strip() == str(tmp_path / "out" / "mine.safetensors")
    assert "e4e-ffhq" in run.stderr and "licence MIT" in run.stderr
    assert "NVIDIA's StyleGAN2" in (tmp_path / "out" / "mine.md").read_text()
    assert artefacts.agreed()["e4e-ffhq"].what == "import"


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["import", "deca", "x.pt"], 1, "this version of mien has no reader for deca ("),
        (["import", "stylegan22", "x.pt"], 2, "did you mean 'stylegan2'"),
        (["import", "tensors", "nowhere.pt"], 1, "no file at nowhere.pt"),
        (["get", "deca"], 1, "get it from https://github.com/yfeng95/DECA, then `mien weights import tensors FILE`"),
        (["get", "yunet", "--offline"], 1, "--offline forbids fetching it"),
        (["path", "flame"], 1, "flame is not on this machine: mien weights get flame"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(mien, words, code, told):
    run = mien(*words)
    assert (run.returncode, run.stdout) == (code, "")
    assert told in run.stderr and run.stderr.splitlines()[-1].startswith("mien: ")


def test_a_file_that_was_copied_by_hand_shows_its_licence_too(mien, server, tmp_path):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "yunet.onnx").write_bytes(bytes(range(256)) * 4000)
    first, again = mien("get", "yunet", "--offline"), mien("path", "yunet")
    assert first.stdout == again.stdout == f"{tmp_path / 'cache' / 'yunet.onnx'}\n"
    assert "licence Apache-2.0" in first.stderr and again.stderr == ""


def test_the_folder_and_the_files(mien, tmp_path):
    assert mien("path").stdout.strip() == str(tmp_path / "cache")
    assert mien("path", "landmarks").stdout.strip() == str(weights.bundled("landmarks"))
