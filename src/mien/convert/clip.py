"""``clip``: CLIP's networks with transformers inside (``ViT-B-32.pt`` and its like), as OpenAI and as transformers publish them.

OpenAI's file is a TorchScript archive: its numbers are read, its program is not. What transformers keeps is a folder, with
``model.safetensors`` in it. The list of merges, without which no text is read, stands in a file of its own beside either.
"""

import gzip
import json
import re
from collections.abc import Mapping
from math import isqrt
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from mien import weights
from mien.convert import checkpoint
from mien.errors import WeightsError
from mien.nn.clip import CLIP, KIND, Shape
from mien.nn.tokens import BYTES, MERGES, SPECIAL, packed
from mien.weights import Weights

_MODEL, _SETTINGS, _LISTS = "model.safetensors", "config.json", ("bpe_simple_vocab_16e6.txt.gz", "merges.txt")
_STEM = "visual.conv1.weight"
#: Sizes and masks that stand among the numbers, which the network makes itself.
_MADE = ("input_resolution", "context_length", "vocab_size", "attn_mask", "position_ids")
_HEAD = 64  # numbers of a head in all published networks
_LONGEST = 1 << 24  # bytes of a list of merges

#: transformers' names -> OpenAI's, in this order
_NAMES = (
    (r"^vision_model\.embeddings\.class_embedding$", "visual.class_embedding"),
    (r"^vision_model\.embeddings\.patch_embedding\.", "visual.conv1."),
    (r"^vision_model\.embeddings\.position_embedding\.weight$", "visual.positional_embedding"),
    (r"^vision_model\.pre_layrnorm\.", "visual.ln_pre."),
    (r"^vision_model\.post_layernorm\.", "visual.ln_post."),
    (r"^visual_projection\.weight$", "visual.proj"),
    (r"^text_projection\.weight$", "text_projection"),
    (r"^text_model\.embeddings\.token_embedding\.", "token_embedding."),
    (r"^text_model\.embeddings\.position_embedding\.weight$", "positional_embedding"),
    (r"^text_model\.final_layer_norm\.", "ln_final."),
    (r"^vision_model\.encoder\.layers\.", "visual.transformer.resblocks."),
    (r"^text_model\.encoder\.layers\.", "transformer.resblocks."),
    (r"\.self_attn\.", ".attn."),
    (r"\.layer_norm([12])\.", r".ln_\1."),
    (r"\.mlp\.fc1\.", ".mlp.c_fc."),
    (r"\.mlp\.fc2\.", ".mlp.c_proj."),
)
_TURNED = ("visual.proj", "text_projection")  # which transformers keeps the other way round


def convert(path: Path, out: Path) -> None:
    """Write a network as safetensors for `mien.nn.clip.of`, with the merges where their list stands beside the file.

    Raises `WeightsError` that names the file, and what is missing from it or unknown, when it is of another network.
    """
    folder = path if path.is_dir() else path.parent
    found, settings = (_transformers(path), _settings(folder)) if _is_transformers(path) else (_published(path), {})
    try:
        with torch.device("meta"):  # a form to compare with, without numbers
            network = CLIP(**_shape(found, settings))
    except (KeyError, IndexError, ValueError) as error:
        raise WeightsError(f"{path} is no CLIP whose pictures are seen by a transformer (visual.conv1, visual.transformer)") from error
    made = Weights(found, {"kind": KIND, **network.config}, path)
    weights.fill(network, made)
    weights.save(out, found | _merges(folder, network.config["vocabulary"]), made.config)


def _published(path: Path) -> dict[str, Tensor]:
    """OpenAI's names, without what they stand under in whole checkpoints."""
    held = checkpoint.tensors(checkpoint.read(path))
    start = next((name.removesuffix(_STEM) for name in held if name.endswith(_STEM)), "")
    own = {name.removeprefix(start): tensor for name, tensor in held.items() if name.startswith(start)}
    return {name: tensor for name, tensor in own.items() if name.rsplit(".", 1)[-1] not in _MADE}


