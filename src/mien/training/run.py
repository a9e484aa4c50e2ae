"""A training run: an explicit loop's clock, its networks with their averages, its journal and its exact checkpoints.

The clock is the step. Which samples a step sees is a function of the step alone (`StepSampler`), so a run that was stopped and resumed
equals one that never was. Learning is counted in images seen: averages forget by images, so a larger batch learns alike.
"""

import json
import tomllib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from jaxtyping import Float
from lightning_fabric import Fabric
from lightning_fabric.plugins.precision.amp import MixedPrecision
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.data import DataLoader, Dataset

from mien.errors import DataError
from mien.training import checkpoint
from mien.training.checkpoint import Checkpoint, named, under
from mien.training.journal import Journal
from mien.training.options import Resume
from mien.training.progress import bar, say
from mien.training.schedule import StepSampler, cosine, kept

Schedule = Callable[..., float]

#: Options that may change when a run goes on: of `batch` and devices the product may not, and those of `fid` only look.
_FREE = {
    *("steps", "every", "workers", "resume", "tensorboard", "devices", "nodes", "strategy", "batch", "data", "out", "cache", "start"),
    *("fid_every", "fid_pictures", "fid_features"),
}


class Run:
    """One run in one folder. Its recipe asks for learners, resumes, and loops over `steps`."""

    def __init__(
        self,
        fabric: Fabric,
        folder: Path,
        *,
        total: int,
        batch: int,
        config: str = "",
        fixed: Collection[str] = (),
        tensorboard: bool = False,
    ) -> None:
        """`total` steps of `batch` images a device; `config` is kept in the folder as config.toml and in every checkpoint.

        `fixed`: options that decide how a run of this recipe goes on, so that they may not change although others' may.
        """
        self.fabric, self.folder, self.total = fabric, folder, total
        self.batch, self.config, self.step = batch, config, 0
        self._free = _FREE - set(fixed)
        self.numbers: dict[str, float] = {}  #: what else a recipe must remember, such as the strength of an augmentation
        self._learners: dict[str, Learner] = {}
        self._note = ""
        folder.mkdir(parents=True, exist_ok=True)
        self._journal = Journal(folder, tensorboard=tensorboard) if fabric.global_rank == 0 else None

    @property
    def images(self) -> int:
        """Images seen so far, by all devices."""
        return self.step * self.images_per_step

    @property
    def images_per_step(self) -> int:
        """Images that all devices see in a step."""
        return self.batch * self.fabric.world_size

    def learner(
        self,
        network: nn.Module,
        optimizer: Optimizer,
        *,
        name: str = "network",
        memory: float = 0.0,
        warmup: int = 200,
        schedule: Schedule = cosine,
        wrapped: bool = True,
    ) -> "Learner":
        """A network that learns; `memory`: half-life of its average in images, 0 for no average; `schedule` of the learning rate.

        One that is not `wrapped` by Lightning Fabric has all its methods, several passes and gradients of gradients on several devices
        too; its recipe calls it under `fabric.autocast()`.
        """
        self._learners[name] = Learner(self, network, optimizer, memory=memory, warmup=warmup, schedule=schedule, wrapped=wrapped)
        return self._learners[name]

    def generator(self, seed: int) -> torch.Generator:
        """Random numbers for this step, on its device: like its samples, a function of the seed, the step and the rank."""
        (number,) = np.random.SeedSequence([seed, self.step, self.fabric.global_rank]).generate_state(1, np.uint64)
        return torch.Generator(self.fabric.device).manual_seed(int(number))

    def batches(self, samples: Dataset[Any], *, workers: int = 0, stop: int | None = None) -> DataLoader[Any]:
        """What the steps from here to `stop` (all) learn from: sample numbers are a function of the step and of the rank."""
        fabric = self.fabric
        sampler = StepSampler(self.step, self.total if stop is None else stop, self.batch, rank=fabric.global_rank, world=fabric.world_size)
        # a generator of its own: without one, each loader that is made would draw from the random state that checkpoints hold
        return DataLoader(samples, batch_sampler=sampler, num_workers=workers, generator=torch.Generator())

    def steps(self, batches: Iterable[Any], *, what: str) -> Iterator[Any]:
        """The batches, on the device, with a progress bar and the time that remains; `step` counts the one at hand as done."""
        with bar(what, total=self.total, start=self.step, hidden=self.fabric.global_rank > 0) as show:
            for batch in batches:
                self.step += 1
                yield self.fabric.to_device(batch)
                show(self.step, self._note)

    def due(self, every: int) -> bool:
        """Whether this step is one of those `every` so many, or the last."""
        return self.step % every == 0 or self.step == self.total

    def log(self, **values: float | Tensor) -> None:
        """Append the means over all devices to `metrics.jsonl` and show them beside the progress bar. All devices must call it."""
        here = {name: self.fabric.to_device(torch.as_tensor(value, dtype=torch.float64)) for name, value in values.items()}
        means = {name: float(cast(Tensor, self.fabric.all_reduce(value, reduce_op="mean"))) for name, value in here.items()}
        if self._journal:
            self._journal.numbers(self.step, self.images, means)
            self._note = " ".join(f"{name} {value:.4g}" for name, value in means.items())

    def pictures(self, name: str, batch: Float[Tensor, "n 3 h w"], *, columns: int = 8) -> None:
        """Write sample pictures (0..1) of this step."""
        if self._journal:
            self._journal.pictures(self.step, self.images, name, batch, columns)

    def save(self) -> None:
        """Write a checkpoint: networks, averages, optimisers, loss scale, random states, numbers. All devices must call it."""
        random = cast(Tensor, self.fabric.all_gather(_random_state())).reshape(self.fabric.world_size, -1)
        if self.fabric.global_rank == 0:
            tensors, header = {"random": random}, {"config": self.config, "numbers": json.dumps(self.numbers)}
            header |= {"step": str(self.step), "images": str(self.images)}
            for name, learner in self._learners.items():
                state, groups = learner.state()
                tensors |= named(name, state)
                header[name] = groups
            if (scaler := _scaler(self.fabric)) is not None:
                header["scaler"] = json.dumps(scaler.state_dict())
            checkpoint.write(self.folder, self.step, tensors, header)
        self.fabric.barrier()

    def resume(self, mode: Resume) -> int:
        """Go on from the newest whole checkpoint (`auto`), or put what stands in the folder aside (`never`); returns the step."""
        found = checkpoint.newest(self.folder) if mode == "auto" else None
        if found:
            self._restore(found)
        if self._journal:
            if mode == "never" and (aside := checkpoint.set_aside(self.folder)):
                say(f"an earlier run stood in {self.folder}: it is in {aside} now")
            self._journal.rewind(self.step)
            if self.config:
                (self.folder / "config.toml").write_text(self.config, encoding="utf-8")
        return self.step

    def _compare(self, found: Checkpoint) -> None:
        """Refuse to go on with options by which the run would be neither the one nor the other; tell which harmless ones are others."""
        cure = "give the same again, another --out, or --resume never"
        before, now = tomllib.loads(found.header.get("config", "")), tomllib.loads(self.config)
        changed = {name: _changed(name, now, before) for name in now.keys() | before.keys() if now.get(name) != before.get(name)}
        unknown = now.keys() - before.keys() - _FREE  # had no value; or a newer mien has options that the older did not know
        if fixed := sorted(changed.keys() - self._free - unknown):
            raise DataError(f"{found.path} cannot go on with {'; '.join(changed[name] for name in fixed)}: {cure}")
        step, images = int(found.header["step"]), int(found.header.get("images", "0"))
        if images and images != step * self.images_per_step:
            together = "batch x devices x nodes"
            raise DataError(f"{found.path} cannot go on with {together} = {self.images_per_step}, not {images // step}: {cure}")
        if (told := sorted(changed.keys() - {"resume"})) and self._journal:
            say(f"{found.path} goes on with {'; '.join(changed[name] for name in told)}")

    def _restore(self, found: Checkpoint) -> None:
        self._compare(found)
        try:
            for name, learner in self._learners.items():
                learner.restore(under(name, found.tensors), found.header[name])
        except (RuntimeError, KeyError, ValueError) as error:
            raise DataError(f"{found.path} is of a network with other options: give another --out, or --resume never") from error
        states = found.tensors["random"]
        if len(states) == self.fabric.world_size:  # with another number of devices nothing random can go on exactly
            _set_random_state(states[self.fabric.global_rank])
        if (scaler := _scaler(self.fabric)) is not None and "scaler" in found.header:
            scaler.load_state_dict(json.loads(found.header["scaler"]))
        self.numbers = json.loads(found.header["numbers"])
        self.step = int(found.header["step"])


