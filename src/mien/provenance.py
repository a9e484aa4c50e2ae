"""Provenance: every edited photo and animation, and every captured texture, says what was done, by what, and from what.

The record is an XMP packet: in PNG (iTXt), JPEG (APP1), WebP (chunk) and TIFF (tag 700) where every tool looks for it; in GIF as
the comment; in MP4 and WebM as the metadata entry ``xmp`` beside a ``comment`` for people; a BMP can hold nothing, its packet
lies beside it as ``NAME.bmp.xmp``. With the extra ``c2pa`` the file is also signed (`mien.signing`).
"""

import json
import re
import shutil
import struct
from dataclasses import dataclass, fields, replace
from importlib import metadata
from pathlib import Path
from typing import Any, Literal, get_args
from xml.etree import ElementTree

import av

from mien import files, signing
from mien.errors import MienError
from mien.pixels import opened

Action = Literal["edited", "animated", "captured", "generated"]

_X, _RDF, _XMP = "adobe:ns:meta/", "http://www.w3.org/1999/02/22-rdf-syntax-ns#", "http://ns.adobe.com/xap/1.0/"
_IPTC, _MIEN = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/", "urn:mien:provenance:1"
_SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, production 2

for _prefix, _uri in {"x": _X, "rdf": _RDF, "xmp": _XMP, "Iptc4xmpExt": _IPTC, "mien": _MIEN}.items():
    ElementTree.register_namespace(_prefix, _uri)


@dataclass(frozen=True)
class Provenance:
    """What was done to a file."""

    action: Action
    engine: str = ""  #: the engine, or the capture, that did it
    edit: str = ""  #: the edit, as it is written on the command line
    source_sha256: str = ""  #: of each file it was made from, the pictured one first, a space between; "" when there was none
    version: str = metadata.version("mien")
    tool: str = "mien"
    signature: str = ""  #: only from `describe`: what the C2PA signature is worth, in words

    @property
    def source_type(self) -> str:
        """The IPTC digital source type: a photo changed with a model, or a picture that a model made."""
        kind = "trainedAlgorithmicMedia" if self.action == "generated" else "compositeWithTrainedAlgorithmicMedia"
        return _SOURCE_TYPES + kind

    def __str__(self) -> str:
        parts = [f"{self.action} with {self.tool} {self.version}"]
        parts += [f"engine {self.engine}"] if self.engine else []
        parts += [self.edit] if self.edit else []
        parts += [f"source sha256 {self.source_sha256}"] if self.source_sha256 else []
        return "; ".join(parts)

    def to_xmp(self) -> bytes:
        """The record as an XMP packet (UTF-8); characters that XML cannot hold become spaces."""
        description = ElementTree.Element(f"{{{_RDF}}}Description", {f"{{{_RDF}}}about": ""})
        description.set(f"{{{_XMP}}}CreatorTool", f"{self.tool} {self.version}")
        description.set(f"{{{_IPTC}}}DigitalSourceType", self.source_type)
        for name in _RECORDED:
            description.set(f"{{{_MIEN}}}{name}", _NOT_XML.sub(" ", getattr(self, name)))
        meta = ElementTree.Element(f"{{{_X}}}xmpmeta")
        ElementTree.SubElement(meta, f"{{{_RDF}}}RDF").append(description)
        body = ElementTree.tostring(meta, encoding="unicode")
        return f'<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>{body}<?xpacket end="r"?>'.encode()


_RECORDED = tuple(field.name for field in fields(Provenance) if field.name != "signature")


def _from_xmp(packet: str | bytes) -> Provenance | None:
    """The record in an XMP packet, or None when mien wrote none into it."""
    text = packet.decode("utf-8", "replace") if isinstance(packet, bytes) else packet
    if "<!DOCTYPE" in text:  # its entities could swell to any size; no XMP has one
        return None
    try:
        root = ElementTree.fromstring(text.strip("\ufeff\0 \r\n\t"))
    except ElementTree.ParseError:
        return None
    for description in root.iter(f"{{{_RDF}}}Description"):
        values: dict[str, Any] = {name: description.get(f"{{{_MIEN}}}{name}", "") for name in _RECORDED}
        if values["action"] in get_args(Action):
            return Provenance(**values)
    return None


def seal(path: Path, provenance: Provenance, *, parent: Path | None = None) -> None:
    """Sign a finished file with a C2PA manifest of `provenance`; nothing happens without the extra ``c2pa``."""
    agent = {"name": provenance.tool, "version": provenance.version}
    action: dict[str, Any] = {
        "action": "c2pa.created" if provenance.action == "generated" else "c2pa.edited",
        "digitalSourceType": provenance.source_type,
        "description": str(provenance),
    }
    signing.sign(path, agent, [action], parent=parent)


