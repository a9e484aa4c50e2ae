"""Sources of pictures: five kinds, one behaviour."""

import io
import pickle
import sys
import tarfile
import zipfile

import lmdb
import numpy as np
import pytest
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from mien.data.sources import Cached, Source, check, has_splits, open_source
from mien.data.sources.protocol import Store
from mien.errors import DataError


def png(value: int, size=(6, 4)) -> bytes:
    """A picture of one colour, a little different in a corner."""
    array = np.full((size[1], size[0], 3), value, np.uint8)
    array[0, 0] = (255, value, 0)
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG")
    return file.getvalue()


GOOD = {f"b/{i}.png": png(10 * i) for i in range(4)} | {"a.png": png(200)}
BROKEN = {"c/broken.png": png(7)[:-30]}
EMPTY = {"c/empty.png": b""}


def tar_of(path, contents):
    with tarfile.open(path, "w") as archive:
        for name, data in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))


def folder_of(path, contents):
    for name, data in (contents | {"labels.json": b"{}", ".hidden.png": b"x"}).items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)


def zip_of(path, contents):
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in (contents | {"dataset.json": b"{}", "__MACOSX/._a.png": b"x"}).items():
            archive.writestr(name, data)


def lmdb_of(path, contents):
    with lmdb.open(str(path), subdir=not path.suffix, map_size=2**24) as database, database.begin(write=True) as transaction:
        for name, data in (contents | {"length": str(len(contents)).encode()}).items():
            transaction.put(name.encode(), data)


def shards_of(path, contents):
    path.mkdir()
    for number in (0, 1):
        tar_of(path / f"{number:03d}.tar", {name: contents[name] for name in list(contents)[number::2]})


def crops_of(path, contents, splits=None):
    blobs = [contents[name] for name in sorted(contents)]
    splits = splits or ["train"] * len(blobs)
    np.savez(
        path,
        jpeg_bytes=np.frombuffer(b"".join(blobs), np.uint8),
        jpeg_offset=np.cumsum([0, *map(len, blobs)]),
        label=np.zeros(len(blobs), int), label_names=["x"], landmarks5=np.zeros((len(blobs), 5, 2)),
        split=[sorted(set(splits)).index(split) for split in splits], split_names=sorted(set(splits)),
    )  # fmt: skip


MAKERS = {
    "folder": ("folder", folder_of), "zip": ("one.zip", zip_of), "lmdb": ("lmdb", lmdb_of), "lmdb file": ("one.lmdb", lmdb_of),
    "tar": ("one.tar", tar_of), "shards": ("shards", shards_of), "npz": ("set.npz", crops_of),
}  # fmt: skip
KINDS = tuple(MAKERS)


def made(kind, contents, tmp_path):
    """The same pictures as a source of some kind; beside them lie files that are no pictures."""
    name, maker = MAKERS[kind]
    maker(tmp_path / name, contents)
    return tmp_path / name


def original(source, index):
    """The name that a picture had before a kind of source renamed it."""
    name = source.names[index].removeprefix("one.tar/").removeprefix("000.tar/").removeprefix("001.tar/")
    return sorted(GOOD | BROKEN | EMPTY)[int(name[:6])] if name[:6].isdigit() else name


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_gives_the_same_pictures_in_an_order_that_stays(kind, tmp_path):
    path = made(kind, GOOD, tmp_path)
    source = open_source(path)
    assert isinstance(source, Source) and len(source) == 5
    assert source.problems == ()
    assert open_source(path).names == source.names and len(set(source.names)) == 5
    corners = [source.read(i)[0, 0, 1] for i in range(5)]
    assert sorted(corners) == [0, 10, 20, 30, 200]
    assert all(source.read(i).shape == (4, 6, 3) for i in range(5))
    if kind != "npz":
        archived = {"tar": list(GOOD), "shards": list(GOOD)[::2] + list(GOOD)[1::2]}
        assert [original(source, i) for i in range(5)] == archived.get(kind, sorted(GOOD))
        assert all(np.array_equal(source.read(i), np.asarray(Image.open(io.BytesIO(GOOD[original(source, i)])))) for i in range(5))


