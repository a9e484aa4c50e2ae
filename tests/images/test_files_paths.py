"""Which files are meant by paths, folders and globs."""

import os
from pathlib import Path

import pytest

from mien import files
from mien.errors import DataError, ImageError


@pytest.fixture
def tree(tmp_path):
    for name in ["b.JPG", "a.png", "notes.txt", "sub/c.mp4", "sub/deep/d.webp", ".cache/e.png", "._a.png", "other/readme.md"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def names(found, tree):
    return [str(p.relative_to(tree)) for p in found]


def test_a_folder_is_read_in_depth_sorted_and_without_hidden_files(tree):
    assert names(files.paths(tree), tree) == ["a.png", "b.JPG", "sub/c.mp4", "sub/deep/d.webp"]


def test_globs(tree):
    assert names(files.paths(f"{tree}/*"), tree) == ["a.png", "b.JPG"]
    assert names(files.paths(f"{tree}/**/*.webp"), tree) == ["sub/deep/d.webp"]
    assert names(files.paths(f"{tree}/[ab].*"), tree) == ["a.png", "b.JPG"]


def test_the_order_given_is_kept_and_nothing_comes_twice(tree):
    assert names(files.paths([tree / "sub", tree / "a.png", str(tree)]), tree) == ["sub/c.mp4", "sub/deep/d.webp", "a.png", "b.JPG"]


def test_a_named_file_is_taken_whatever_its_suffix(tree):
    assert files.paths(tree / "notes.txt") == [tree / "notes.txt"]


def test_a_file_whose_name_looks_like_a_glob(tree):
    (tree / "me[1].png").touch()
    assert names(files.paths(f"{tree}/me[1].png"), tree) == ["me[1].png"]


@pytest.mark.parametrize("spec", ["gone.png", "other", "*.txt", "gone/*.png"])
def test_nothing_there_is_an_error_that_names_it(tree, spec):
    with pytest.raises(ImageError) as caught:
        files.paths(f"{tree}/{spec}")
    assert spec in str(caught.value)


def test_home_is_expanded(tree, monkeypatch):
    monkeypatch.setenv("HOME", str(tree))
    assert files.paths("~/a.png") == [tree / "a.png"]


@pytest.mark.parametrize(("name", "video"), [("a.MP4", True), ("a.mov", True), ("a.gif", False), ("a.jpg", False), ("a", False)])
def test_videos_are_known_by_suffix(name, video):
    assert files.is_video(Path(name)) == video


def test_a_target_in_no_folder_is_refused_before_any_work(tmp_path, monkeypatch):
    (tmp_path / "a.jpg").write_bytes(b"x")
    with pytest.raises(DataError, match=r"a\.jpg is a file, not a folder"):
        files.target(tmp_path / "a.jpg" / "out.png", inputs=[], error=DataError)
    assert files.target(tmp_path / "new" / "sub" / "out.png", inputs=[], error=DataError).name == "out.png"
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write anywhere
    with pytest.raises(DataError, match=r"nothing may be put into the folder .*; name another one"):
        files.target(tmp_path / "out.png", inputs=[], error=DataError)