def embed(path: Path, provenance: Provenance) -> None:
    """Put the packet into a finished animation, GIF or WebP, whose encoder cannot; other files stay as they are."""
    insert = {".gif": _into_gif, ".webp": _into_webp}.get(path.suffix.lower())
    if insert:
        insert(path, provenance.to_xmp())


def _into_gif(path: Path, packet: bytes) -> None:
    """A comment extension after the header and the global colour table (GIF89a, sections 17, 18 and 24)."""
    with files.replacing(path, inputs=(), error=MienError) as longer, path.open("rb") as source, longer.open("wb") as target:
        head = source.read(13)
        target.write(head + source.read(3 << ((head[10] & 7) + 1) if head[10] & 0x80 else 0))
        target.write(b"\x21\xfe")
        for start in range(0, len(packet), 255):
            block = packet[start : start + 255]
            target.write(bytes([len(block)]) + block)
        target.write(b"\0")
        shutil.copyfileobj(source, target)


def _into_webp(path: Path, packet: bytes) -> None:
    """An ``XMP`` chunk at the end, and its flag in the VP8X chunk that every animation begins with (RFC 9649, section 2.7)."""
    with path.open("r+b") as file:
        file.seek(0, 2)
        file.write(b"XMP " + struct.pack("<I", len(packet)) + packet + b"\0" * (len(packet) % 2))
        size = file.tell()
        file.seek(4)
        file.write(struct.pack("<I", size - 8))
        file.seek(20)
        flags = file.read(1)[0]
        file.seek(20)
        file.write(bytes([flags | 0x04]))


def describe(path: str | Path) -> Provenance | None:
    """What a picture, a video or a head (.glb) says of its making, or None when mien did not write it.

    `signature` tells whether a C2PA manifest is in the file and what it is worth. Raises `MienError` for a file that is neither.
    """
    path = Path(path).expanduser()
    if reason := files.unreadable(path):
        raise MienError(f"{path}: {reason}")
    if path.suffix.lower() == ".glb":
        return _from_glb(path)
    if path.suffix.lower() in (".obj", ".mtl"):
        raise MienError(f"{path}: its format holds no record; ask the texture beside it: mien doctor {path.with_suffix('.texture.png')}")
    found = _from_xmp(_packet(path))
    return replace(found, signature=signing.state(path)) if found else None


def _from_glb(path: Path) -> Provenance | None:
    """The record in ``asset.extras`` of a binary glTF (glTF 2.0, section 4.4: 12 bytes, then the JSON chunk), or None without one."""
    with path.open("rb") as file:
        magic, _, _, length, kind = struct.unpack("<4sIIII", file.read(20).ljust(20, b"\0"))
        if magic != b"glTF" or kind != 0x4E4F534A:
            raise MienError(f"{path}: it is named .glb, but it is no binary glTF")
        try:
            if length > path.stat().st_size:
                raise ValueError("its JSON is longer than the file")
            extras = json.loads(file.read(length)).get("asset", {}).get("extras", {})
        except (ValueError, AttributeError, RecursionError) as problem:
            raise MienError(f"{path}: the glTF is damaged or cut off") from problem
    if not isinstance(extras, dict) or extras.get("tool") != "mien":
        return None
    told = {name: _NOT_XML.sub(" ", extras[name]) for name in _RECORDED if isinstance(extras.get(name), str)}
    recorded: dict[str, Any] = told | {"action": "captured"}
    return Provenance(**recorded)


def sidecar(path: Path) -> Path:
    """The file beside `path` that holds the packet of a format which can hold none."""
    return path.with_name(f"{path.name}.xmp")


def _packet(path: Path) -> str | bytes:
    """The XMP packet of a picture or a video; empty when it has none."""
    try:
        with opened(path) as image:
            info = image.info
            beside = sidecar(path).read_bytes() if image.format == "BMP" and sidecar(path).is_file() else b""
            return info.get("xmp") or info.get("XML:com.adobe.xmp") or info.get("comment") or beside
    except Exception:  # not a picture, or a damaged one; decoders meet those with errors of every kind
        pass
    try:
        with av.open(str(path), metadata_errors="replace") as container:
            if not any(stream.width for stream in container.streams.video):  # FFmpeg takes text named .jpg for a picture of no size
                raise MienError(f"{path} is neither a picture, a video nor a head (.glb) that can be read")
            return container.metadata.get("xmp", "") or container.metadata.get("XMP", "")
    except (av.FFmpegError, OSError) as problem:
        raise MienError(f"{path} is neither a picture, a video nor a head (.glb) that can be read") from problem
