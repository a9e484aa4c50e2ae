"""``mien weights import``: published models, once, into files that mien reads."""

from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from mien import artefacts, weights
from mien.convert import arcface, checkpoint, clip, encoders, fgnet, flame, graphau, ict, inception, lpips, mappers, stylegan2
from mien.errors import UsageError, WeightsError, one_of
from mien.geometry import head

TENSORS = "tensors"  #: the format of any checkpoint, whatever network it is of


def _flame(path: Path, out: Path) -> None:
    head.save(flame.load(path), out)


def _ict(path: Path, out: Path) -> None:
    """With the files that give it action units and landmarks, where they lie beside it."""
    mapping, marks = (path.parent / name for name in ("facs_mapping.json", "facemesh_to_ict.npz"))
    known = mapping if mapping.is_file() else None
    head.save(ict.head_of(ict.read(path), mapping=known, facemesh_path=marks if marks.is_file() else None), out)


def _tensors(path: Path, out: Path) -> None:
    try:
        weights.save(out, checkpoint.tensors(checkpoint.read(path)), {"kind": TENSORS})
    except WeightsError as error:
        raise WeightsError(str(error) if str(path) in str(error) else f"{path}: {error}") from error


#: What each format's reader makes of a file: heads for `mien.geometry.head.load`, networks for `mien.faces.identity`,
#: `mien.metrics.inception`, `mien.metrics.perceptual` and `mien.nn`, and what only `mien.weights.load` reads.
FORMATS: Mapping[str, Callable[..., None]] = MappingProxyType(
    {
        "alexnet": partial(lpips.convert_trunk, "alexnet"),
        "arcface": arcface.convert,
        "auclip": partial(mappers.convert, "auclip"),
        "clip": clip.convert,
        "e4e": partial(encoders.convert, "e4e"),
        "fgnet": fgnet.convert,
        "flame": _flame,
        "graphau": partial(graphau.convert, "graphau"),
        "ict": _ict,
        "inception": inception.convert,
        "lpips": lpips.convert,
        "opengraphau": partial(graphau.convert, "opengraphau"),
        "psp": partial(encoders.convert, "psp"),
        "styleclip": partial(mappers.convert, "styleclip"),
        "stylegan2": stylegan2.convert,
        TENSORS: _tensors,
        "vgg16": partial(lpips.convert_trunk, "vgg16"),
    }
)


#: What some formats have beside their file, by the name of the option: what a needed one is, "" for one that can be left out.
OPTIONS: Mapping[str, Mapping[str, str]] = MappingProxyType({"fgnet": {"encoder": "encoder.pt, which has the average code", "corpus": ""}})
#: What a made file is called where one format has networks of several corpora, by its configuration.
NAMES: Mapping[str, Callable[[Mapping[str, Any]], str]] = MappingProxyType({"fgnet": fgnet.name_of})
Options = Mapping[str, Path | str]
NONE: Options = MappingProxyType({})


def convert(kind: str, path: Path, out: Path, options: Options = NONE) -> None:
    """Read a published model and write it as safetensors, in this process; `mien.convert.guarded` does it in one with limits.

    `options` are those of `OPTIONS`. Raises `UsageError` for an unknown format or option, `WeightsError` for a published format that this
    version cannot read, and `DataError` or `WeightsError` for a file that is not of its format.
    """
    check(kind, options)
    FORMATS[kind](path, out, **options)


def name_of(kind: str, made: Path) -> str:
    """What a file that was made of a format is called, without its suffix: so that networks for different things lie side by side."""
    return NAMES[kind](weights.config(made)) if kind in NAMES else kind


def check(kind: str, options: Collection[str] = ()) -> None:
    """Raises `UsageError` for an unknown format, for options that it does not have and without one that it needs, and `WeightsError` for a
    published one that this version of mien has no reader for.
    """
    if kind in FORMATS:
        known = OPTIONS.get(kind, {})
        if strange := [f"--{name}" for name in options if name not in known]:
            raise UsageError(f"{', '.join(strange)} is no matter of {kind}: leave it out")
        if lacking := [f"--{name} {what}" for name, what in known.items() if what and name not in options]:
            raise UsageError(f"{kind} lies in two files, name the other one too: {', '.join(lacking)}")
        return
    published = {entry.format: entry.what for entry in artefacts.register().values() if entry.format}
    if kind not in published:
        raise UsageError(f"format {one_of(kind, sorted({*FORMATS, *published}))}")
    cure = f"`mien weights import {TENSORS} FILE` keeps its numbers as safetensors"
    raise WeightsError(f"this version of mien has no reader for {kind} ({published[kind]}); {cure}")
