"""Miniature corpora in the layouts of the published ones: all their people, a drawn face or two of each."""

import shutil
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from mien import images, registry
from mien.aus import AUVector
from mien.data.layouts import bp4d, disfa, fgnet, folds
from mien.data.renders import render
from mien.faces import landmarks
from mien.geometry import head
from mien.video import Writer

#: What the drawn faces show, as FACS intensities.
SHOWN = ({}, {12: 5, 6: 4}, {1: 5, 2: 5}, {25: 5, 26: 4}, {4: 5})
FILMED, FACELESS = "SN003", "SN002"  # who is there as a film, and with a frame that shows no face


def shown(place):
    return SHOWN[place % len(SHOWN)]


@pytest.fixture(scope="session")
def corpora(tmp_path_factory):
    """A folder with ``DISFA``, ``BP4D``, and FG-Net's lists ``labels/DISFA`` of the pictures in ``data``."""
    root = tmp_path_factory.mktemp("corpora")
    faces = [render(head.bundled(), AUVector.of({f"AU{u}": v for u, v in units.items()}), size=160).photo.rgb for units in SHOWN]
    files = [images.write(rgb, root / f"pool/{k}.png") for k, rgb in enumerate(faces)]
    people = SimpleNamespace(DISFA=sorted(set().union(*folds.DISFA.values())), BP4D=sorted(set().union(*folds.BP4D.values())))
    for place, who in enumerate(people.DISFA):
        put(files[place % len(SHOWN)], root / f"DISFA/images/{who}/00001.png")
        put(files[place % len(SHOWN)], root / f"data/DISFA/aligned_images/{who}/00001.png")
        frames = 2 if who in (FILMED, FACELESS) else 1
        for unit in disfa.UNITS:
            told = [shown(place).get(unit, 0), 0][:frames]
            lines(root / f"DISFA/ActionUnit_Labels/{who}/{who}_au{unit}.txt", [f"{n},{value}" for n, value in enumerate(told, 1)])
    images.write(np.full((160, 160, 3), 128, np.uint8), root / f"DISFA/images/{FACELESS}/00002.png")
    shutil.rmtree(root / f"DISFA/images/{FILMED}")
    with Writer(root / "film.mp4", (160, 160), 20) as film:
        film.add(faces[people.DISFA.index(FILMED) % len(SHOWN)])
        film.add(faces[0])
    (root / "film.mp4").rename(root / f"DISFA/LeftVideo{FILMED}_comp.avi")
    for place, who in enumerate(people.BP4D):
        put(files[place % len(SHOWN)], root / f"BP4D/2D+3D/{who}/T1/0007.png")
        codes = [9 if (who, unit) == ("M001", 7) else int(unit in shown(place)) for unit in bp4d.UNITS]
        lines(root / f"BP4D/AU_OCC/{who}_T1.csv", [",".join(map(str, row)) for row in ([0, *bp4d.UNITS], [7, *codes])])
        for unit in bp4d.INTENSE:
            lines(root / f"BP4D/AU_INT/AU{unit:02d}/{who}_T1_AU{unit:02d}.csv", [f"7,{shown(place).get(unit, 0)}"])
    lists(root / "labels/DISFA", people.DISFA)
    return root


def lists(root, people):
    """FG-Net's label files: the test rows of each fold, and parts of the training rows in which each begins the next."""
    rows = {
        who: {"image_path": f"DISFA/aligned_images/{who}/00001.png"} | {f"au{u}": int(u in shown(k)) for u in fgnet.UNITS["DISFA"]}
        for k, who in enumerate(people)
    }
    tests = [pd.DataFrame([rows[who] for who in people if who in folds.DISFA[fold]]) for fold in range(3)]
    for fold, test in enumerate(tests):
        (root / str(fold)).mkdir(parents=True)
        test.to_csv(root / f"{fold}/test.csv", index=False)
        train = pd.concat([tests[(fold + 1) % 3], tests[(fold + 2) % 3]], ignore_index=True).sample(frac=1, random_state=fold)
        for count in (5, 15):
            train.head(count).to_csv(root / f"{fold}/train_{count}.csv")


def put(file, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(file, path)


def lines(path, told):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(told) + "\n")


@pytest.fixture
def taught():
    """Readers that read as geometry does, and whose weights say what they were trained on."""

    def make(recipe, name="taught"):
        reader = registry.reader("geometry")
        return SimpleNamespace(name=name, recipe=recipe, measures=reader.measures, measure=reader.measure)

    return make


_FOUND = {}


@pytest.fixture
def once(monkeypatch):
    """Faces of a picture are looked for once: the miniature corpora show the same few pictures again and again."""
    find = landmarks.find

    def remembered(photo):
        key = photo.rgb.tobytes()
        if key not in _FOUND:
            _FOUND[key] = find(photo)
        return _FOUND[key]

    monkeypatch.setattr(landmarks, "find", remembered)
