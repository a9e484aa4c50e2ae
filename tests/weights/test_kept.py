"""Weight files are found by what they say that they are."""

import shutil

import pytest
import torch

from mien import artefacts, weights


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Two imported files and one that ships, of two kinds; and what is none."""
    cache, assets = tmp_path / "cache", tmp_path / "assets"
    monkeypatch.setenv("MIEN_CACHE", str(cache))
    monkeypatch.setattr(weights, "assets", lambda: assets)
    for path, kind in ((cache / "b", "low"), (cache / "a", "high"), (assets / "a", "low")):
        path.parent.mkdir(exist_ok=True)
        weights.save(path.with_suffix(".safetensors"), {"x": torch.zeros(1)}, {"kind": kind})
    (cache / "c.safetensors").write_bytes(b"half a download")
    return tmp_path


def found(machine, *kinds, **words):
    return [path.relative_to(machine).with_suffix("").as_posix() for path in artefacts.weight_files(*kinds, **words)]


def test_imported_files_go_before_what_ships_and_kinds_as_they_are_named(machine):
    assert found(machine, "low") == ["cache/b", "assets/a"] and found(machine, "high") == ["cache/a"]
    assert found(machine, "low", "high") == ["cache/b", "cache/a", "assets/a"]
    assert found(machine, "high", "low") == ["cache/a", "cache/b", "assets/a"]
    assert found(machine, "other") == []


def test_without_a_kind_all_are_found_and_only_where_one_looks(machine):
    assert found(machine) == ["cache/a", "cache/b", "cache/c", "assets/a"]
    assert found(machine, "low", folders=[machine / "assets"]) == ["assets/a"]
    shutil.rmtree(machine / "cache")
    assert found(machine) == ["assets/a"], "no folder need be there"
