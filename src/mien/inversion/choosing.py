"""Which networks a command takes: a generator, and what belongs to it: an encoder into its codes, a mapper that moves them, a redrawer
that does to photos what the generator does to its pictures of them.

The rule of all commands: the generator that is named; else the first, imported files by name and then what ships, that has with it what
the command needs. Pictures of nobody and the training of an encoder need a generator alone (`generator`); editing, and the training of a
mapper from pictures, need an encoder too (`files`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from mien import artefacts, weights
from mien.errors import WeightsError
from mien.inversion.ladder import Networks
from mien.nn import encoders, mapper, redrawer, stylegan2
from mien.nn.mapper import LevelsMapper
from mien.nn.redrawer import Redrawer

ALONE = (
    "no StyleGAN2 is on this machine: `mien weights show stylegan2-ffhq` says where to get one, "
    "`mien weights import stylegan2 FILE` brings it in, `mien train autoencoder` makes a small one (then --weights FILE)"
)
MAPPER = "auclip"  #: the kind of a mapper of action units
NONE = (
    "no StyleGAN2 with an encoder into its codes is on this machine: `mien weights import stylegan2 FILE` and `mien weights import e4e "
    "FILE` bring them in, `mien train autoencoder` makes both"
)


@dataclass(frozen=True)
class Files:
    """The files of a set."""

    generator: Path
    encoder: Path
    mapper: Path | None  #: None: none moves these codes by action units
    redrawer: Path | None = None  #: None: none was made for this generator


class Chosen(NamedTuple):
    """A set, loaded."""

    networks: Networks
    mapper: LevelsMapper | None
    redrawer: Redrawer | None


def generator(path: Path | None = None) -> Path:
    """The file of a command that needs a generator alone; raises `WeightsError` when there is none, or none in the file."""
    if path is not None:
        _check(path)
        return path
    found = artefacts.weight_files(stylegan2.KIND)
    if not found:
        raise WeightsError(ALONE)
    return found[0]


def files(path: Path | None = None) -> Files:
    """The set of a command that needs an encoder too; one with a mapper goes before one without.

    Raises `WeightsError` that says what is missing and how to get it.
    """
    if path is None:
        found = [each for known in artefacts.weight_files(stylegan2.KIND) if (each := _set(known)) is not None]
        if not found:
            raise WeightsError(NONE)
        return min(found, key=lambda each: each.mapper is None)  # the first of those that have one
    _check(path)
    found = _set(path)
    if found is None:
        rows, code = _codes(weights.config(path))
        raise WeightsError(
            f"no encoder into the codes of {path} ({rows} rows of {code} numbers) is on this machine: `mien weights import e4e FILE` "
            "brings one in, `mien train e4e` makes one"
        )
    return found


def _check(path: Path) -> None:
    if not path.is_file():
        raise WeightsError(f"no weight file at {path}")
    if weights.kind(path) != stylegan2.KIND:
        raise WeightsError(f"{path} has no generator of StyleGAN2: `mien weights import stylegan2 FILE` makes such a file")


def networks(found: Files) -> Chosen:
    """Load a set; raises `WeightsError` for a damaged file."""
    stored = weights.load(found.generator)
    generator, mean = stylegan2.generator(stored).requires_grad_(False), stylegan2.mean_code(stored)
    encoder = encoders.of(weights.load(found.encoder)).requires_grad_(False)
    mapping = mapper.of(weights.load(found.mapper)).requires_grad_(False) if found.mapper else None
    redrawing = redrawer.of(weights.load(found.redrawer)).requires_grad_(False) if found.redrawer else None
    return Chosen(Networks(generator, encoder, mean), mapping, redrawing)


def _set(generator: Path) -> Files | None:
    """A generator with what fits it; None without an encoder."""
    encoder = _fitting(tuple(encoders.KINDS), generator)
    if encoder is None:
        return None
    return Files(generator, encoder, _fitting((MAPPER,), generator), _fitting((redrawer.KIND,), generator))


def _fitting(kinds: Sequence[str], generator: Path) -> Path | None:
    """The first file of these kinds beside a generator, else among imported files, that fits; one that says so goes first.

    Of files that do not say it rows and numbers are known alone: so what ships belongs to the generator that ships, and to no other.
    """
    ships = generator.parent == weights.assets()
    folders = dict.fromkeys((generator.parent,) if ships else (generator.parent, artefacts.folder()))
    fitting = [path for path in artefacts.weight_files(*kinds, folders=[*folders]) if _fits(path, generator)]
    return min(fitting, key=lambda path: not weights.made_for(path), default=None)


def _fits(path: Path, generator: Path) -> bool:
    """Whether a file is of the codes of a generator: of as many rows and numbers, and made for no other, as far as it says."""
    if _codes(weights.config(path)) != _codes(weights.config(generator)):
        return False
    made_for = weights.made_for(path)
    return not made_for or made_for == _fingerprint(generator, generator.stat().st_mtime_ns)


@cache
def _fingerprint(generator: Path, written: int) -> str:
    del written  # a file that was written anew is another generator
    return stylegan2.fingerprint(stylegan2.generator(weights.load(generator)))


def _codes(config: dict[str, Any]) -> tuple[int, int]:
    """Rows of a code and numbers of a row, as the configuration of any of the four says."""
    held = config.get("generator", config)
    widths = held.get("widths", ())
    rows = held.get("styles", 2 * len(widths))
    return rows, held.get("code", widths[-1] if widths else 0)
