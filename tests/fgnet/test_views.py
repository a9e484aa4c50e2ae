"""What FG-Net sees of faces and is to draw of them: both are of the same places."""

import numpy as np
import pytest
import torch

from mien.data.heatmap_views import Stills, Views, Wide
from mien.data.keptfaces import Framing
from mien.data.occurrences import SYNTHETIC, open_known
from mien.faces.align import Square, five_points, sample
from mien.tables import LANDMARK68

from .conftest import FACES

SIZE, CELLS = 32, 16
AU04, AU12 = (SYNTHETIC.index(unit) for unit in (4, 12))


@pytest.fixture(scope="module")
def known(synthetic, tmp_path_factory):
    return open_known([synthetic], Wide("ffhq", SIZE), tmp_path_factory.mktemp("none"))


@pytest.fixture(scope="module")
def stills(known):
    return Stills(known.learned, known.learned.graded, CELLS)


def shows(faces, unit):
    return np.flatnonzero(faces.present[:, unit] == 1)


def test_hills_stand_where_the_picture_shows_the_unit(known, stills):
    """Faces with AU12 have a bright mouth, those with AU04 a dark brow."""
    for unit, sign, points in ((AU12, 1, [48, 54]), (AU04, -1, range(17, 27))):
        there = known.learned.present[:, unit] == 1
        bright = torch.stack([stills[index].picture.mean((0, 2)) for index in range(len(stills))]).numpy()  # of rows
        row = int((sign * (bright[there].mean(0) - bright[~there].mean(0))).argmax())
        view = stills[int(shows(known.learned, unit)[0])]
        assert view.picture.shape == (3, SIZE, SIZE) and view.targets.shape == (len(SYNTHETIC), CELLS, CELLS)
        heights = view.targets[unit].clamp(min=0)
        cells = torch.arange(CELLS).float()
        x, y = (float((heights.sum(axis) * cells).sum() / heights.sum()) * SIZE / CELLS for axis in (0, 1))
        assert abs(y - row) <= 3 and abs(x - known.learned.face(0).landmarks[LANDMARK68[points], 0].mean()) <= 1.5


def test_labels_are_those_of_the_pictures(known, stills):
    view = stills[int(shows(known.learned, AU12)[0])]
    assert view.present[AU12] == 1 and view.intensities[AU12] == 3.0, "the mean of both sides"
    assert view.present[SYNTHETIC.index(27)] == 1 and view.intensities[SYNTHETIC.index(26)] == 2.5, "the jaw of AU27, in steps of AU26"
    assert view.present[SYNTHETIC.index(9)] == 0 and view.intensities[SYNTHETIC.index(9)] == 0
    assert (view.targets.amax((1, 2)) > 0.9).tolist() == (view.present == 1).tolist()


def test_of_what_nobody_knows_nothing_is_said(known):
    present = known.learned.present.copy()
    present[:, AU12] = np.nan
    unsure = type(known.learned)(known.learned.faces, known.learned.numbers, known.learned.units, present, known.learned.intensities)
    view = Stills(unsure, (), CELLS)[0]
    assert view.present[AU12].isnan() and not view.targets.isnan().any() and view.intensities.shape == (0,)


def test_a_mirror_image_shows_the_same_on_the_other_side(stills):
    view, mirrored = (stills.view(3, mirrored=flipped) for flipped in (False, True))
    assert torch.equal(mirrored.picture, view.picture.flip(2)) and torch.equal(mirrored.present, view.present)
    assert (mirrored.targets - view.targets.flip(2)).abs().max() < 0.25 < (mirrored.targets - view.targets).abs().max()


def test_each_face_comes_once_in_a_round_and_sample_n_is_the_same_in_every_run(stills):
    views, again = (Views(stills, 7, flips=True) for _ in range(2))
    count = len(views)
    rounds = [[views[number] for number in range(count * turn, count * (turn + 1))] for turn in range(2)]
    plain = [stills[index] for index in range(count)]

    def which(view):
        same = [torch.equal(view.picture, other) for one in plain for other in (one.picture, one.picture.flip(2))]
        return same.index(True)

    orders = [[which(view) for view in each] for each in rounds]
    assert all(sorted(number // 2 for number in order) == list(range(count)) for order in orders) and orders[0] != orders[1]
    assert 0.2 < np.mean([number % 2 for order in orders for number in order]) < 0.8, "some are mirrored"
    assert all(torch.equal(again[number].picture, rounds[1][number - count].picture) for number in (count + 5, count, count + 2))
    assert all(which(Views(stills, 7, flips=False)[number]) % 2 == 0 for number in range(count))


def test_nobody_validates_who_is_learned_from(known):
    assert len(known.learned) + len(known.unseen) == FACES and known.corpus == "" == known.left_out
    assert not set(known.learned.numbers) & set(known.unseen.numbers)


def test_a_picture_in_the_framing_stays_as_it_is(drawn):
    """FFHQ blurs what is near the border of a photo, as if nothing but its mirror image were beyond."""
    square = Square.of_five(five_points(drawn.face.landmarks.astype(np.float64)))
    side = 128
    framed = sample(drawn.photo.rgb, square, side)
    points = drawn.face.landmarks.astype(np.float64)
    points[:, :2] = (points[:, :2] - square.to_photo(side)[:2, 2]) @ np.linalg.inv(square.to_photo(side)[:2, :2]).T
    stripes = np.where(np.arange(side)[None, :, None] // 4 % 2, framed, 255 - framed)  # detail up to the border
    wide, blurred = (kind("ffhq", side).cut(stripes, points) for kind in (Wide, Framing))
    sharp = [np.abs(np.diff(cut.rgb[:6].astype(float), axis=1)).mean() for cut in (wide, blurred)]
    assert sharp[0] > 2 * sharp[1]
    np.testing.assert_allclose(wide.landmarks[:, :2], points[:, :2], atol=3)