class Learner:
    """A network, its optimiser, and the average of its weights."""

    def __init__(
        self, run: Run, network: nn.Module, optimizer: Optimizer, *, memory: float, warmup: int, schedule: Schedule, wrapped: bool = True
    ) -> None:
        self._run, self._memory, self._warmup, self._schedule, self._wrapped = run, memory, warmup, schedule, wrapped
        #: the weights to keep: their average, or the network's own when there is no `memory`
        self.average = run.fabric.to_device(deepcopy(network)).eval().requires_grad_(False) if memory else network
        if wrapped:
            self.network, self.optimizer = run.fabric.setup(network, optimizer)
        else:
            self.network, self.optimizer = run.fabric.to_device(network), cast(Any, run.fabric.setup_optimizers(optimizer))
        self._rates = [group["lr"] for group in optimizer.param_groups]

    def learn(self, loss: Tensor, *, clip: float | None = 1.0, follow: bool = True) -> None:
        """One step down the gradient of `loss`, its norm clipped at `clip`, and the average follows.

        Where a network learns twice in a step of the run, its average is to `follow` once.
        """
        factor = self._schedule(self._run.step - 1, self._run.total, warmup=self._warmup)
        for group, rate in zip(self.optimizer.param_groups, self._rates, strict=True):
            group["lr"] = rate * factor
        self.optimizer.zero_grad(set_to_none=True)
        self._run.fabric.backward(loss)
        if not self._wrapped and self._run.fabric.world_size > 1:
            self._share()
        if clip is not None:
            self._run.fabric.clip_gradients(self.network, self.optimizer, max_norm=clip)
        self.optimizer.step()
        if self._memory and follow:
            self._follow()

    def _share(self) -> None:
        """Every device gets the mean of all gradients, in one message."""
        gradients = [parameter.grad for parameter in self.network.parameters() if parameter.grad is not None]
        here = torch.cat([gradient.flatten() for gradient in gradients])
        mean = cast(Tensor, self._run.fabric.all_reduce(here, reduce_op="mean"))
        for gradient, part in zip(gradients, mean.split([gradient.numel() for gradient in gradients]), strict=True):
            gradient.copy_(part.view(gradient.shape))

    @torch.no_grad()
    def _follow(self) -> None:
        each = self._run.images_per_step
        keep = kept(self._run.images - each, each, self._memory)
        now = self.network.state_dict()
        for name, value in self.average.state_dict().items():
            if value.is_floating_point():
                value.lerp_(now[name].float(), 1 - keep)
            else:
                value.copy_(now[name])

    def state(self) -> tuple[dict[str, Tensor], str]:
        """Everything that changes while learning: tensors, and the optimiser's groups as JSON."""
        tensors = named("network", self.network.state_dict())
        if self._memory:
            tensors |= named("average", self.average.state_dict())
        optimizer = self.optimizer.state_dict()
        for index, part in optimizer["state"].items():
            tensors |= named(f"optimizer.{index}", {name: torch.as_tensor(value) for name, value in part.items()})
        return tensors, json.dumps(optimizer["param_groups"])

    def restore(self, tensors: Mapping[str, Tensor], groups: str) -> None:
        """Take over a `state`; raises `RuntimeError` or `ValueError` when it is of another network."""
        self.network.load_state_dict(under("network", tensors))
        if self._memory:
            self.average.load_state_dict(under("average", tensors))
        count = sum(len(group["params"]) for group in self.optimizer.param_groups)
        state = {i: part for i in range(count) if (part := under(f"optimizer.{i}", tensors))}
        self.optimizer.load_state_dict({"state": state, "param_groups": json.loads(groups)})


def _changed(name: str, now: Mapping[str, Any], before: Mapping[str, Any]) -> str:
    """In words; options that have no value are not among them."""
    if name not in now:
        return f"{name} not given, which was {before[name]}"
    return f"{name} = {now[name]}, {f'not {before[name]}' if name in before else 'which was not given'}"


def _random_state() -> Tensor:
    """The states of the processor's and, where there is one, the GPU's random numbers, one behind the other."""
    states = [torch.get_rng_state()]
    return torch.cat(states + ([torch.cuda.get_rng_state()] if torch.cuda.is_available() else []))


def _set_random_state(state: Tensor) -> None:
    own = len(torch.get_rng_state())
    torch.set_rng_state(state[:own])
    if len(state) > own and torch.cuda.is_available():
        torch.cuda.set_rng_state(state[own:])


def _scaler(fabric: Fabric) -> torch.amp.GradScaler | None:
    precision = fabric.strategy.precision
    return precision.scaler if isinstance(precision, MixedPrecision) else None