def _is_transformers(path: Path) -> bool:
    return path.is_dir() or path.suffix == ".safetensors"


def _transformers(path: Path) -> dict[str, Tensor]:
    """What a folder of transformers' holds, by OpenAI's names."""
    file = path / _MODEL if path.is_dir() else path
    if not file.is_file():
        raise WeightsError(f"no {_MODEL} in {path}: give the folder that transformers saved, or OpenAI's ViT-B-32.pt")
    try:
        held = load_file(file)
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{file} is not a whole safetensors file ({error}): fetch it again") from error
    named = {_renamed(name): tensor for name, tensor in held.items() if name.rsplit(".", 1)[-1] not in _MADE}
    for name in [name for name in named if ".attn.q_proj." in name]:
        thirds = [named.pop(name.replace(".q_proj.", f".{which}_proj."), torch.empty(0)) for which in "qkv"]
        named[name.replace("q_proj.", "in_proj_")] = torch.cat(thirds)
    return {name: tensor.T.contiguous() if name in _TURNED else tensor for name, tensor in named.items()}


def _renamed(name: str) -> str:
    for pattern, published in _NAMES:
        name = re.sub(pattern, published, name)
    return name


def _settings(folder: Path) -> Mapping[str, Any]:
    """``config.json`` of a folder; raises `WeightsError` for a network whose activation is not OpenAI's."""
    path = folder / _SETTINGS
    try:
        held = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except ValueError as error:
        raise WeightsError(f"{path} is no JSON ({error}): fetch it again") from error
    settings = {part: held.get(f"{part}_config") or {} for part in ("vision", "text")} if isinstance(held, dict) else {}
    for part in settings.values():
        if (activation := part.get("hidden_act", "quick_gelu")) != "quick_gelu":
            raise WeightsError(f"{path} says that its activation is {activation}: mien has OpenAI's CLIP, with quick_gelu")
    return settings


def _shape(found: Mapping[str, Tensor], settings: Mapping[str, Any]) -> Shape:
    def transformer(start: str, part: str, width: int) -> tuple[int, int, int]:
        pattern = re.compile(rf"{start}transformer\.resblocks\.(\d+)\.")
        layers = len({told[1] for name in found if (told := pattern.match(name))})
        heads = int(settings.get(part, {}).get("num_attention_heads", max(1, width // _HEAD)))
        if width % heads:
            raise ValueError(f"{width} numbers in {heads} heads")
        return width, layers, heads

    width, _, patch, _ = found[_STEM].shape
    cells = isqrt(found["visual.positional_embedding"].shape[0] - 1)
    context, _ = found["positional_embedding"].shape
    read, code = found["text_projection"].shape
    return {
        "size": cells * patch,
        "patch": patch,
        "seen": transformer(r"visual\.", "vision", width),
        "read": transformer("", "text", read),
        "context": context,
        "vocabulary": found["token_embedding.weight"].shape[0],
        "code": code,
    }


def _merges(folder: Path, vocabulary: int) -> dict[str, Tensor]:
    """The merges as a tensor, of as many as make the vocabulary; nothing where no list of them is in the folder."""
    path = next((folder / name for name in _LISTS if (folder / name).is_file()), None)
    if path is None:
        return {}
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            lines = file.read(_LONGEST).decode(errors="ignore").split("\n")
    except (OSError, EOFError) as error:
        raise WeightsError(f"{path} is no list of merges ({error}): fetch it again") from error
    count = vocabulary - BYTES - SPECIAL
    pairs = [(a, b) for a, _, b in (line.strip().partition(" ") for line in lines[1:]) if a and b and " " not in b]
    if not 0 < count <= len(pairs):
        raise WeightsError(f"{path} has {len(pairs):,} merges, a vocabulary of {vocabulary:,} takes {count:,}: it is of another network")
    return {MERGES: packed(pairs[:count])}
