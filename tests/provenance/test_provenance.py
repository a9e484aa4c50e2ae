"""Every file that is written says what was done, and `describe` reads it back."""

import json
import re
import struct
import subprocess
import sys
from xml.etree import ElementTree

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import mien
from mien import images, provenance, signing, video
from mien.cli import main
from mien.errors import MienError
from mien.provenance import Provenance, describe

RECORD = Provenance("edited", "mesh", 'AU12=+2 AU4=0 "a <b> & ü"', "ab" * 32)
STILLS = [".png", ".jpg", ".webp", ".tif", ".bmp"]
FILMS = [".mp4", ".webm", ".gif", ".webp"]
CODE_OF_LAW = "compositeWithTrainedAlgorithmicMedia"  # the IPTC term for a photo changed by a model

with_c2pa = pytest.mark.skipif(not signing.available(), reason="needs the extra c2pa")


@pytest.fixture
def rgb():
    return np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)


@pytest.fixture
def unsigned(monkeypatch):
    """The package as it is without the extra."""
    monkeypatch.setattr(signing, "available", lambda: False)


def film(path, rgb, record=RECORD, **options):
    with video.Writer(path, (rgb.shape[1], rgb.shape[0]), 25, provenance=record, **options) as writer:
        for index in range(4):
            writer.add(np.roll(rgb, index, axis=1))
    return path


def plain(record):
    """The record without the signature, which only a file has."""
    return provenance.replace(record, signature="")


@pytest.mark.parametrize("suffix", STILLS)
def test_pictures_say_what_was_done(tmp_path, rgb, suffix, unsigned):
    assert plain(describe(images.write(rgb, tmp_path / f"a{suffix}", provenance=RECORD))) == RECORD


@pytest.mark.parametrize("suffix", FILMS)
def test_videos_say_what_was_done(tmp_path, rgb, suffix, unsigned):
    path = film(tmp_path / f"a{suffix}", rgb)
    assert plain(describe(path)) == RECORD
    assert len(list(video.frames(path))) == 4


@pytest.mark.parametrize("suffix", [*STILLS, ".mp4", ".gif"])
def test_nothing_is_said_where_nothing_was_asked(tmp_path, rgb, suffix):
    path = tmp_path / f"a{suffix}"
    assert describe(images.write(rgb, path) if suffix in STILLS else film(path, rgb, None)) is None
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
def test_other_tools_find_the_xmp_packet(tmp_path, rgb, suffix):
    with Image.open(images.write(rgb, tmp_path / f"a{suffix}", provenance=RECORD)) as image:
        packet = image.info.get("xmp") or image.info["XML:com.adobe.xmp"]
    text = packet if isinstance(packet, str) else packet.decode()
    assert CODE_OF_LAW in text
    assert ElementTree.fromstring(text).tag == "{adobe:ns:meta/}xmpmeta"


def test_people_find_a_comment_in_mp4(tmp_path, rgb):
    with av.open(str(film(tmp_path / "a.mp4", rgb))) as container:
        comment = container.metadata["comment"]
    assert comment == str(RECORD)
    assert comment.startswith(f"edited with mien {mien.__version__}; engine mesh; AU12=+2")


def test_bmp_has_its_packet_beside_it(tmp_path, rgb):
    images.write(rgb, tmp_path / "a.bmp", provenance=RECORD)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.bmp", "a.bmp.xmp"]
    (tmp_path / "a.bmp.xmp").unlink()
    assert describe(tmp_path / "a.bmp") is None


@pytest.mark.parametrize(("action", "kind"), [("edited", CODE_OF_LAW), ("animated", CODE_OF_LAW), ("generated", "trainedAlgorithmicMedia")])
def test_the_digital_source_type(action, kind):
    assert Provenance(action).source_type == f"http://cv.iptc.org/newscodes/digitalsourcetype/{kind}"


xml_text = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff") | st.sampled_from("\n\t\r<>&\"'"))


@given(edit=xml_text, engine=xml_text)
def test_any_text_survives_the_packet(edit, engine):
    record = Provenance("animated", engine, edit)
    assert provenance._from_xmp(record.to_xmp()) == record


@given(edit=st.text())
def test_the_packet_is_always_well_formed(edit):
    record = provenance._from_xmp(Provenance("edited", edit=edit).to_xmp())
    assert len(record.edit) == len(edit)


