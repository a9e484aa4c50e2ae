"""Pictures that must keep looking as they do, by tolerance: someone looked at these and found them good.

After a change that is meant to change them: ``pytest tests/engines/test_golden.py --renew-golden``, look at tests/engines/golden, commit.
"""

from pathlib import Path

import cv2
import numpy as np
import pytest

from mien import images
from mien.edits import parse
from mien.engines import mesh
from mien.faces import align

GOLDEN = Path(__file__).parent / "golden"
SIDE = 128  # pixels: small enough to keep, large enough to show teeth and lids
EDITS = {
    "smile": "AU6=+3 AU12=+4 AU25=+3",
    "stretch": "AU27=+5",
    "closed": "AU43=+5",
    "raised": "AU1=+5 AU2=+5 AU5=+4",
    "nose": "AU4=+4 AU9=+4",
}


@pytest.fixture(scope="module")
def pictures(drawn):
    engine = mesh.build()
    code = engine.encode([align.cut(drawn.photo, drawn.face, engine.crop)])[0]
    made = {"rest": engine.decode([code])[0].rgb}
    for name, words in EDITS.items():
        (edit,) = parse(words)
        made[name] = engine.decode([engine.shift(code, edit)])[0].rgb
    return {name: cv2.resize(rgb, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for name, rgb in made.items()}


@pytest.mark.parametrize("name", ["rest", *EDITS])
def test_an_edit_looks_as_it_did(name, pictures, request):
    path = GOLDEN / f"{name}.png"
    if request.config.getoption("--renew-golden"):
        images.write(pictures[name], path)
    off = np.abs(pictures[name].astype(int) - images.read(path).rgb)
    assert off.mean() < 1.0, "the picture as a whole has changed"
    assert np.percentile(off, 99.5) < 24, "a part of the picture has changed"


@pytest.mark.parametrize("name", EDITS)
def test_the_tolerance_tells_an_edit_from_the_face_at_rest(name, pictures):
    off = np.abs(pictures[name].astype(int) - images.read(GOLDEN / "rest.png").rgb)
    assert off.mean() >= 1.0 or np.percentile(off, 99.5) >= 24
