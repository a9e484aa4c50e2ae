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
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from mien import weights
from mien.aus import AXES
from mien.data.captions import CONTEXT, Captioned, Pictures, pictures, vocabulary
from mien.metrics.captions import validate
from mien.nn import clip
from mien.nn.clip import CLIP
from mien.nn.framing import framed, shown
from mien.nn.tokens import WORDS, packed_words
from mien.training import Run, RunOptions, cosine, launch
from mien.training.config import to_toml
from mien.training.limits import Checked, Count, Limits, NotNegative, Positive

_STEEPEST = 4.6  # the published limit of how much a cosine counts, as a logarithm: 100
_STAGES = (32, 64, 128, 192)  # channels of the network that sees
_MIDDLE = 0.75  # of the side of FFHQ's framing: the face without its surroundings
_SHOWN = 12
_LOCKED, _AT_ONCE, _TOLD = 6_000, 512, 10.0  # pictures and captions of the last phase, and how much units weigh in it


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
    settled: Annotated[int, Limits()] = 150
    """Steps that the reading network learns on at the end, while the one that sees stands still."""
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


@torch.no_grad()
def locked(network: CLIP, known: Pictures) -> Float[Tensor, "n d"]:
    """Vectors, of length 1, of pictures as they are."""
    device, parts = network.logit_scale.device, np.array_split(known.rgb, max(1, len(known) // 256))
    pictures = (torch.from_numpy(part).permute(0, 3, 1, 2).to(device) / 127.5 - 1 for part in parts)
    return torch.cat([F.normalize(network.encode_image(shown(part, network)).float()) for part in pictures])


def contrast(logits: Float[Tensor, "b t"], holds: Float[Tensor, "b t"]) -> Float[Tensor, ""]:
    """Radford et al. 2021, figure 3, where several may be right: cross-entropy to how far each caption holds, both ways."""
    logits = logits.float()
    of_picture, of_caption = holds / holds.sum(1, keepdim=True), holds / holds.sum(0, keepdim=True)
    return -(of_picture * logits.log_softmax(1)).sum(1).mean() / 2 - (of_caption * logits.log_softmax(0)).sum(0).mean() / 2


def holding(holds: Float[Tensor, "b m"], meanings: Int64[Tensor, "t k"]) -> Float[Tensor, "b t"]:
    """How far each caption holds of each picture: the product over its meanings."""
    return holds[:, meanings].prod(-1)


def settle(fabric: Fabric, taught: Taught, known: Pictures, *, steps: int, rate: float, seed: int) -> None:
    """Let the reading network learn on from captions alone, many at a time, beside pictures seen once (Zhai et al. 2022: one side locked).

    The units that a caption is to tell of are their mean over all these pictures, each as far as the caption holds of it.
    """
    device, network = taught.units.weight.device, taught.clip
    known = known.some(np.random.default_rng(seed).permutation(len(known))[:_LOCKED])  # each caption holds of one of them
    codes = locked(network, known)
    holds, units = (torch.from_numpy(of).to(device) for of in (known.holds, known.aus))
    samples = Captioned(known, size=network.size, seed=seed + 1)
    reading = [parameter.requires_grad_() for name, parameter in taught.named_parameters() if ".visual." not in name]
    adam = torch.optim.AdamW(reading, lr=rate, betas=(0.9, 0.98))
    for step in range(steps):
        adam.param_groups[0]["lr"] = rate * cosine(step, steps, warmup=10)
        tokens, meanings = (part.to(device) for part in samples.captions(step, _AT_ONCE))
        with sdpa_kernel(SDPBackend.MATH), fabric.autocast():  # anew each step: it keeps weights as they were when it began
            texts = F.normalize(network.encode_text(tokens[:, : int(tokens.argmax(-1).max()) + 1]).float())
        right = holding(holds, meanings)
        mean = (right / right.sum(0)).T @ units
        some = torch.arange(step * _AT_ONCE, (step + 1) * _AT_ONCE, device=device) % len(codes)
        seen = right[some].sum(0) > 0  # captions of which one of these pictures is
        logits = network.logit_scale.exp() * codes[some] @ texts[seen].T
        loss = contrast(logits, right[some][:, seen].clamp(min=1e-6)) + _TOLD * (taught.units(texts) - mean).square().mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
    taught.requires_grad_(False)


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
        kept = cast(Taught, learner.average)
        settle(fabric, kept, known["train"], steps=config.settled, rate=config.rate / 2, seed=options.seed)
        fabric.print(validate(kept.clip, known["val"]))
        save(path, kept, recipe=to_toml(config, folders=False))
    return path


def save(path: Path, taught: Taught, *, recipe: str) -> None:
    """Write a network with its words and its map to units, in half precision."""
    beside = {f"{clip.BESIDE}units.{name}": tensor for name, tensor in taught.units.state_dict().items()}
    tensors = taught.clip.state_dict() | beside
    halved = {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}
    weights.save(path, halved | {WORDS: packed_words(vocabulary())}, {"kind": clip.KIND, **taught.clip.config}, recipe=recipe)