def test_of_a_crop_set_a_split_is_taken_and_other_sources_have_none(tmp_path):
    crops_of(tmp_path / "set.npz", GOOD | EMPTY, ["train", "test", "train", "test", "val", "test"])
    whole, test = open_source(tmp_path / "set.npz"), open_source(tmp_path / "set.npz", split="test")
    assert len(whole) == 5 and test.names == ("000001.jpg", "000003.jpg")
    assert all(np.array_equal(test.read(i), whole.read(whole.names.index(name))) for i, name in enumerate(test.names))
    assert [problem.name for problem in test.problems] == ["000005.jpg"] == [problem.name for problem in whole.problems]
    assert not open_source(tmp_path / "set.npz", split="train").problems
    with pytest.raises(DataError, match="'tset' is not one of test, train, val; did you mean 'test'"):
        open_source(tmp_path / "set.npz", split="tset")
    folder = made("folder", GOOD, tmp_path)
    assert len(open_source(folder, split="test")) == 5 and not has_splits(folder) and has_splits(tmp_path / "set.npz")


def test_what_is_wrong_with_a_picture_is_told_in_words(tmp_path):
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (40, 50, 3), np.uint8)).save(tmp_path / "cut.jpg")
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "cut.jpg").read_bytes()[:400])
    (tmp_path / "text.jpg").write_text("no picture")
    Image.new("RGB", (4, 4)).save(tmp_path / "whole.png")
    told = {problem.name: problem.why for problem in check(open_source(tmp_path))}
    assert told["text.jpg"] == "it is not a picture that can be read, or its beginning is damaged"
    assert told["cut.jpg"].startswith("the picture is damaged or cut off (") and "Error" not in told["cut.jpg"]
    assert told.keys() == {"cut.jpg", "text.jpg"}


@pytest.mark.parametrize("kind", KINDS)
def test_broken_and_empty_pictures_are_told_by_name(kind, tmp_path):
    source = open_source(made(kind, GOOD | BROKEN | EMPTY, tmp_path))
    empty, broken = ("000006.jpg", "000005.jpg") if kind == "npz" else ("c/empty.png", "c/broken.png")
    assert any(problem.name.endswith(empty) for problem in source.problems)
    found = list(check(source))
    assert [p.name.endswith(empty) for p in found].count(True) == 1
    assert any(problem.name.endswith(broken) and "damaged" in problem.why for problem in found)
    assert len(source) == 6
    with pytest.raises(DataError, match=broken):
        source.read([name.endswith(broken) for name in source.names].index(True))


class Shown(Dataset):
    def __init__(self, source):
        self.source = source

    def __len__(self):
        return len(self.source)

    def __getitem__(self, index):
        return self.source.read(index)


@pytest.mark.parametrize("kind", KINDS)
def test_a_source_that_was_used_travels_to_other_processes(kind, tmp_path):
    source = open_source(made(kind, GOOD, tmp_path))
    before = [source.read(i) for i in range(5)]
    again = pickle.loads(pickle.dumps(source))
    assert again.names == source.names
    assert all(np.array_equal(a, again.read(i)) for i, a in enumerate(before))
    loaded = DataLoader(Shown(source), batch_size=None, num_workers=2, multiprocessing_context="fork")
    assert all(np.array_equal(a, b) for a, b in zip(before, loaded, strict=True))


def test_pictures_are_decoded_once_and_again_when_they_change(tmp_path, monkeypatch):
    folder = made("folder", GOOD, tmp_path)
    source = Cached(open_source(folder), tmp_path / "cache")
    first = source.read(0)
    monkeypatch.setattr("mien.data.sources.pictures.decode", lambda *_: pytest.fail("it was decoded again"))
    again = Cached(open_source(folder), tmp_path / "cache")
    assert np.array_equal(again.read(0), first) and again.names == source.names and len(again) == 5
    monkeypatch.undo()
    (folder / source.names[0]).write_bytes(png(99, (8, 8)))
    assert Cached(open_source(folder), tmp_path / "cache").read(0).shape == (8, 8, 3)


def test_a_cached_picture_that_is_not_whole_is_decoded_again(tmp_path):
    source = Cached(open_source(made("zip", GOOD, tmp_path)), tmp_path / "cache")
    first = source.read(2)
    (kept,) = (tmp_path / "cache").rglob("*.npy")
    kept.write_bytes(kept.read_bytes()[:-5])
    assert np.array_equal(source.read(2), first)
    assert np.array_equal(np.load(kept), first)


