"""Which networks are put together."""

import os
import shutil

import pytest
import torch

from mien import weights
from mien.errors import WeightsError
from mien.inversion import choosing
from mien.inversion.choosing import Files
from mien.nn import stylegan2


@pytest.fixture
def empty(tmp_path, monkeypatch):
    """A machine where nothing ships and nothing was imported."""
    (tmp_path / "cache").mkdir()
    (tmp_path / "assets").mkdir()
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(weights, "assets", lambda: tmp_path / "assets")
    return tmp_path


def test_without_networks_it_says_how_to_get_some(empty):
    with pytest.raises(WeightsError, match=r"weights import stylegan2 FILE.*weights import e4e FILE.*train autoencoder"):
        choosing.files()
    with pytest.raises(WeightsError, match=r"no StyleGAN2 is on this machine: .*weights import stylegan2 FILE"):
        choosing.generator()


def test_a_command_takes_the_first_generator_that_has_what_it_needs(empty, style_files):
    """One rule: imported before what ships, as far as all that is needed is there."""
    shutil.copytree(style_files, empty / "assets", dirs_exist_ok=True)
    ships = empty / "assets" / "stylegan2.safetensors"
    assert choosing.generator() == choosing.files().generator == ships
    for name in ("b", "a"):
        shutil.copy(ships, empty / "cache" / f"{name}.safetensors")
    imported = empty / "cache" / "a.safetensors"
    assert choosing.generator() == imported and choosing.files().generator == ships, "the imported ones have no encoder"
    assert choosing.generator(ships) == ships
    with pytest.raises(WeightsError, match=r"e4e.safetensors has no generator of StyleGAN2"):
        choosing.generator(empty / "assets" / "e4e.safetensors")
    shutil.copy(style_files / "e4e.safetensors", empty / "cache")
    shutil.copy(style_files / "auclip.safetensors", empty / "cache" / "c.safetensors")
    assert choosing.files() == Files(imported, empty / "cache" / "e4e.safetensors", empty / "cache" / "c.safetensors")


def test_an_imported_set_with_a_mapper_goes_before_the_one_that_ships(empty, style_files):
    for name in ("stylegan2", "e4e"):
        shutil.copy(style_files / f"{name}.safetensors", empty / "cache" / f"my-{name}.safetensors")
    cache, assets = empty / "cache", empty / "assets"
    imported = Files(cache / "my-stylegan2.safetensors", cache / "my-e4e.safetensors", None)
    assert choosing.files() == imported
    shutil.copytree(style_files, assets, dirs_exist_ok=True)
    assert choosing.files() == Files(*(assets / f"{name}.safetensors" for name in ("stylegan2", "e4e", "auclip")))
    assert choosing.files(imported.generator) == imported, "the mapper that ships is of another generator"
    shutil.copy(style_files / "auclip.safetensors", cache)
    assert choosing.files() == Files(imported.generator, imported.encoder, cache / "auclip.safetensors")


def test_only_what_has_the_same_rows_and_numbers_fits(empty, style_files):
    shutil.copytree(style_files, empty / "assets", dirs_exist_ok=True)
    stored = weights.load(empty / "assets" / "stylegan2.safetensors")
    other = empty / "other.safetensors"
    config = {**stored.config, "generator": {**stored.config["generator"], "widths": [12, 10, 8, 6]}}
    weights.save(other, stored.tensors, config)
    with pytest.raises(
        WeightsError, match=r"no encoder into the codes of .*other.safetensors \(8 rows of 16 numbers\).*weights import e4e FILE"
    ):
        choosing.files(other)
    with pytest.raises(WeightsError, match=r"e4e.safetensors has no generator of StyleGAN2"):
        choosing.files(empty / "assets" / "e4e.safetensors")
    with pytest.raises(WeightsError, match="no weight file at"):
        choosing.files(empty / "nowhere.safetensors")


def stamped(path, out, made_for):
    stored = weights.load(path)
    weights.save(out, stored.tensors, stored.config, made_for=made_for)


def test_an_encoder_and_a_mapper_that_say_for_which_generator_they_were_made_go_with_no_other(empty, style_files):
    """Two generators of the same rows and numbers, and files that were made for the second one."""
    cache, stored = empty / "cache", weights.load(style_files / "stylegan2.safetensors")
    one, two = cache / "one.safetensors", cache / "two.safetensors"
    weights.save(one, stored.tensors, stored.config)
    weights.save(two, {name: tensor + 0.25 for name, tensor in stored.tensors.items()}, stored.config)
    made_for = stylegan2.fingerprint(stylegan2.generator(weights.load(two)))
    stamped(style_files / "e4e.safetensors", cache / "e4e.safetensors", made_for)
    stamped(style_files / "auclip.safetensors", cache / "m-auclip.safetensors", made_for)
    assert choosing.files() == choosing.files(two) == Files(two, cache / "e4e.safetensors", cache / "m-auclip.safetensors")
    with pytest.raises(WeightsError, match=r"no encoder into the codes of .*one.safetensors"):
        choosing.files(one)
    for name in ("e4e", "auclip"):
        shutil.copy(style_files / f"{name}.safetensors", cache / f"a-{name}.safetensors")
    assert choosing.files(one) == Files(one, cache / "a-e4e.safetensors", cache / "a-auclip.safetensors"), "by their shape, as before"
    assert choosing.files(two) == Files(two, cache / "e4e.safetensors", cache / "m-auclip.safetensors"), "what is sure goes first"
    weights.save(two, weights.load(one).tensors, stored.config)
    os.utime(two, ns=(0, 0))
    assert choosing.files(two).encoder == cache / "a-e4e.safetensors", "it was written anew"


def test_a_generator_is_known_in_any_file(style_files, tmp_path):
    """Half as precise numbers that are kept whole again, with or without what else was in the file."""
    stored = weights.load(style_files / "stylegan2.safetensors")
    halves = {name: tensor.half() for name, tensor in stored.tensors.items()}
    weights.save(tmp_path / "half.safetensors", halves, stored.config)
    wholes = {name: tensor.float() for name, tensor in reversed(halves.items()) if name.startswith("generator.")}
    weights.save(tmp_path / "whole.safetensors", wholes | {"mean_code": torch.ones(16)}, stored.config)
    first, half, whole = (
        stylegan2.fingerprint(stylegan2.generator(weights.load(folder / f"{name}.safetensors")))
        for folder, name in ((style_files, "stylegan2"), (tmp_path, "half"), (tmp_path, "whole"))
    )
    assert half == whole != first and len(whole) == 64
    assert weights.made_for(tmp_path / "whole.safetensors") == "" == weights.made_for(tmp_path / "nowhere.safetensors")


def test_they_are_loaded_ready_for_use(style_files):
    networks, mapper, _ = choosing.networks(choosing.files(style_files / "stylegan2.safetensors"))
    code = networks.encoder(torch.zeros(1, 3, 32, 32))
    assert mapper is not None and code.shape == (1, networks.generator.rows, mapper.code)
    modules = (networks.generator, networks.encoder, mapper)
    assert not any(parameter.requires_grad for module in modules for parameter in module.parameters())
