"""The commands and the code of docs/data.md do what it says."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mien import images
from mien.cli.app import main
from mien.data.layouts import bp4d, disfa, fgnet

PAGE = (Path(__file__).parents[2] / "docs" / "data.md").read_text()


def blocks(kind):
    """The fenced blocks of the page that are of a kind."""
    return [body for found, body in re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL) if found == kind]


COMMANDS = [line for block in blocks("") for line in block.splitlines() if line.startswith("mien ")]


@pytest.fixture
def world(drawn, picture, text, tmp_path, monkeypatch):
    """A folder with all that the page speaks of, as small as it can be."""
    monkeypatch.chdir(tmp_path)
    images.write(drawn.photo.rgb, tmp_path / "photos/a.png")
    picture("CelebA/img_align_celeba/000001.jpg")
    text("CelebA/list_attr_celeba.txt", "1", "Smiling", "000001.jpg 1")
    text("CelebA/list_eval_partition.txt", "000001.jpg 0")
    text("CelebA/identity_CelebA.txt", "000001.jpg 5")
    text("CelebA/list_landmarks_align_celeba.txt", "1", "lefteye_x", "000001.jpg 69 111 108 111 88 136 72 152 105 152")
    size = picture("ffhq/images1024x1024/00000/00000.png").stat().st_size
    about = {"category": "training", "image": {"file_size": size, "face_landmarks": [[1, 2]] * 68}}
    text("ffhq/ffhq-dataset-v2.json", json.dumps({"0": about}))
    picture("AffectNet/Manually_Annotated_Images/1/a.jpg")
    text("AffectNet/training.csv", "1/a.jpg,0,0,9,9,1;2,1,0.5,-0.25")
    for unit in disfa.UNITS:
        text(f"DISFA/ActionUnit_Labels/SN001/SN001_au{unit}.txt", "1,3")
    picture("DISFA/images/SN001/00001.jpg")
    text("BP4D/AUCoding/AU_OCC/F001_T1.csv", ",".join(map(str, range(25))), "7" + ",1" * 24)
    for unit in bp4d.INTENSE:
        text(f"BP4D/AUCoding/AU_INT/AU{unit:02d}/F001_T1_AU{unit:02d}.csv", "7,2")
    picture("BP4D/2D+3D/F001/T1/0007.jpg")
    for fold, who in enumerate(("F001", "F003", "F004")):
        path = f"BP4D/aligned_images/{who}/T1/00001.jpg"
        picture(f"data/{path}")
        (tmp_path / f"labels/BP4D/{fold}").mkdir(parents=True)
        rows = pd.DataFrame({"image_path": [path]} | {f"au{unit}": [1] for unit in fgnet.UNITS["BP4D"]})
        rows.to_csv(tmp_path / f"labels/BP4D/{fold}/test.csv", index=False)
    return tmp_path


def test_every_command_and_all_code_of_the_page(world, capsys):
    assert len(COMMANDS) >= 8
    for line in COMMANDS:
        with pytest.raises(SystemExit) as ended:
            main(line.split()[1:])
        told = capsys.readouterr()
        assert not ended.value.code, f"{line}: {told.err}"
        assert "out: " in told.err or told.out, line
    assert {p.parent.name for p in world.glob("labels/BP4D/*/train.csv")} == {"0", "1", "2"}
    seen = {}
    for block in blocks("python"):
        exec(block, seen)
    assert seen["rgb"].shape == (256, 256, 3) and np.array_equal(seen["fast"].read(0), seen["rgb"])
    assert seen["corpus"].table["Smiling"].tolist() == [1]
