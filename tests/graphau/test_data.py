"""What GraphAU learns from: which sides of which units are known, and what a network sees of a face."""

import shutil

import numpy as np
import pytest
import torch

from mien import aus
from mien.data.occurrences import SYNTHETIC
from mien.data.sided import corpus_of, open_sided, sides_of, synthetic
from mien.data.synth.store import SynthFaces
from mien.data.unit_views import Stills, Views
from mien.errors import DataError
from mien.faces.align import Square, five_points
from mien.faces.closeup import square_of, whole
from mien.nn.graphau import partners

MAIN = tuple(map(aus.column, SYNTHETIC))
SIDED = tuple(unit for unit in MAIN if int(unit[2:]) in aus.SIDED)


@pytest.fixture
def known(drawn_faces, tmp_path):
    return open_sided(drawn_faces, tmp_path, 32, fold=0, pictures=None)


def test_the_square_has_brows_and_chin_and_turns_with_the_head(drawn):
    landmarks = drawn.face.landmarks
    wide, square = Square.of_five(five_points(landmarks)), square_of(landmarks)
    inside = (landmarks[:, :2] - (square.x, square.y)) / square.half
    assert np.abs(inside).max(0)[1] < 1.05 and square.half == pytest.approx(0.7 * wide.half) and whole(224) == 320
    turned = np.concatenate([landmarks[:, 1:2], -landmarks[:, :1], landmarks[:, 2:]], axis=1)
    assert square_of(turned).roll == pytest.approx(square.roll - np.pi / 2)
    assert (square_of(turned).x, square_of(turned).y) == pytest.approx((square.y, -square.x))


def test_synthetic_faces_are_known_by_their_sides(known, drawn_faces):
    faces = known.learned
    assert faces.units == (*MAIN, *(f"{unit}{side}" for unit in SIDED for side in "LR")) and sides_of(faces.units) == SIDED
    assert set(faces.graded) == {axis for unit in MAIN for axis in aus.axes(unit)}
    shown = SynthFaces(drawn_faces).column("aus")[faces.numbers]
    for place, each in enumerate(shown):
        told = dict(zip(faces.units, zip(faces.present[place], faces.intensities[place], strict=True), strict=True))
        left, right = (each[aus.AXES.index(f"AU12{side}")] for side in "LR")
        assert told["AU12L"] == (left >= 1, left) and told["AU12R"] == (right >= 1, right)
        assert told["AU12"][0] == (max(left, right) >= 1) and np.isnan(told["AU12"][1])
        jaw = each[aus.AXES.index("AU26")]
        assert told["AU26"][1] == pytest.approx(jaw) and told["AU27"][1] == pytest.approx(0.4 * jaw)


def test_people_who_validate_are_not_learned_from(known, drawn_faces):
    photos = SynthFaces(drawn_faces).column("photo")
    learned, unseen = (set(photos[faces.numbers]) for faces in (known.learned, known.unseen))
    assert unseen == {0, 10, 20} and not learned & unseen and len(known.learned) + len(known.unseen) == len(photos)


def test_a_folder_of_folders_is_all_of_them(known, drawn_faces, tmp_path):
    for name in ("photos", "heads"):
        shutil.copytree(drawn_faces, tmp_path / "all" / name)
    both = open_sided(tmp_path / "all", tmp_path, 32, fold=0, pictures=None)
    assert len(both.learned) == 2 * len(known.learned) and len(synthetic(tmp_path / "all")) == 2
    half = len(known.learned)
    assert np.array_equal(both.learned.present[half:], known.learned.present)
    assert np.array_equal(both.learned.face(half).rgb, known.learned.face(0).rgb)


def test_a_corpus_is_found_and_says_what_its_rule_says(tiny_disfa, once, tmp_path):
    assert corpus_of(tiny_disfa) == "DISFA" and corpus_of(tmp_path) == corpus_of(tmp_path / "none") == ""
    found = open_sided(tiny_disfa, tmp_path, 32, fold=1, pictures=None)
    assert found.corpus == "DISFA" and found.learned.graded == found.learned.units == tuple(map(aus.column, (1, 2, 4, 6, 9, 12, 25, 26)))
    assert len(found.learned) + len(found.unseen) == 18 and found.learned.face(0).rgb.shape == (256, 256, 3)
    assert np.array_equal(found.learned.present, (found.learned.intensities >= 2).astype(np.float32))


def test_other_folders_are_refused(tmp_path):
    with pytest.raises(DataError, match="has no corpus that is coded in action units"):
        open_sided(tmp_path, tmp_path, 32, fold=0, pictures=None)
    with pytest.raises(DataError, match="is not a folder"):
        open_sided(tmp_path / "none", tmp_path, 32, fold=0, pictures=None)


def test_a_still_is_the_face_as_the_reader_sees_it(known):
    stills = Stills(known.unseen, ("AU12L", "AU25"), 32)
    view = stills[3]
    assert len(stills) == 12 and view.picture.shape == (3, 32, 32) and view.present.shape == (len(known.unseen.units),)
    assert view.intensities[0] == known.unseen.intensities[3, known.unseen.units.index("AU12L")]
    assert torch.equal(view.picture, stills[3].picture) and stills.picture(3).dtype == np.uint8


def test_samples_are_the_same_in_every_run_and_other_ones_each_time(known):
    one, again, other = (Views(known.learned, known.learned.graded, 32, seed) for seed in (1, 1, 2))
    for number in (0, 5, len(one) + 5):
        assert all(torch.equal(a, b) for a, b in zip(one[number], again[number], strict=True))
    assert not torch.equal(one[5].picture, other[5].picture)
    told = torch.stack([one[number].intensities for number in range(len(one))]).nansum(1).sort().values
    later = torch.stack([one[len(one) + number].intensities for number in range(len(one))]).nansum(1).sort().values
    assert torch.allclose(told, later)  # each face once a round
    assert not torch.equal(one[0].picture, one[len(one)].picture)


def test_mirrored_samples_show_it_on_the_other_side(known, monkeypatch):
    """Without anything else that samples differ by, a sample is a still or its mirror image; both come often."""
    monkeypatch.setattr("mien.data.unit_views.degraded", lambda rgb, _: rgb)
    monkeypatch.setattr("mien.data.unit_views.jittered", lambda square, *_, **__: square)
    faces, graded = known.learned, known.learned.graded
    stills, views, mirrored = Stills(faces, graded, 32), Views(faces, graded, 32, 0), 0
    for number in range(40):
        view, still = views[number], stills[int(views._shuffled(0)[number])]
        if torch.equal(view.picture, still.picture):
            assert torch.equal(view.present, still.present) and torch.equal(view.intensities, still.intensities)
        else:
            mirrored += 1
            assert torch.equal(view.picture.flip(2), still.picture)
            assert torch.equal(view.present, still.present[partners(faces.units)])
            assert torch.equal(view.intensities, still.intensities[partners(graded)])
    assert 10 < mirrored < 30
