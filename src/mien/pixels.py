"""Pixels of every kind made plain: any Pillow picture becomes upright 8-bit sRGB, with its alpha kept apart."""

import io
import threading
import warnings
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from jaxtyping import Float, Int, UInt8
from PIL import Image, ImageCms, ImageOps

from mien.errors import ImageError

RGBA = tuple[UInt8[np.ndarray, "h w 3"], UInt8[np.ndarray, "h w"] | None]

# Formats that are decoded in this process, from the picture's own bytes (EPS, for one, would start Ghostscript).
READABLE = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "DIB", "GIF", "AVIF", "JPEG2000", "PPM", "ICO")
_SRGB = ImageCms.createProfile("sRGB")
_SPACES = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab ": "LAB"}  # colour space of an ICC profile -> Pillow mode
_header_lock = threading.Lock()
_filters_lock = threading.Lock()  # warning filters are one list for the whole process
_ROUNDING = 2  # a profile that moves no colour by more than this is sRGB under another name


def opened(file: BinaryIO | io.BytesIO | Path) -> Image.Image:
    """A picture of which only the header is read, by its content; the caller checks the size before decoding.

    Pillow's own cap, one number for the whole process, is put aside meanwhile. Raises what Pillow raises.
    """
    with _header_lock:
        cap, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            return Image.open(file, formats=READABLE)
        finally:
            Image.MAX_IMAGE_PIXELS = cap


def plain(image: Image.Image) -> RGBA:
    """RGB and alpha (None for a kind of picture that has none) of the first frame, turned upright by its EXIF orientation.

    Numbers of 16 bits and floats in 0..1 are scaled to 0..255, palettes and CMYK are resolved, colours are taken from the
    embedded ICC profile to sRGB (a damaged profile is ignored, as browsers do). Raises `ImageError` for numbers whose range
    nothing tells: floats outside 0..1 and integers beyond 16 bits.
    """
    upright = _upright(image)
    alpha = None
    if upright.has_transparency_data and not upright.mode.startswith("I"):
        upright = upright.convert("RGBA")
        alpha = np.asarray(upright.getchannel("A"))
        upright = upright.convert("RGB")
    return np.array(_srgb(_eight_bits(upright), image.info.get("icc_profile"))), alpha


def _upright(image: Image.Image) -> Image.Image:
    """Turned by its EXIF orientation; damaged EXIF is taken for none."""
    image.load()
    with _filters_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ImageOps.exif_transpose(image)
        except Exception:  # Pillow meets damaged EXIF with errors of every kind
            return image


def _eight_bits(image: Image.Image) -> Image.Image:
    """The picture in one of the modes L, RGB, CMYK or LAB."""
    if image.mode == "F":
        return Image.fromarray(_from_floats(np.asarray(image)))
    if image.mode.startswith("I"):
        return Image.fromarray(_from_integers(np.asarray(image).astype(np.int64)))
    if image.mode in {"L", "RGB", "CMYK", "LAB"}:
        return image
    return image.convert("L" if image.mode == "1" else "RGB")


def _from_floats(values: Float[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w"]:
    low, high = float(values.min()), float(values.max())
    if not (low >= 0 and high <= 1):  # not: is also true of NaN
        raise ImageError(f"its floating-point values run from {low:g} to {high:g}, allowed is 0 to 1: save it with 8 or 16 bits a channel")
    return np.rint(values * 255).astype(np.uint8)


def _from_integers(values: Int[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w"]:
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > 65535:
        raise ImageError(f"its integer values run from {low} to {high}, allowed is 0 to 65535: save it with 8 or 16 bits a channel")
    return ((values + 128) // 257).astype(np.uint8)  # 65535 = 255 * 257


def _srgb(image: Image.Image, icc: bytes | None) -> Image.Image:
    """The picture as RGB in sRGB, by its ICC profile when it has one that fits its mode."""
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc)) if icc else None
        if profile is None or _SPACES.get(_space(profile)) != image.mode:
            return _without_profile(image)
        transform = ImageCms.buildTransform(
            profile,
            _SRGB,
            image.mode,
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError, ValueError):
        return _without_profile(image)
    if image.mode == "RGB" and _changes_nothing(transform):
        return image
    converted = ImageCms.applyTransform(image, transform)
    return _without_profile(image) if converted is None else converted


def _space(profile: ImageCms.ImageCmsProfile) -> str:
    inner: Any = profile.profile  # typed as a file by mistake
    return inner.xcolor_space


def _without_profile(image: Image.Image) -> Image.Image:
    if image.mode == "LAB":
        transform = ImageCms.buildTransform(ImageCms.createProfile("LAB"), _SRGB, "LAB", "RGB")
        return ImageCms.applyTransform(image, transform) or image.convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def _changes_nothing(transform: ImageCms.ImageCmsTransform) -> bool:
    levels = np.linspace(0, 255, 9).round().astype(np.uint8)
    colours = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(27, 27, 3)
    seen = ImageCms.applyTransform(Image.fromarray(colours), transform)
    return seen is not None and bool(np.abs(np.asarray(seen).astype(int) - colours).max() <= _ROUNDING)
