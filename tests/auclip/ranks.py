"""Run by a test as ``python ranks.py EXPRESSIONS GENERATOR OUT``: the codes of pictures, each of two processes encodes its share."""

import sys
from pathlib import Path

import torch

from mien import weights
from mien.data.expressions import open_expressions
from mien.inversion.encoding import encoded
from mien.nn import encoders
from mien.training import RunOptions, launch

if __name__ == "__main__":
    people, encoder = (
        open_expressions(Path(sys.argv[1]), "train"),
        encoders.of(weights.load(Path(sys.argv[2]).with_name("e4e.safetensors"))),
    )
    fabric = launch(RunOptions(devices=2))
    seen = []
    encoder.register_forward_hook(lambda _, inputs, made: seen.append(len(inputs[0])))
    codes = encoded(people, encoder, fabric)
    torch.save((sum(seen), codes), Path(sys.argv[3]) / f"{fabric.global_rank}.pt")
