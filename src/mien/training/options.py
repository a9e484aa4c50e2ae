"""Options that all recipes share, and the devices that they ask for."""

from dataclasses import dataclass
from typing import Annotated, Literal

from lightning_fabric import Fabric

from mien.training.limits import Checked, Count, Limits

Resume = Literal["auto", "never"]


@dataclass(frozen=True)
class RunOptions(Checked):
    """How a recipe runs: on what, how exactly, and what it leaves behind."""

    devices: Count = 1
    """How many of a machine's devices to use: its GPUs, or processes on the CPU."""
    nodes: Count = 1
    """How many machines; start the same command on each, as torchrun or a cluster does."""
    strategy: Literal["auto", "ddp"] = "auto"
    """How several devices share the work; auto is ddp from two devices on."""
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    """Arithmetic, as Lightning Fabric names it."""
    workers: Annotated[int, Limits()] = 1
    """Processes that prepare samples; with 0 the one that learns does."""
    every: Count = 500
    """Steps between checkpoints, validations and sample pictures."""
    resume: Resume = "auto"
    """Go on from the newest whole checkpoint (auto), or start afresh and put what stands in the folder aside (never)."""
    tensorboard: bool = False
    """Write TensorBoard's event files beside metrics.jsonl."""
    seed: Annotated[int, Limits()] = 0
    """Of everything random."""


def launch(options: RunOptions) -> Fabric:
    """Lightning Fabric on the devices asked for; with several, this starts one process each."""
    fabric = Fabric(
        accelerator="auto", devices=options.devices, num_nodes=options.nodes, strategy=options.strategy, precision=options.precision
    )
    fabric.launch()
    return fabric