@given(content=st.binary() | st.text().map(str.encode))
def test_what_is_no_packet_says_nothing(content):
    assert provenance._from_xmp(content) is None


def test_the_xmp_of_others_says_nothing(tmp_path):
    other = re.sub(rb'mien:\w+="[^"]*"', b"", RECORD.to_xmp())
    Image.new("RGB", (8, 8)).save(tmp_path / "a.jpg", xmp=other)
    assert describe(tmp_path / "a.jpg") is None


def glb(path, document, length=None):
    """A binary glTF of one JSON chunk."""
    body = document.encode()
    path.write_bytes(struct.pack("<4sIIII", b"glTF", 2, 20 + len(body), len(body) if length is None else length, 0x4E4F534A) + body)
    return path


@pytest.mark.parametrize(("document", "length"), [("[" * 100_000, None), ('{"asset":' * 100_000, None), ("{}", 2**32 - 1), ("[]", None)])
def test_a_head_that_lies_is_damaged(tmp_path, document, length):
    with pytest.raises(MienError, match="the glTF is damaged or cut off"):
        describe(glb(tmp_path / "a.glb", document, length))


def test_a_forged_record_does_not_steer_the_terminal(tmp_path, capsys):
    edit = "\x1b[2J\x1b]0;owned\x07 \x9b31m\rAU12=+2"
    head = glb(tmp_path / "a.glb", json.dumps({"asset": {"extras": {"tool": "mien", "edit": edit, "engine": [[]]}}}))
    assert describe(head) == Provenance("captured", edit="\x20[2J\x20]0;owned\x20 \x9b31m\rAU12=+2")
    picture = tmp_path / "a.png"
    images.write(np.zeros((4, 4, 3), np.uint8), picture, provenance=Provenance("edited", "mesh", edit))
    for words in ([str(head)], [str(picture)], [str(picture), "--json"], [str(tmp_path / "\x1b[2J.png")]):
        with pytest.raises(SystemExit):
            main(["doctor", *words])
    told = "".join(capsys.readouterr())
    assert told.count("AU12=+2") == 3 and not re.search("[\0-\x08\x0b-\x1f\x7f-\x9f]", told)


def test_a_packet_with_entities_is_not_parsed(monkeypatch):
    packet = RECORD.to_xmp().decode().replace("<x:", '<!DOCTYPE x [<!ENTITY a "b">]><x:', 1)
    monkeypatch.setattr(ElementTree, "fromstring", lambda *_: pytest.fail("it was parsed"))
    assert provenance._from_xmp(packet) is None


def test_what_is_neither_picture_nor_video(tmp_path):
    (tmp_path / "a.txt").write_text("hello")
    for path in (tmp_path / "a.txt", tmp_path / "gone.png", tmp_path):
        with pytest.raises(MienError, match=re.escape(str(path))):
            describe(path)


def test_a_gif_keeps_its_frames_beside_the_comment(tmp_path, rgb, unsigned):
    with_record, without = film(tmp_path / "a.gif", rgb), film(tmp_path / "b.gif", rgb, None)
    frames = [[p.rgb for p in video.frames(path)] for path in (with_record, without)]
    assert np.array_equal(*frames)
    assert with_record.stat().st_size - without.stat().st_size == pytest.approx(len(RECORD.to_xmp()), abs=10)


def test_without_the_extra_nothing_of_it_is_imported():
    code = "import sys; from mien import images, provenance; print({'c2pa', 'cryptography'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "set()"


# --- C2PA -------------------------------------------------------------------------------------------------------------------

SIGNED = [".png", ".jpg", ".webp", ".tif", ".mp4", ".gif"]


def make(path, rgb, source=None):
    if path.suffix in STILLS:
        return images.write(rgb, path, provenance=RECORD, like=source)
    return film(path, rgb, inputs=[source.path] if source else [])


@with_c2pa
@pytest.mark.parametrize("suffix", SIGNED)
def test_the_signature_is_valid_and_says_that_the_signer_is_unknown(tmp_path, rgb, suffix):
    record = describe(make(tmp_path / f"a{suffix}", rgb))
    assert plain(record) == RECORD
    assert record.signature == "valid, by a signer that is not on a trust list"


