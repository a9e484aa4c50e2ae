"""The register tells of each file what is known, and keeps to its own rules."""

import dataclasses
import re
from pathlib import Path

import pytest

from mien import artefacts
from mien.convert import importers

ENTRIES = artefacts.register().values()


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_an_entry_is_complete(entry):
    assert entry.what and entry.enables and entry.licence and entry.terms
    assert entry.page.startswith("https://")
    assert entry.use in ("any", "research", "unclear")
    assert not entry.sha256 or re.fullmatch("[0-9a-f]{64}", entry.sha256)
    assert not entry.file or Path(entry.file).name == entry.file
    assert entry.url or entry.format or entry.page, "a user must learn how to get it"


@pytest.mark.parametrize("entry", [entry for entry in ENTRIES if entry.url], ids=lambda entry: entry.name)
def test_what_is_fetched_can_be_checked(entry):
    assert entry.url.startswith("https://") and entry.sha256 and entry.file


def test_what_nobody_licensed_may_not_be_used_for_anything():
    assert {entry.use for entry in ENTRIES if entry.licence == "NOASSERTION" or "-NC" in entry.licence} <= {"research", "unclear"}


def test_only_what_has_a_reader_claims_one():
    for entry in ENTRIES:
        if entry.format:
            assert bool(entry.used_by) == (entry.format in importers.FORMATS), entry.name
    assert set(importers.FORMATS) - {entry.format for entry in ENTRIES} == {importers.TENSORS}


def test_names_files_and_sums_are_unlike():
    for values in (
        [entry.name for entry in ENTRIES],
        *([getattr(e, field) for e in ENTRIES if getattr(e, field)] for field in ("file", "sha256")),
    ):
        assert len(values) == len(set(values))


def test_every_system_is_in_it():
    published = {entry.format for entry in ENTRIES}
    systems = {
        "AU-CLIP": {"stylegan2", "e4e", "clip", "arcface", "auclip", "styleclip", "graphau", "opengraphau"},
        "Exp-GAN": {"expgan", "flame"},
        "FG-Net": {"fgnet", "psp"},
        "DiffusionRig": {"diffusionrig", "deca", "emoca"},
        "Synthesis": {
            "betavae",
            "dfcvae",
            "pggan",
            "stylegan",
            "interfacegan",
            "ganspace",
            "glow-rosinality",
            "glow-chaiyujin",
            "glow-openai",
        },
    }
    for system, formats in systems.items():
        assert formats <= published, system


def test_a_file_is_known_by_its_sum_its_name_or_its_format(tmp_path, monkeypatch, known):
    file = tmp_path / "generic_model.pkl"
    file.write_bytes(b"anything")
    assert [entry.name for entry in artefacts.matching(file, "flame")] == ["flame"]
    assert [entry.name for entry in artefacts.matching(tmp_path / "mine.pkl", "flame")] == ["flame", "flame2023"]
    assert artefacts.matching(tmp_path / "mine.pkl", "tensors") == ()
    known(dataclasses.replace(artefacts.known("yunet"), sha256=artefacts.digest(file)))
    assert [entry.name for entry in artefacts.matching(file, "tensors")] == ["yunet"]
