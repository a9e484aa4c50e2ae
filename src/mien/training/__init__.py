"""What every recipe needs: options, devices and precision by Lightning Fabric, averaged networks, exact checkpoints, a journal."""

from mien.training.adaptive import AdaptiveStrength
from mien.training.options import Resume, RunOptions, launch
from mien.training.progress import counted, say
from mien.training.ranger import Ranger
from mien.training.run import Learner, Run
from mien.training.schedule import StepSampler, constant, cosine

__all__ = [
    "AdaptiveStrength",
    "Learner",
    "Ranger",
    "Resume",
    "Run",
    "RunOptions",
    "StepSampler",
    "constant",
    "cosine",
    "counted",
    "launch",
    "say",
]
