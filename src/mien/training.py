"""What every recipe needs: devices and precision by Lightning Fabric, an averaged network, exact checkpoints, a journal.

The clock is the step. Which samples a step sees is a function of the step alone (`StepSampler`), so a run that was stopped and resumed
equals one that never was.
"""

import contextlib
import json
import math
import os
import sys
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, Literal, TypeVar

import torch
from lightning_fabric import Fabric
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.data import DataLoader, Dataset

from mien.errors import DataError

T = TypeVar("T")
Resume = Literal["auto", "never"]


def launch(devices: int, precision: str) -> Fabric:
    """Fabric on `devices` of what there is; `precision` as Fabric names it: 32-true, bf16-mixed, 16-mixed."""
    fabric = Fabric(accelerator="auto", devices=devices, precision=precision)  # pyright: ignore[reportArgumentType] - a closed list of names
    fabric.launch()
    return fabric


def cosine(step: int, total: int, *, warmup: int) -> float:
    """Factor of the learning rate: a linear rise over `warmup` steps, then half a cosine down to 0 (Loshchilov & Hutter 2017)."""
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, total - warmup)))


@contextlib.contextmanager
def _bar(what: str, *, total: int, start: int = 0, hidden: bool = False) -> Generator[Callable[[int, str], None]]:
    """A progress bar on stderr; call the result with the steps done and a note."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=Console(file=sys.stderr), disable=hidden) as progress:
        task = progress.add_task(what, total=total, completed=start, note="")
        yield lambda done, note: progress.update(task, completed=done, note=note)


def counted(items: Iterable[T], *, total: int, what: str) -> Iterator[T]:
    """The items, with a progress bar and the time that remains on stderr."""
    with _bar(what, total=total) as show:
        for done, item in enumerate(items, 1):
            yield item
            show(done, "")


class StepSampler:
    """Batches of sample numbers from step `start` to `stop`: step s of rank r draws the same numbers in every run."""

    def __init__(self, start: int, stop: int, batch: int, *, rank: int = 0, world: int = 1) -> None:
        self.steps = range(start, stop)
        self.batch, self.rank, self.world = batch, rank, world

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[list[int]]:
        for step in self.steps:
            first = (step * self.world + self.rank) * self.batch
            yield list(range(first, first + self.batch))


class Run:
    """A training run in a folder: network, its average, optimiser and step; checkpoints and `metrics.jsonl`."""

    def __init__(
        self, fabric: Fabric, folder: Path, network: nn.Module, optimizer: Optimizer, *, total: int, ema: float = 0.999, warmup: int = 200
    ) -> None:
        """`ema`: how much of the average stays at each step; `total` steps, the first `warmup` of them with a rising learning rate."""
        self.fabric, self.folder, self.total, self.ema, self.warmup = fabric, folder, total, ema, warmup
        self.average = fabric.to_device(deepcopy(network)).eval().requires_grad_(False)
        self.network, self.optimizer = fabric.setup(network, optimizer)
        self.rates = [group["lr"] for group in optimizer.param_groups]
        self.step, self._note = 0, ""
        folder.mkdir(parents=True, exist_ok=True)

    def batches(self, samples: Dataset[Any], batch: int, *, workers: int = 0, stop: int | None = None) -> DataLoader[Any]:
        """What the steps from here to `stop` (all) learn from: sample numbers are a function of the step and of the rank."""
        fabric = self.fabric
        sampler = StepSampler(self.step, self.total if stop is None else stop, batch, rank=fabric.global_rank, world=fabric.world_size)
        # a generator of its own: without one, each loader that is made would draw from the random state that checkpoints hold
        return DataLoader(samples, batch_sampler=sampler, num_workers=workers, generator=torch.Generator())

    def learn(self, loss: Tensor, *, clip: float = 1.0) -> None:
        """One step down the gradient of `loss`, its norm clipped, and the average follows."""
        factor = cosine(self.step, self.total, warmup=self.warmup)
        for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
            group["lr"] = rate * factor
        self.optimizer.zero_grad(set_to_none=True)
        self.fabric.backward(loss)
        self.fabric.clip_gradients(self.network, self.optimizer, max_norm=clip)
        self.optimizer.step()
        self.step += 1
        self._follow()

    @torch.no_grad()
    def _follow(self) -> None:
        keep = min(self.ema, (1 + self.step) / (10 + self.step))  # short memory at first: the start is not worth keeping
        now = self.network.state_dict()
        for name, value in self.average.state_dict().items():
            if value.is_floating_point():
                value.lerp_(now[name].float(), 1 - keep)
            else:
                value.copy_(now[name])

    def steps(self, batches: Iterable[Any], *, what: str) -> Iterator[Any]:
        """The batches, with a progress bar and the time that remains on stderr."""
        with _bar(what, total=self.total, start=self.step, hidden=self.fabric.global_rank > 0) as show:
            for batch in batches:
                yield batch
                show(self.step, self._note)

    def log(self, **values: float) -> None:
        """Append a line to `metrics.jsonl` and show it beside the progress bar."""
        if self.fabric.global_rank == 0:
            line = {"step": self.step, "time": round(time.time(), 1), **{k: float(f"{v:.6g}") for k, v in values.items()}}
            with (self.folder / "metrics.jsonl").open("a") as file:
                file.write(json.dumps(line) + "\n")
            self._note = " ".join(f"{name} {value:.4g}" for name, value in values.items())

    def save(self) -> None:
        """Write a checkpoint and keep the one before it."""
        if self.fabric.global_rank == 0:
            tensors = {**_named("network", self.network.state_dict()), **_named("average", self.average.state_dict())}
            optimizer = self.optimizer.state_dict()
            for index, state in optimizer["state"].items():
                tensors |= _named(f"optimizer.{index}", state)
            tensors["random"] = torch.get_rng_state()
            header = {"step": str(self.step), "groups": json.dumps(optimizer["param_groups"])}
            _write_whole(self._path(self.step), to_bytes({k: v.detach().cpu().contiguous() for k, v in tensors.items()}, header))
            for old in self._checkpoints()[2:]:
                old.unlink()
        self.fabric.barrier()

    def resume(self, mode: Resume) -> int:
        """Go on from the newest whole checkpoint (`auto`) or start afresh (`never`); returns the step."""
        for path in self._checkpoints() if mode == "auto" else []:
            with contextlib.suppress(SafetensorError, OSError, EOFError):
                with safe_open(str(path), framework="pt") as file:
                    tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a dict
                    header = file.metadata()
                self._restore(path, tensors, header)
                break
        return self.step

    def _restore(self, path: Path, tensors: Mapping[str, Tensor], header: Mapping[str, str]) -> None:
        try:
            self.network.load_state_dict(_under("network", tensors))
            self.average.load_state_dict(_under("average", tensors))
        except RuntimeError as error:
            raise DataError(f"{path} is of a network with other options: give another --out, or --resume never") from error
        parameters = sum(len(group["params"]) for group in self.optimizer.param_groups)
        state = {i: part for i in range(parameters) if (part := _under(f"optimizer.{i}", tensors))}
        self.optimizer.load_state_dict({"state": state, "param_groups": json.loads(header["groups"])})
        torch.set_rng_state(tensors["random"])
        self.step = int(header["step"])

    def _path(self, step: int) -> Path:
        return self.folder / f"step-{step:08d}.ckpt"

    def _checkpoints(self) -> list[Path]:
        """Newest first."""
        return sorted(self.folder.glob("step-*.ckpt"), reverse=True)


def _named(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    start = f"{prefix}."
    return {name.removeprefix(start): tensor for name, tensor in tensors.items() if name.startswith(start)}


def _write_whole(path: Path, data: bytes) -> None:
    """The file appears whole or not at all, also when the machine stops."""
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)  # noqa: PTH105 - atomic on every platform
