"""Recipe `clip`: pictures and texts of faces as vectors, by contrast (Radford et al. 2021), from captions that are made of labels.

Pictures of synthetic faces (`mien data synth`) have action units: sentences can be made that hold of one, and of every pair of a batch it
is known how far picture and sentence go together (`mien.data.captions`). What holds of several pictures is not wrong of the others. A
linear map, the same for both, learns to tell the units from the vectors: pictures and texts mean the same by them from the start.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, cast

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from mien import weights
from mien.aus import AXES, EMOTIONS
from mien.data.captions import CONTEXT, Captioned, Pictures, pictures, vocabulary
from mien.data.captions_words import MEANINGS
from mien.nn import clip
from mien.nn.clip import CLIP
from mien.nn.framing import framed, shown
from mien.nn.tokens import WORDS, packed_words
from mien.training import Run, RunOptions, launch
from mien.training.config import to_toml
from mien.training.limits import Checked, Count, Limits, NotNegative, Positive

_STEEPEST = 4.6  # the published limit of how much a cosine counts, as a logarithm: 100
_STAGES = (32, 64, 128, 192)  # channels of the network that sees
_MIDDLE = 0.75  # of the side of FFHQ's framing: the face without its surroundings
_VALIDATED, _SHOWN = 512, 12
_TELLING = 0.25  # captions that hold of more pictures are no test
_FEELING = ("neutral", "happy", "surprised", "sad", "angry", "disgusted", "afraid", "contemptuous")  # as mien.aus.EMOTIONS


@dataclass(frozen=True)
class ClipConfig(Checked):
    """Options of `mien train clip`."""

    faces: list[Path]
    """Folders that `mien data synth` filled: drawn heads, and photos with other expressions."""
    out: Path = Path("runs/clip")
    """Folder for checkpoints, metrics and the trained weights (clip.safetensors)."""
    size: Annotated[int, Limits(48, multiple=48)] = 48
    """Pixels of what the network sees: three quarters of the picture, about its middle."""
    width: Annotated[int, Limits(64, multiple=64)] = 128
    """Numbers of a token of the network that reads."""
    layers: Count = 2
    """Its layers."""
    code: Count = 128
    """Numbers of a vector."""
    steps: Count = 4_000
    """Training steps."""
    batch: Count = 96
    """Pictures a step and device."""
    rate: Positive = 1e-3
    """Highest learning rate."""
    units: NotNegative = 2.0
    """Weight of the loss on action units (squared FACS steps) beside that on captions."""
    decay: NotNegative = 0.05
    """Weight decay."""
    memory: NotNegative = 20_000
    """Half-life of the averaged weights, in pictures seen."""
    options: RunOptions = field(default_factory=lambda: RunOptions(precision="bf16-mixed"))


class Taught(nn.Module):
    """A network that learns, and a linear map from its vectors to action units."""

    def __init__(self, network: CLIP) -> None:
        super().__init__()
        self.clip, self.units = network, nn.Linear(network.config["code"], len(AXES))

    def forward(self, seen: Float[Tensor, "b 3 s s"], tokens: Int64[Tensor, "b n"]) -> tuple[Float[Tensor, "b b"], Float[Tensor, "2 b a"]]:
        """The logits of each picture with each caption; the units that pictures and captions tell of."""
        codes = torch.stack([F.normalize(code.float()) for code in (self.clip.encode_image(seen), self.clip.encode_text(tokens))])
        return self.clip.logit_scale.exp() * codes[0] @ codes[1].T, self.units(codes)


def contrast(logits: Float[Tensor, "b t"], holds: Float[Tensor, "b t"]) -> Float[Tensor, ""]:
    """Radford et al. 2021, figure 3, where several may be right: cross-entropy to how far each caption holds, both ways."""
    logits = logits.float()
    of_picture, of_caption = holds / holds.sum(1, keepdim=True), holds / holds.sum(0, keepdim=True)
    return -(of_picture * logits.log_softmax(1)).sum(1).mean() / 2 - (of_caption * logits.log_softmax(0)).sum(0).mean() / 2


def holding(holds: Float[Tensor, "b m"], meanings: Int64[Tensor, "t k"]) -> Float[Tensor, "b t"]:
    """How far each caption holds of each picture: the product over its meanings."""
    return holds[:, meanings].prod(-1)


@torch.no_grad()
def validate(network: CLIP, known: Pictures) -> dict[str, float]:
    """Shares, on people not trained on.

    Captions that hold of the picture nearest to them, pictures of which their nearest caption holds (of captions that hold of few), and
    pictures of a clear emotion whose word is nearest.
    """
    samples = Captioned(known, size=network.size, seed=1)
    _, tokens, meanings, *_ = zip(*(samples[number] for number in range(_VALIDATED)), strict=True)
    device = network.logit_scale.device
    seen = np.linspace(0, len(known) - 1, min(len(known), 4 * _VALIDATED)).astype(int)
    parts = (torch.from_numpy(known.rgb[part]).permute(0, 3, 1, 2).to(device) / 127.5 - 1 for part in np.array_split(seen, 16))
    codes = torch.cat([network.encode_image(shown(part, network)).cpu() for part in parts])
    holds = torch.from_numpy(known.holds[seen])
    cosines = clip.cosines(codes, network.encode_text(torch.stack(tokens).to(device)).cpu())
    right = holding(holds, torch.stack(meanings)) > 0.5
    telling = right.double().mean(0) < _TELLING
    right, cosines = right[:, telling], cosines[:, telling]
    names = [meaning.name for meaning in MEANINGS]
    felt = holds[:, [names.index(name) for name in EMOTIONS]]
    clear = felt.max(1).values > 0.5
    words = vocabulary().rows([f"a {word} face" for word in _FEELING], CONTEXT).to(device)
    named = clip.cosines(codes[clear], network.encode_text(words).cpu()).argmax(1)
    hits = named == felt[clear].argmax(1)
    each = torch.stack([hits[felt[clear].argmax(1) == number].double().mean() for number in range(len(EMOTIONS))])
    return {
        "text_to_picture": float(right.gather(0, cosines.argmax(0)[None]).double().mean()),
        "picture_to_text": float(right.gather(1, cosines.argmax(1)[:, None]).double().mean()),
        "by_chance": float(right.double().mean()),
        "emotion": float(each.nanmean()),
    }


def train(config: ClipConfig) -> Path:
    """Run the recipe; returns the path of the trained weights."""
    options = config.options
    fabric = launch(options)
    known = {split: pictures(config.faces, round(config.size / _MIDDLE), split) for split in ("train", "val")}
    words = vocabulary()
    with torch.random.fork_rng():
        torch.random.default_generator.manual_seed(options.seed)
        network = CLIP(
            size=config.size, patch=1 << len(_STAGES), seen=_STAGES, sees="convolutions", middle=_MIDDLE,
            read=(config.width, config.layers, config.width // 64),
            context=CONTEXT, vocabulary=len(words.known) + 2, code=config.code,
        )  # fmt: skip
        taught = Taught(network)
    taught.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] - missing in torch's overloads
    optimizer = torch.optim.AdamW(taught.parameters(), lr=config.rate, weight_decay=config.decay, betas=(0.9, 0.98))
    run = Run(fabric, config.out, total=config.steps, batch=config.batch, config=to_toml(config), tensorboard=options.tensorboard)
    learner = run.learner(taught, optimizer, memory=config.memory, warmup=100)
    run.resume(options.resume)
    samples = Captioned(known["train"], size=config.size, seed=options.seed)
    for seen, tokens, meanings, holds, aus in run.steps(run.batches(samples, workers=options.workers), what="clip"):
        longest = int(tokens.argmax(-1).max()) + 1  # what stands behind the ends is not read
        with sdpa_kernel(SDPBackend.MATH):  # on a processor the gradients of the fused attention take three times as long
            logits, told = learner.network(framed(seen.contiguous(memory_format=torch.channels_last), config.size), tokens[:, :longest])
        loss, apart = contrast(logits, holding(holds, meanings)), (told - aus).square().mean((1, 2))
        learner.learn(loss + config.units * apart.sum())
        with torch.no_grad():
            network.logit_scale.clamp_(max=_STEEPEST)
        if run.due(20):
            run.log(loss=loss.detach(), seen=apart[0].detach(), read=apart[1].detach(), scale=network.logit_scale.detach().exp())
        if run.due(options.every):
            run.log(**validate(cast(Taught, learner.average).clip, known["val"]))
            run.pictures("samples", seen[:_SHOWN].float().cpu() / 2 + 0.5)
            run.save()
    path = config.out / "clip.safetensors"
    if fabric.global_rank == 0:
        save(path, cast(Taught, learner.average), recipe=to_toml(config, folders=False))
    return path


def save(path: Path, taught: Taught, *, recipe: str) -> None:
    """Write a network with its words and its map to units, in half precision."""
    beside = {f"{clip.BESIDE}units.{name}": tensor for name, tensor in taught.units.state_dict().items()}
    tensors = taught.clip.state_dict() | beside
    halved = {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}
    weights.save(path, halved | {WORDS: packed_words(vocabulary())}, {"kind": clip.KIND, **taught.clip.config}, recipe=recipe)
