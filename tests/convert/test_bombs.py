"""Pickles that would run something, or swell, are refused with the reason, whatever carries them; and nothing of them runs."""

import io
import os
import pickle
import struct
import tarfile
import tracemalloc
import zipfile

import numpy as np
import pytest
import torch

from mien.convert import checkpoint, importers
from mien.errors import WeightsError


class Attack:
    """Unpickled by Python, this makes a file."""

    def __reduce__(self):
        return os.system, ("echo executed > executed.txt",)


@pytest.fixture(autouse=True)
def nothing_runs(tmp_path, monkeypatch):
    """The test runs in an empty folder, and no attack has made a file there in the end."""
    monkeypatch.chdir(tmp_path)
    yield
    assert not (tmp_path / "executed.txt").exists()


def zipped(record, members=(), compression=zipfile.ZIP_STORED):
    """A torch file whose ``data.pkl`` is `record`."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        archive.writestr("archive/data.pkl", record)
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def rowed(record):
    """A torch file of the older format with `record` for its value."""
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    return b"".join([pickle.dumps(0x1950A86A20F9469CFC6C, 2), pickle.dumps(1001, 2), pickle.dumps(system, 2), record, pickle.dumps([], 2)])


def refused(tmp_path, content, name="bomb.pt"):
    """Why a file is refused."""
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(WeightsError) as error:
        importers.convert("tensors", path, tmp_path / "out.safetensors")
    assert str(error.value).count(str(path)) == 1 and "\n" not in str(error.value)
    assert not (tmp_path / "out.safetensors").exists()
    return str(error.value)


def call(module, name, argument="S'echo executed > executed.txt'"):
    """A pickle of protocol 0 that calls something."""
    return f"c{module}\n{name}\n({argument}\ntR.".encode()


CARRIERS = pytest.mark.parametrize("carrier", [lambda record: record, zipped, rowed], ids=["pickle", "zip", "row"])


@CARRIERS
@pytest.mark.parametrize("protocol", range(6))
def test_a_call_of_the_system_is_refused_by_name(tmp_path, carrier, protocol):
    told = refused(tmp_path, carrier(pickle.dumps({"weight": Attack()}, protocol)))
    assert "system, which holds no numbers: refused" in told


@CARRIERS
@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("builtins", "eval"), ("builtins", "exec"), ("__builtin__", "eval"), ("builtins", "__import__"), ("builtins", "getattr"),
        ("builtins", "compile"), ("builtins", "open"), ("importlib", "import_module"), ("subprocess", "Popen"), ("runpy", "_run_code"),
        ("functools", "partial"), ("operator", "attrgetter"), ("operator", "methodcaller"), ("pickle", "loads"), ("_pickle", "loads"),
        ("torch", "load"), ("torch.serialization", "load"), ("torch.hub", "load"), ("torch.jit", "load"), ("numpy", "load"),
        ("numpy.testing._private.utils", "runstring"), ("torch.utils.collect_env", "run"), ("bdb", "Bdb"), ("pty", "spawn"),
        ("types", "CodeType"), ("types", "FunctionType"), ("nt", "system"), ("posix", "system"), ("shutil", "rmtree"), ("sys", "exit"),
        ("torch._dynamo.guards", "GuardBuilder"), ("torch_utils.persistence", "_src_to_module"), ("pip", "main"),
        ("mien.convert.standins", "Bag"),
    ],
)  # fmt: skip
def test_every_other_name_is_refused(tmp_path, carrier, module, name):
    assert f"the pickle asks for {module}.{name}, which holds no numbers: refused" in refused(tmp_path, carrier(call(module, name)))


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "system"), ("collections", "OrderedDict.__init__.__globals__"), ("torch", "os.system"), ("torch._utils", "torch.os.system"),
        ("torch.serialization", "os.system"), ("argparse", "_sys.modules"), ("argparse", "Namespace.__class__"),
        ("omegaconf", "os.system"), ("pathlib", "os.system"), ("numpy", "dtype.__new__"), ("pytorch_lightning.utilities", "os.system"),
    ],
)  # fmt: skip
def test_a_dotted_name_reaches_nothing(tmp_path, module, name):
    told = refused(tmp_path, pickle.PROTO + b"\x04" + b"".join(map(_text, (module, name))) + b"\x93(" + _text("x") + b"tR.")
    assert "refused" in told or "no tensor" in told
    assert f"asks for {module}.{name}" in told


def _text(text):
    return b"\x8c" + bytes([len(text)]) + text.encode()


def test_a_name_put_together_from_the_memo_is_refused(tmp_path):
    # "os" and "system" are kept under other entries, overwritten, and fetched for STACK_GLOBAL
    parts = _text("torch") + b"q\x00" + b"0" + _text("os") + b"q\x00" + b"0" + _text("system") + b"r\xff\xff\xff\x7f" + b"0"
    told = refused(tmp_path, b"\x80\x04" + parts + b"h\x00j\xff\xff\xff\x7f\x93(" + _text("echo executed > executed.txt") + b"tR.")
    assert "asks for os.system" in told


def test_a_memo_entry_of_a_huge_number_takes_no_room_and_an_unknown_one_is_told(tmp_path):
    tracemalloc.start()
    refused(tmp_path, b"\x80\x02Kx" + b"r\xff\xff\xff\xff" + b".")
    assert tracemalloc.get_traced_memory()[1] < 2**22
    tracemalloc.stop()
    told = refused(tmp_path, b"\x80\x02j\xff\xff\xff\x7f.")
    assert "is not a whole pickle (it recalls a value that it never stored): fetch it again" in told


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (b"ccollections\nOrderedDict\n(tR(tR.", "calls a value of type dict, which is no function"),
        (b"ccollections\nOrderedDict\nK\x01R.", "for its arguments"),
        (b"ccollections\nOrderedDict\n}X\x04\x00\x00\x00nameK\x01sb.", "sets attributes of collections.OrderedDict"),
        (b"cbuiltins\nlist\n(tR.", "calls builtins.list, which is only a type"),
        (b"ctorch._tensor\n_rebuild_from_type_v2\n(cbuiltins\nlist\nN(tNtR.", "makes a tensor by builtins.list"),
        (b"ccopyreg\n_reconstructor\n(ccollections\nOrderedDict\ncbuiltins\ndict\n}tR.", "rebuilds collections.OrderedDict"),
        (b"cbuiltins\nbytearray\n(J\xff\xff\xff\x7ftR.", "makes a bytearray of a value of type int"),
        (b"c_codecs\nencode\n(X\x01\x00\x00\x00aX\x05\x00\x00\x00rot13tR.", "in 'rot13'; only text in latin1"),
        (b"(ios\nsystem\n.", "opcode INST"),
        (b"(cos\nsystem\no.", "asks for os.system"),
        (b"(K\x01o.", "opcode OBJ"),
        (b"\x82\x01.", "opcode EXT1"),
        (b"\x97.", "opcode NEXT_BUFFER"),
        (b"K\x01K\x02K\x03s.", "sets items of a value of type int"),
        (b"K\x01K\x02a.", "appends to a value of type int"),
        (b"\x80\x04K\x01K\x02\x93.", "names a thing by a value of type int"),
        (b"X\x01\x00\x00\x00xQ.", "keeps its tensors elsewhere"),
        (b"Px\n.", "opcode PERSID"),
    ],
)
def test_chains_of_calls_and_odd_opcodes_are_refused(tmp_path, record, reason):
    assert reason in refused(tmp_path, record)


def test_what_a_persistent_id_may_be(tmp_path):
    for record in (b"X\x01\x00\x00\x00xQ.", b"(X\x06\x00\x00\x00modulecos\nsystem\nX\x01\x00\x00\x00xtQ."):
        told = refused(tmp_path, zipped(record))
        assert "asks for os.system" in told or "outside itself; only storages" in told


def test_a_torch_file_inside_is_held_to_the_same(tmp_path):
    def nest(inner):
        return b"ctorch.storage\n_load_from_bytes\n(B" + struct.pack("<I", len(inner)) + inner + b"tR."

    assert "asks for os.system" in refused(tmp_path, nest(rowed(call("os", "system"))))
    assert "a torch file in a torch file" in refused(tmp_path, nest(rowed(nest(rowed(b"N.")))))
    assert "not as torch checkpoints do" in refused(tmp_path, nest(b"K\x01."))
    assert "from something that is not bytes" in refused(tmp_path, b"ctorch.storage\n_load_from_bytes\n(K\x01tR.")


def test_zips_in_zips_and_zips_that_unpack_to_more_are_refused(tmp_path):
    bomb = zipped(call("os", "system"))
    assert "uses the opcode PERSID" in refused(tmp_path, zipped(bomb)), "PK, read as a pickle"
    assert "0 data.pkl is no torch checkpoint: unpack it" in refused(tmp_path, _archive({"deca/model.pt": bomb}))
    assert "2 data.pkl" in refused(tmp_path, zipped(b"N.", [("other/data.pkl", b"N.")]))
    assert "compressed, which torch never does" in refused(tmp_path, zipped(b"N." + b"0" * 10**6, compression=zipfile.ZIP_DEFLATED))


def _archive(members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def test_members_that_overlap_or_share_a_name_are_refused(tmp_path):
    content = zipped(b"N.", [("archive/data/0", b"1" * 4000)])
    at = content.rindex(b"PK\x01\x02")  # the last entry of the directory
    end = content.rindex(b"PK\x05\x06")
    twice = bytearray(content[:end] + content[at:end].replace(b"data/0", b"data/1") + content[end:])
    struct.pack_into("<HHI", twice, len(twice) - 14, 3, 3, struct.unpack_from("<I", content, len(content) - 10)[0] + end - at)
    assert "overlap: refused" in refused(tmp_path, bytes(twice))
    with pytest.warns(UserWarning, match="Duplicate name"):
        doubled = zipped(b"N.", [("archive/data/0", b"1"), ("archive/data/0", b"2")])
    assert "two members of one name" in refused(tmp_path, doubled)


def test_an_archive_hung_behind_a_pickle_is_not_looked_at(tmp_path):
    assert "no tensor" in refused(tmp_path, b"\x80\x02N." + zipped(call("os", "system")))


def test_torch_files_of_before_2017_are_refused(tmp_path):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:", format=tarfile.PAX_FORMAT) as archive:
        for name, content in {"sys_info": pickle.dumps({}, 2), "storages": call("os", "system"), "pickle": call("os", "system")}.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    assert "is a tar archive: unpack it, name the file inside" in refused(tmp_path, buffer.getvalue(), "model.tar")


def test_what_swells_is_refused(tmp_path):
    laughs = b"\x80\x02}q\x00" + b"".join(
        b"}(X\x01\x00\x00\x00ah" + bytes([i]) + b"X\x01\x00\x00\x00bh" + bytes([i]) + b"uq" + bytes([i + 1]) for i in range(60)
    )
    assert "more than 100,000 values" in refused(tmp_path, laughs + b".")
    assert "is not a whole pickle" in refused(tmp_path, b"\x80\x02" + b"(" * 100_000 + b"t" * 100_000 + b".")
    assert "is not a whole pickle" in refused(tmp_path, b"\x80\x04\x8e" + struct.pack("<Q", 2**60) + b"few.")
    assert "is not a whole pickle" in refused(tmp_path, b"\x80\x05\x96" + struct.pack("<Q", 2**60) + b"few.")


DEEP = b")" + b"\x85" * 5_000  # a tuple in a tuple in a tuple: of forty times as many the hash takes the process down
WIDE = b")" + b"2\x86" * 60  # each holds the one before twice: hashed or written out, it takes for ever


@pytest.mark.parametrize("swollen", [DEEP, WIDE, b"(" + b"N" * 100_000 + b"t"], ids=["deep", "wide", "long"])
@pytest.mark.parametrize(
    "holder",
    [
        b"\x80\x04}%sNs.", b"\x80\x04}(%sNu.", b"\x80\x04(%sNd.", b"\x80\x04\x8f(%s\x90.", b"\x80\x04(%s\x91.",
        b"\x80\x04cbuiltins\nset\n(%s\x85tR.", b"\x80\x04cbuiltins\nfrozenset\n(%s\x85tR.",
        b"\x80\x04ccollections\nOrderedDict\n(%sN\x86\x85tR.", b"\x80\x04cargparse\nNamespace\n)\x81}%sNsb.",
    ],
)  # fmt: skip
def test_a_key_that_swells_is_never_hashed(tmp_path, holder, swollen):
    assert "a key of many parts, or of parts in parts" in refused(tmp_path, holder % swollen)


@pytest.mark.parametrize("swollen", [DEEP, WIDE], ids=["deep", "wide"])
@pytest.mark.parametrize(
    ("holder", "reason"),
    [
        (b"cnumpy\ndtype\n(%stR.", "an array of elements ((("),
        (b"c_codecs\nencode\n(X\x01\x00\x00\x00a%stR.", "bytes as a value of type str in ((("),
        (b"ctorch._tensor\n_rebuild_from_type_v2\n(%sN)NtR.", "makes a tensor by a value of type tuple"),
        (b"ccopyreg\n_reconstructor\n(%scbuiltins\nobject\nNtR.", "rebuilds a value of type tuple"),
    ],
)
def test_an_argument_that_swells_is_told_in_a_few_words(tmp_path, holder, reason, swollen):
    told = refused(tmp_path, b"\x80\x04" + holder % swollen)
    assert reason in told and len(told) < 400


@pytest.mark.parametrize("swollen", [DEEP, WIDE], ids=["deep", "wide"])
def test_a_part_of_an_array_a_matrix_or_a_storage_that_swells_is_refused(tmp_path, swollen):
    array = b"\x80\x04cnumpy.core.multiarray\n_reconstruct\n)R(K\x01%scnumpy\ndtype\n(X\x02\x00\x00\x00f4tR\x89C\x00tb."
    matrix = b"\x80\x04cscipy.sparse._csc\ncsc_matrix\n)R}(X\x06\x00\x00\x00_shapeK\x01K\x01\x86X\x04\x00\x00\x00data%sub."
    expression = b"\x80\x04cchumpy.ch\nCh\n)R}X\x01\x00\x00\x00x%ssb."
    order = b"\x80\x04cnumpy\ndtype\n(X\x02\x00\x00\x00f4tR(K\x03%sNNNtb."
    for record in (array, matrix, expression, order):
        refused(tmp_path, record % swollen)
    storage = b"\x80\x04(X\x07\x00\x00\x00storage%sX\x01\x00\x00\x000NK\x01tQ."
    assert "a storage of a value of type tuple" in refused(tmp_path, zipped(storage % swollen))
    row = swollen + b"."
    told = refused(tmp_path, b"ctorch.storage\n_load_from_bytes\n(B" + struct.pack("<I", len(row)) + row + b"tR.")
    assert "it begins with ((" in told and len(told) < 400


def test_keys_of_honest_files_come_in(tmp_path):
    held = {("fc", 1): 1, None: 2, b"raw": 3, 2.5: 4, np.int64(7): {"a", 1, ("b", 2)}}
    (tmp_path / "keys.pkl").write_bytes(pickle.dumps(held, 4))
    assert checkpoint.read(tmp_path / "keys.pkl") == held


def test_what_contains_itself_comes_to_an_end(tmp_path):
    settings = b"\x80\x02comegaconf.dictconfig\nDictConfig\n)\x81q\x00}X\x06\x00\x00\x00parenth\x00\x85sb."
    (tmp_path / "settings.pkl").write_bytes(settings)
    held = checkpoint.read(tmp_path / "settings.pkl")
    assert held["parent"][0] is held
    assert "no tensor in it" in refused(tmp_path, settings)
    array = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tX\x01\x00\x00\x00btRq\x00"
    objects = b"(K\x01)cnumpy\ndtype\n(X\x02\x00\x00\x00O8tR\x89]h\x00\x85atb."
    assert "contains itself" in refused(tmp_path, b"\x80\x02" + array + objects)


def test_an_honest_file_of_each_kind_still_comes_in(tmp_path):
    for zip_format in (True, False):
        torch.save({"a": torch.ones(3)}, tmp_path / "good.pt", _use_new_zipfile_serialization=zip_format)
        assert torch.equal(checkpoint.tensors(checkpoint.read(tmp_path / "good.pt"))["a"], torch.ones(3))
