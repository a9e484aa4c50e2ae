"""Which networks belong together: a generator, an encoder into its codes, and a mapper that moves them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mien import artefacts, weights
from mien.errors import WeightsError
from mien.inversion.ladder import Networks
from mien.nn import encoders, mapper, stylegan2
from mien.nn.mapper import LevelsMapper

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


def files(generator: Path | None = None) -> Files:
    """The set of a generator; without one, the first that was imported with a mapper, else the set that ships, else any.

    The others are looked for beside the generator and among imported files: the first of the same rows and numbers.
    Raises `WeightsError` that says what is missing and how to get it.
    """
    if generator is None:
        folders = (artefacts.folder(), weights.assets())
        found = [each for folder in folders for path in _of(stylegan2.KIND, folder) if (each := _set(path)) is not None]
        if not found:
            raise WeightsError(NONE)
        return min(found, key=lambda each: each.mapper is None)  # the first of those that have one
    if not generator.is_file():
        raise WeightsError(f"no weight file at {generator}")
    if weights.kind(generator) != stylegan2.KIND:
        raise WeightsError(f"{generator} has no generator of StyleGAN2: `mien weights import stylegan2 FILE` makes such a file")
    found = _set(generator)
    if found is None:
        rows, code = _codes(weights.config(generator))
        raise WeightsError(
            f"no encoder into the codes of {generator} ({rows} rows of {code} numbers) is on this machine: `mien weights import e4e FILE` "
            "brings one in, `mien train e4e` makes one"
        )
    return found


def networks(found: Files) -> tuple[Networks, LevelsMapper | None]:
    """Load a set; raises `WeightsError` for a damaged file."""
    stored = weights.load(found.generator)
    generator, mean = stylegan2.generator(stored).requires_grad_(False), stylegan2.mean_code(stored)
    encoder = encoders.of(weights.load(found.encoder)).requires_grad_(False)
    mapping = mapper.of(weights.load(found.mapper)).requires_grad_(False) if found.mapper else None
    return Networks(generator, encoder, mean), mapping


def _set(generator: Path) -> Files | None:
    """A generator with what fits it; None without an encoder.

    Rows and numbers do not tell one generator's codes from another's: what ships belongs to the generator that ships alone.
    """
    ships = generator.parent == weights.assets()
    folders = list(dict.fromkeys((generator.parent,) if ships else (generator.parent, artefacts.folder())))
    codes = _codes(weights.config(generator))
    encoder = _fitting(tuple(encoders.KINDS), codes, folders)
    return Files(generator, encoder, _fitting((MAPPER,), codes, folders)) if encoder else None


def _fitting(kinds: Sequence[str], codes: tuple[int, int], folders: Sequence[Path]) -> Path | None:
    """The first file of these codes, of the first kind that there is."""
    there = (path for folder in folders for kind in kinds for path in _of(kind, folder) if _codes(weights.config(path)) == codes)
    return next(there, None)


def _of(kind: str, folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.glob("*.safetensors")) if weights.kind(path) == kind)


def _codes(config: dict[str, Any]) -> tuple[int, int]:
    """Rows of a code and numbers of a row, as the configuration of any of the three says."""
    held = config.get("generator", config)
    widths = held.get("widths", ())
    rows = held.get("styles", 2 * len(widths))
    return rows, held.get("code", widths[-1] if widths else 0)