def test_a_shard_that_was_cut_off_keeps_what_is_whole(tmp_path):
    path = made("tar", GOOD, tmp_path)
    with tarfile.open(path) as archive:
        third = archive.getmembers()[2]
    path.write_bytes(path.read_bytes()[: third.offset_data + 10])
    source = open_source(path)
    assert len(source) == 2 and [p.name for p in source.problems] == ["one.tar/b/2.png"]
    assert [source.read(i)[0, 0, 1] for i in range(2)] == [0, 10]


def test_a_key_that_promises_a_picture_and_a_count_that_is_wrong(tmp_path):
    with lmdb.open(str(tmp_path / "rig"), map_size=2**24) as database, database.begin(write=True) as transaction:
        transaction.put(b"image_000000", png(1))
        transaction.put(b"image_000001", b"no picture")
        transaction.put(b"albedo_000000", b"\x80\x04N.")
        transaction.put(b"length", b"2")
    source = open_source(tmp_path / "rig")
    assert source.names == ("image_000000",)
    assert {p.name for p in source.problems} == {"image_000001", "length"}


def test_without_the_package_lmdb_the_error_says_how_to_get_it(tmp_path, monkeypatch):
    path = made("lmdb", GOOD, tmp_path)
    monkeypatch.setitem(sys.modules, "lmdb", None)
    with pytest.raises(DataError, match=r"pip install 'mien\[lmdb\]'"):
        open_source(path)


def test_what_is_no_source_is_told(tmp_path):
    (tmp_path / "text.txt").write_text("x")
    (tmp_path / "bad.zip").write_bytes(b"PK\x03\x04 no")
    (tmp_path / "bad.tar").write_bytes(b"no tar" * 200)
    (tmp_path / "none").mkdir()
    (tmp_path / "hollow").mkdir()
    (tmp_path / "hollow" / "a.png").touch()
    for name, why in {
        "text.txt": "no source of pictures", "bad.zip": "not a whole zip", "bad.tar": "not a plain tar", "none": "has no picture",
        "hollow": "a.png: the file is empty", "nowhere": "no such file",
    }.items():  # fmt: skip
        with pytest.raises(DataError, match=why):
            open_source(tmp_path / name)


def test_an_encrypted_member_and_a_wrong_checksum_are_told(tmp_path):
    path = made("zip", GOOD, tmp_path)
    with zipfile.ZipFile(path) as archive:
        place = archive.getinfo("b/2.png").header_offset + 30 + len("b/2.png") + 20
    data = bytearray(path.read_bytes())
    data[place] ^= 0xFF
    path.write_bytes(data)
    source = open_source(path)
    assert [problem.name for problem in check(source)] == ["b/2.png"]


def test_a_member_that_would_swell_is_never_unpacked(tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("good.png", png(1))
        with archive.open("swells.png", "w") as member:
            for _ in range(129):
                member.write(bytes(2**20))
    assert (tmp_path / "bomb.zip").stat().st_size < 2**18
    source = open_source(tmp_path / "bomb.zip")
    monkeypatch.setattr(zipfile.ZipExtFile, "read", lambda *_: pytest.fail("it was unpacked"))
    with pytest.raises(DataError, match=r"swells\.png: it unpacks to 135,266,304 bytes in bomb\.zip, a picture may have 134,217,728"):
        source.read(1)


def test_of_a_name_that_comes_twice_the_last_one_is_taken_and_it_is_told(tmp_path):
    with zipfile.ZipFile(tmp_path / "one.zip", "w") as archive, pytest.warns(UserWarning, match="Duplicate"):
        for value in (1, 2):
            archive.writestr("a.png", png(value))
    with tarfile.open(tmp_path / "one.tar", "w") as archive:
        for value in (1, 2):
            member = tarfile.TarInfo("a.png")
            member.size = len(png(value))
            archive.addfile(member, io.BytesIO(png(value)))
    for name in ("one.zip", "one.tar"):
        source = open_source(tmp_path / name)
        assert len(source) == 1 and source.read(0)[0, 0, 1] == 2
        assert [problem.why for problem in source.problems] == ["the name comes twice; the last one is taken"]


def test_stores_are_what_their_protocol_says(tmp_path):
    for kind in KINDS:
        (tmp_path / kind).mkdir()
        assert isinstance(open_source(made(kind, GOOD, tmp_path / kind))._store, Store)
