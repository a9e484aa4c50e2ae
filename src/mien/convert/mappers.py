"""``auclip`` and ``styleclip``: published mappers of StyleGAN2's codes (AU-CLIP's ``best_model.pt``, StyleCLIP's, one a sentence)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from mien import weights
from mien.convert import checkpoint
from mien.errors import WeightsError
from mien.nn.mapper import LEVELS, UNITS, LevelsMapper, Shape
from mien.weights import Weights

_SIZE = 1024  # pixels of the generator, for which all of them were published, where a file does not say
_OF = {"auclip": "changes of action units", "styleclip": "codes"}


def convert(kind: str, path: Path, out: Path) -> None:
    """Write a mapper as safetensors for `mien.nn.mapper.of`; the generator in the file is left out.

    Raises `WeightsError` that names the file, and what is missing from it or unknown, when it is of another network.
    """
    content = checkpoint.read(path)
    found = checkpoint.part(content, "mapper")
    try:
        network = LevelsMapper(**_shape(found, _rows(content)))
    except (KeyError, IndexError, ValueError, TypeError) as error:
        raise WeightsError(f"{path} is no mapper of levels (state_dict with mapper.{', mapper.'.join(LEVELS)})") from error
    held = "auclip" if network.units else "styleclip"
    if held != kind:
        raise WeightsError(f"{path} is a mapper of {_OF[held]}, not of {_OF[kind]}: `mien weights import {held} FILE`")
    made = Weights(found, {"kind": kind, **network.config}, path)
    weights.fill(network, made)
    weights.save(out, made.tensors, made.config)


def _rows(content: Any) -> int:
    """Rows of the codes of the generator: of the one in the file, by its layers; else of the size that the file's settings say."""
    held = content if isinstance(content, dict) else {}
    names = (str(name).split(".") for name in held.get("state_dict", ()))
    if blocks := {name[2] for name in names if name[:2] == ["decoder", "to_rgbs"]}:  # from 8 pixels up, each with two rows
        return 2 * len(blocks) + 2
    settings = held.get("opts")
    size = int(settings.get("stylegan_size") or _SIZE) if isinstance(settings, dict) else _SIZE
    return 2 * size.bit_length() - 4


def _shape(found: Mapping[str, Tensor], rows: int) -> Shape:
    """What the tensors tell; levels that a mapper was trained without are not among them."""
    levels = [name for name in LEVELS if any(key.startswith(f"{name}.") for key in found)]
    numbers = sorted(int(key.split(".")[2]) for key in found if key.startswith(f"{levels[0]}.") and key.endswith(".weight"))
    layers = [found[f"{levels[0]}.mapping.{number}.weight"] for number in numbers]
    widths = [layers[0].shape[1], *(layer.shape[0] for layer in layers)]
    units = () if widths[0] == widths[-1] else UNITS
    if units and widths[0] != len(units):
        raise ValueError(f"{widths[0]} numbers in")
    return {"widths": widths, "styles": rows, "levels": levels, "mode": "compatible", "units": list(units)}
