"""Pictures on disk: read upright as sRGB from anything Pillow decodes, and written whole or not at all."""

import hashlib
import math
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageCms, TiffImagePlugin, UnidentifiedImageError
from PIL.PngImagePlugin import PngInfo

from mien import files
from mien.errors import ImageError, UsageError, one_of
from mien.pixels import READABLE, opened, plain
from mien.provenance import Provenance, seal, sidecar
from mien.types import Photo

MAX_PIXELS = 100_000_000
ALLOWED = "give a path, a Pillow picture or a uint8 RGB array"  #: how an error about another source ends

_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF", ".bmp": "BMP"}
_OPAQUE = {"JPEG", "BMP"}  # formats that cannot hold alpha: composited on white


def _srgb_profile() -> bytes:
    """Little CMS's sRGB, dated 2000-01-01 instead of today: the same picture is the same file on any day."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile[:24] + struct.pack(">6H", 2000, 1, 1, 0, 0, 0) + profile[36:]  # ICC.1:2010, section 7.2.8


_SRGB = _srgb_profile()


def read(source: str | Path | Image.Image | np.ndarray | Photo, *, max_pixels: int = MAX_PIXELS) -> Photo:
    """A photo from a file, a Pillow picture or a uint8 array [h, w], [h, w, 3] or [h, w, 4] of grey, RGB or RGBA.

    Files are known by their content, not by their name; of an animation the first frame is read; the result is upright sRGB
    (`mien.pixels.plain`). `max_pixels` is checked before anything is decoded.

    Raises `ImageError` when there is nothing there, it is no picture, it is damaged, or it is too large; `UsageError` for another type.
    """
    if isinstance(source, Photo):
        return source
    if isinstance(source, np.ndarray):
        return _from_array(source, max_pixels)
    if isinstance(source, Image.Image):
        return _from_pillow(source, max_pixels)
    if not isinstance(source, str | Path):
        raise UsageError(f"{source!r} is no picture: {ALLOWED}")
    return _from_file(Path(source).expanduser(), max_pixels)


def _from_file(path: Path, max_pixels: int) -> Photo:
    try:
        if reason := files.unreadable(path):
            raise ImageError(reason)
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            with opened(file) as image:
                _check_size(image.size, max_pixels)
                rgb, alpha = plain(image)
    except UnidentifiedImageError as problem:
        raise ImageError(f"{path}: {_why_unknown(path)}") from problem
    except ImageError as problem:
        raise ImageError(f"{path}: {problem}") from problem
    except OSError as problem:
        raise ImageError(f"{path}: {problem.strerror or f'the picture is damaged or cut off ({problem})'}") from problem
    except Exception as problem:  # decoders meet damaged files with errors of every kind: SyntaxError, struct.error, EOFError ...
        raise ImageError(f"{path}: the picture is damaged ({type(problem).__name__}: {problem})") from problem
    return Photo(rgb, alpha, path, sha256)


def _from_pillow(image: Image.Image, max_pixels: int) -> Photo:
    try:
        _check_size(image.size, max_pixels)
        rgb, alpha = plain(image)
    except OSError as problem:
        raise ImageError(f"the Pillow picture cannot be decoded ({problem})") from problem
    return Photo(rgb, alpha, sha256=_digest(rgb, alpha))


def _from_array(array: np.ndarray, max_pixels: int) -> Photo:
    channels = array.shape[2] if array.ndim == 3 else 1
    if array.dtype != np.uint8 or array.ndim not in (2, 3) or channels not in (1, 3, 4) or array.size == 0:
        shape = ", ".join(map(str, array.shape))
        raise ImageError(f"an array {array.dtype} [{shape}] is no picture: give uint8 [h, w] grey, [h, w, 3] RGB or [h, w, 4] RGBA")
    _check_size((array.shape[1], array.shape[0]), max_pixels)
    grey = array.reshape(*array.shape[:2], channels)
    rgb = np.repeat(grey, 3, axis=2) if channels == 1 else np.array(grey[..., :3], order="C")
    alpha = np.array(grey[..., 3], order="C") if channels == 4 else None
    return Photo(rgb, alpha, sha256=_digest(rgb, alpha))


def _digest(rgb: np.ndarray, alpha: np.ndarray | None) -> str:
    digest = hashlib.sha256(repr(rgb.shape).encode())
    digest.update(rgb.tobytes())
    digest.update(b"" if alpha is None else alpha.tobytes())
    return digest.hexdigest()


def _check_size(size: tuple[int, int], max_pixels: int) -> None:
    width, height = size
    if width * height > max_pixels:
        percent = math.floor(100 * math.sqrt(max_pixels / (width * height)))
        raise ImageError(
            f"the picture has {width} x {height} pixels, allowed are {max_pixels / 1e6:g} million: shrink it to {percent} % a side first, "
            "or in Python give the verbs mien.images.read(file, max_pixels=...)"
        )
    if width * height == 0:
        raise ImageError("the picture has no pixels")


def _why_unknown(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(64)
    if start[4:12] in (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftyphevc"):
        return "it is a HEIC picture, which cannot be read: save it as JPEG first"
    if files.is_video(path) or start[4:8] == b"ftyp":
        return "it is a video, not a picture"
    if start[:4] in (b"II*\0", b"MM\0*") and (kind := _kind_of_tiff(path)):
        return f"it is a TIFF of {kind}, which cannot be read: save it with 8 or 16 bits a channel"
    if start.isascii() and all(byte >= 32 or byte in b"\t\r\n" for byte in start):
        return f"it is text, not a picture: it begins with {start[:20].decode(errors='replace')!r}"
    return f"it is not a picture that can be read, or its beginning is damaged: known are {', '.join(READABLE)}"


def _kind_of_tiff(path: Path) -> str:
    """The numbers that a TIFF holds, in words, by its first directory (TIFF 6.0, sections 4 and 19); "" for a damaged one."""
    try:
        with path.open("rb") as file:
            tags = TiffImagePlugin.ImageFileDirectory_v2(file.read(8))
            file.seek(tags.next)
            tags.load(file)
        bits, form = tags[TiffImagePlugin.BITSPERSAMPLE], tags.get(TiffImagePlugin.SAMPLEFORMAT, (1,))
        kind = {1: "unsigned integers", 2: "signed integers", 3: "floating-point numbers"}.get(form[0], "numbers of an unknown kind")
        return f"{len(bits)} channel{'s' if len(bits) > 1 else ''} of {bits[0]}-bit {kind}"
    except Exception:  # Pillow meets damaged tags with errors of every kind
        return ""


def write(
    rgb: UInt8[np.ndarray, "h w 3"],
    path: str | Path,
    *,
    alpha: UInt8[np.ndarray, "h w"] | None = None,
    like: Photo | None = None,
    provenance: Provenance | None = None,
    inputs: Iterable[Path] = (),
    in_place: bool = False,
    quality: int = 95,
) -> Path:
    """Write a picture in the format of the suffix: .png .jpg .jpeg .webp .tif .tiff .bmp; returns the path.

    PNG, TIFF and BMP hold the pixels bit for bit; JPEG is written without chroma subsampling, WebP with loss, both at `quality`
    (1..100). Alpha is kept where the format can; in JPEG and BMP the picture is laid on white. The file is tagged sRGB. Nothing
    of the source's EXIF is copied: the pixels are upright already, and its place and camera stay private.

    `like` is the photo it was made from: its alpha is used when `alpha` is None and the size is the same, and its file is never
    overwritten unless `in_place`; the files `inputs` never are. `provenance` is written into the file (`mien.provenance`), and
    signed where the extra `c2pa` is installed. The file is written under a temporary name and renamed; folders are made as needed.

    Raises `ImageError` for an unknown suffix, for the input's own name, and when it cannot be written: nothing is left then.
    """
    path = Path(path)
    kind, inputs = _format(path), list(inputs)
    if alpha is None and like is not None and like.alpha is not None and like.alpha.shape == rgb.shape[:2]:
        alpha = like.alpha
    source = like.path if like else None
    with files.replacing(path, inputs=[*inputs, source] if source and not in_place else inputs, error=ImageError) as partial:
        try:
            _picture(rgb, alpha, kind).save(partial, kind, **_options(kind, quality, provenance))
        except ValueError as problem:  # a picture beyond the limits of the format, such as 65,536 pixels wide in JPEG
            raise ImageError(f"{path} cannot be written as {kind}: {problem}") from problem
        if provenance:
            seal(partial, provenance, parent=source)
    if provenance and kind == "BMP":
        with files.replacing(sidecar(path), inputs=[], error=ImageError) as partial:
            partial.write_bytes(provenance.to_xmp())
    return path


def check_target(path: Path, inputs: Iterable[Path] = ()) -> None:
    """Raise the `ImageError` that `write` would raise for this name, before anything is done."""
    _format(path)
    files.target(path, inputs=inputs, error=ImageError)


def _format(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix not in _FORMATS:
        raise ImageError(f"{path}: cannot tell the format of the picture to write: the suffix {one_of(suffix, _FORMATS)}")
    return _FORMATS[suffix]


def _picture(rgb: UInt8[np.ndarray, "h w 3"], alpha: UInt8[np.ndarray, "h w"] | None, kind: str) -> Image.Image:
    if alpha is None:
        return Image.fromarray(rgb)
    image = Image.fromarray(np.dstack([rgb, alpha]))
    if kind not in _OPAQUE:
        return image
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image).convert("RGB")


def _options(kind: str, quality: int, provenance: Provenance | None) -> dict[str, Any]:
    """What Pillow's writer of this format is told: quality, colour space, provenance."""
    xmp = provenance.to_xmp() if provenance else b""
    if kind == "PNG":
        info = PngInfo()
        if xmp:
            info.add_itxt("XML:com.adobe.xmp", xmp.decode())
        return {"icc_profile": _SRGB, "pnginfo": info, "compress_level": 1}  # half the time of 6, an eighth larger
    if kind == "TIFF":
        return {"icc_profile": _SRGB, "compression": "tiff_deflate", "tiffinfo": {700: xmp} if xmp else {}}
    if kind == "BMP":
        return {}
    chroma = {"subsampling": "4:4:4"} if kind == "JPEG" else {"method": 4}
    return {"icc_profile": _SRGB, "quality": quality, **chroma} | ({"xmp": xmp} if xmp else {})