@with_c2pa
@pytest.mark.parametrize("suffix", SIGNED)
def test_a_change_of_one_byte_breaks_the_signature(tmp_path, rgb, suffix):
    path = make(tmp_path / f"a{suffix}", rgb)
    content = bytearray(path.read_bytes())
    stored = {".png": b"IDAT", ".jpg": b"\xff\xda", ".webp": b"VP8 ", ".tif": b"", ".mp4": b"mdat", ".gif": b"\x21\xf9"}[suffix]
    place = content.index(stored) + 60 if stored else 20
    content[place] ^= 1
    path.write_bytes(content)
    assert signing.state(path).startswith("invalid (")


@with_c2pa
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_signing_changes_no_pixel(tmp_path, rgb, suffix):
    assert np.array_equal(images.read(make(tmp_path / f"a{suffix}", rgb)).rgb, rgb)


@with_c2pa
@pytest.mark.parametrize("suffix", [".jpg", ".mp4"])
def test_the_manifest_names_the_action_and_the_source(tmp_path, rgb, suffix):
    import c2pa

    source = images.read(images.write(rgb, tmp_path / "source.png"))
    path = make(tmp_path / f"a{suffix}", rgb, source)
    with path.open("rb") as file, c2pa.Reader(signing.FORMATS[suffix], file) as reader:
        manifest = reader.get_active_manifest()
    actions = next(a["data"]["actions"] for a in manifest["assertions"] if a["label"].startswith("c2pa.actions"))
    assert [a["action"] for a in actions] == ["c2pa.opened", "c2pa.edited"]
    assert actions[1]["digitalSourceType"].endswith(CODE_OF_LAW)
    assert actions[1]["softwareAgent"]["name"] == "mien"
    assert [(i["title"], i["relationship"]) for i in manifest["ingredients"]] == [("source.png", "parentOf")]
    assert "thumbnail" not in manifest


@with_c2pa
def test_a_source_that_c2pa_does_not_know_is_left_out(tmp_path, rgb):
    source = images.read(images.write(rgb, tmp_path / "source.bmp"))
    assert signing.state(make(tmp_path / "a.png", rgb, source)).startswith("valid")


@with_c2pa
def test_a_damaged_source_does_not_keep_the_result_from_being_written(tmp_path, rgb):
    source = images.read(images.write(rgb, tmp_path / "source.png"))
    source.path.write_bytes(b"gone bad since")
    assert signing.state(make(tmp_path / "a.png", rgb, source)).startswith("valid")


@with_c2pa
def test_an_edit_of_an_edit_keeps_the_chain(tmp_path, rgb):
    import c2pa

    first = images.read(make(tmp_path / "a.png", rgb, images.read(images.write(rgb, tmp_path / "source.png"))))
    second = make(tmp_path / "b.png", rgb, first)
    with second.open("rb") as file, c2pa.Reader("image/png", file) as reader:
        assert reader.json().count('"parentOf"') == 2


@with_c2pa
def test_editing_in_place_signs_too(tmp_path, rgb):
    source = images.read(images.write(rgb, tmp_path / "a.png"))
    images.write(rgb, source.path, like=source, provenance=RECORD, in_place=True)
    assert describe(source.path).signature.startswith("valid")


@with_c2pa
def test_the_key_is_made_once_and_for_the_owner_only(tmp_path, rgb, monkeypatch):
    monkeypatch.setenv("MIEN_HOME", str(tmp_path / "home"))
    make(tmp_path / "a.png", rgb)
    key = tmp_path / "home" / "signing.pem"
    before = key.read_bytes()
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.parent.stat().st_mode & 0o777 == 0o700
    make(tmp_path / "b.png", rgb)
    assert key.read_bytes() == before


@with_c2pa
def test_a_damaged_key_is_one_clear_line(tmp_path, rgb, monkeypatch):
    monkeypatch.setenv("MIEN_HOME", str(tmp_path / "home"))
    make(tmp_path / "a.png", rgb)
    (tmp_path / "home" / "signing.pem").write_text("not a key")
    with pytest.raises(MienError, match="to make a new key"):
        make(tmp_path / "b.png", rgb)
    assert not (tmp_path / "b.png").exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.png", "home"]


def test_without_the_extra_files_say_that_nothing_was_checked(tmp_path, rgb, unsigned):
    assert describe(make(tmp_path / "a.png", rgb)).signature == "not checked: install mien[c2pa]"
