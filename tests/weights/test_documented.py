"""The commands and the code of docs/weights.md do what it says."""

import contextlib
import dataclasses
import io
import pickle
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from mien import artefacts
from mien.cli import main
from mien.nn.inception import CLASSES, WIDTH, Inception
from mien.nn.lpips import Linear, Trunk

PAGE = (Path(__file__).parents[2] / "docs" / "weights.md").read_text()
COMMANDS = [line.split("#")[0].split() for line in PAGE.splitlines() if line.startswith("mien weights")]
TOLD = {  # what a command says, or why it cannot work here
    "list": "stylegan2-ffhq",
    "list --commercial-only": "yunet",
    "show landmarks": "# Model card: `landmarks.safetensors`",
    "show deca": "nothing in this version of mien reads it yet",
    "path": "cache",
    "path landmarks": "landmarks.safetensors",
    "get yunet": "cache/yunet.onnx",
    "get yunet --offline": "--offline forbids fetching it",
    "get inception-fid --commercial-only": "no connection to 127.0.0.1:9",
    "import flame generic_model.pkl": "generic_model.pkl is not a FLAME model: it has no v_template",
    "import ict FaceXModel/": "FaceXModel has no generic_neutral_mesh.obj",
    "import arcface model_ir_se50.pth": "model_ir_se50.pth is no IR-SE network for identity",
    "import inception pt_inception-2015-12-05-6726825d.pth": "cache/inception-fid.safetensors",
    "import alexnet alexnet-owt-7be5be79.pth": "cache/alexnet.safetensors",
    "import lpips lpips-alex.pth": "cache/lpips-alex.safetensors",
    "import stylegan2 stylegan2-ffhq-config-f.pt": "stylegan2-ffhq-config-f.pt has neither a generator",
    "import e4e e4e_ffhq_encode.pt": "e4e_ffhq_encode.pt is no e4e encoder",
    "import auclip best_model.pt": "best_model.pt is no mapper of levels",
    "import fgnet model.pth --encoder encoder.pt": "model.pth has no interpreter, g_all, pspencoder",
    "import graphau MEFARG_resnet50_BP4D_fold1.pth": "MEFARG_resnet50_BP4D_fold1.pth is no",
    "import clip ViT-B-32.pt": "ViT-B-32.pt is no CLIP",
    "import tensors model.pth -o model.safetensors": "model.safetensors",
}


MADE = {  # files that the page names, as far as they can be made here
    "model.pth": lambda: {"a": torch.ones(2)},
    "model_ir_se50.pth": lambda: {"a": torch.ones(2)},
    "stylegan2-ffhq-config-f.pt": lambda: {"a": torch.ones(2)},
    "e4e_ffhq_encode.pt": lambda: {"a": torch.ones(2)},
    "best_model.pt": lambda: {"a": torch.ones(2)},
    "MEFARG_resnet50_BP4D_fold1.pth": lambda: {"a": torch.ones(2)},
    "ViT-B-32.pt": lambda: {"a": torch.ones(2)},
    "pt_inception-2015-12-05-6726825d.pth": lambda: (
        Inception().state_dict() | {"fc.weight": torch.ones(CLASSES, WIDTH), "fc.bias": torch.ones(CLASSES)}
    ),
    "alexnet-owt-7be5be79.pth": lambda: Trunk("alexnet").state_dict(),
    "lpips-alex.pth": lambda: {name: weight.abs() for name, weight in Linear("alexnet").state_dict().items()},
}


@pytest.fixture
def folder(tmp_path, monkeypatch, known):
    """Where the page's commands run."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "generic_model.pkl").write_bytes(pickle.dumps({"f": np.zeros((1, 3))}, 2))
    (tmp_path / "FaceXModel").mkdir()
    return tmp_path


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_does_what_it_says(words, folder, server, known):
    known(dataclasses.replace(artefacts.known("inception-fid"), url="http://127.0.0.1:9/it"))
    for name in MADE.keys() & set(words):
        torch.save(MADE[name](), folder / name)
    told = io.StringIO()
    with contextlib.redirect_stdout(told), contextlib.redirect_stderr(told), pytest.raises(SystemExit) as end:
        main(words[1:])
    expected = TOLD[" ".join(words[2:])]
    assert expected in " ".join(told.getvalue().split())
    assert end.value.code == int(told.getvalue().rstrip().splitlines()[-1].startswith("mien: "))


def test_the_refusal_on_the_page_is_word_for_word(folder):
    (folder / "model.pth").write_bytes(b"cos\nsystem\n(S'x'\ntR.")
    told = io.StringIO()
    with contextlib.redirect_stderr(told), pytest.raises(SystemExit):
        main(["weights", "import", "tensors", "model.pth"])
    assert told.getvalue().strip() in PAGE


def test_the_code_on_the_page_runs(folder):
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=folder)
    assert done.stdout.strip() == "{'kind': 'mine'} torch.Size([2, 3])", done.stderr
