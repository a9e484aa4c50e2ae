"""The verb `edit` in Python, on a drawn face."""

import numpy as np
import pytest
import torch
from PIL import Image

import mien
from mien import images, text
from mien.errors import EditError, FaceError, UsageError


@pytest.fixture(scope="module")
def smiling(drawn):
    return mien.edit(drawn.photo.rgb, "AU12=+3")


def test_the_whole_picture_comes_back_at_its_own_size(smiling, drawn):
    assert smiling.image.size == drawn.photo.size
    assert np.array_equal(np.asarray(smiling.image), smiling.rgb)
    assert (smiling.rgb != drawn.photo.rgb).any()
    assert np.array_equal(smiling.rgb[:40], drawn.photo.rgb[:40])


def test_before_after_and_report_agree(smiling):
    assert smiling.before.AU12.item() + 1 < smiling.after.AU12.item()
    line = smiling.report.set_index("au").loc["AU12"]
    assert line.role == "commanded"
    assert (line.before, line.achieved) == (smiling.before.AU12.item(), smiling.after.AU12.item())
    assert line.commanded == pytest.approx(min(line.before + 3, 5), abs=0.05)
    assert line.error == pytest.approx(line.achieved - line.commanded)
    assert set(smiling.report.role) == {"commanded", "off-target"}


def test_units_of_one_movement_are_no_leak(drawn):
    roles = mien.edit(drawn.photo, "AU43=5").report.set_index("au").role
    assert roles["AU43"] == "commanded" and roles["AU45"] == "related" and roles["AU04"] == "off-target"


def test_results_show_themselves_in_a_line(smiling, drawn):
    moving = mien.animate(drawn.photo, to="AU12=5")
    assert all(len(repr(result)) < 200 and " x " in repr(result) for result in (smiling, moving, drawn.photo))
    assert "AU12=+3" in repr(smiling)


def test_the_same_face_stays_the_same_face(smiling):
    assert len(smiling.shape_similarity) == 1
    assert smiling.shape_similarity[0] > 0.9


def test_arrays_pillow_pictures_and_files_are_edited_alike(smiling, drawn, drawn_file):
    for source in (drawn_file, str(drawn_file), Image.open(drawn_file), drawn.photo):
        assert np.array_equal(mien.edit(source, "AU12=+3").rgb, smiling.rgb)


def test_alpha_is_kept(drawn, tmp_path):
    alpha = np.full(drawn.photo.rgb.shape[:2], 200, np.uint8)
    result = mien.edit(Image.fromarray(np.dstack([drawn.photo.rgb, alpha])), "AU12=+1")
    assert np.array_equal(np.asarray(result.image)[..., 3], alpha)
    assert np.array_equal(images.read(result.save(tmp_path / "out.png")).alpha, alpha)


def test_the_zero_edit_is_the_photo(drawn):
    assert np.array_equal(mien.edit(drawn.photo, "AU12=+0 AU4=+0").rgb, drawn.photo.rgb)


def test_the_expression_of_another_photo_and_a_part_of_it(drawn, drawn_smile):
    whole = mien.edit(drawn.photo, like=drawn_smile.photo)
    assert whole.after.AU12.item() > whole.before.AU12.item() + 0.5
    brows = mien.edit(drawn.photo, like=drawn_smile.photo, only="brows")
    assert abs(brows.after.AU12.item() - brows.before.AU12.item()) < 0.5
    with pytest.raises(EditError, match="did you mean 'mouth'"):
        mien.edit(drawn.photo, like=drawn_smile.photo, only="mout")
    with pytest.raises(UsageError, match="name it with like"):
        mien.edit(drawn.photo, "AU12=+1", only="mouth")


def test_an_emotion(drawn):
    result = mien.edit(drawn.photo, emotion="surprise")
    for unit in ("AU01", "AU02", "AU26"):
        assert result.after[unit].item() > result.before[unit].item() + 0.5


def test_solving_comes_nearer_to_what_was_commanded(drawn):
    plain, solved = (mien.edit(drawn.photo, {"AU12": 4}, solve=solve) for solve in (False, True))
    error = [abs(result.report.set_index("au").loc["AU12"].error) for result in (plain, solved)]
    assert error[1] <= max(0.5, error[0])
    with pytest.raises(UsageError, match="smiling"):
        mien.edit(drawn.photo, "smiling=+1", solve=True)


def test_faces_are_numbered_from_the_left_and_the_largest_is_the_default(drawn, drawn_smile):
    small = np.asarray(Image.fromarray(drawn_smile.photo.rgb).resize((256, 256)))
    wall = np.full((384, 640, 3), drawn.photo.rgb[5, 5], np.uint8)
    wall[60:316, :256], wall[:, 256:] = small, drawn.photo.rgb
    assert mien.edit(wall, "AU12=+2").portrait.numbers == [1]
    everyone = mien.edit(wall, "AU4=+3", face="all")
    assert everyone.portrait.numbers == [0, 1] and len(everyone.before) == 2
    left, right = ((everyone.rgb != wall)[:, half].any() for half in (slice(0, 256), slice(256, None)))
    assert left and right
    only_left = mien.edit(wall, "AU4=+3", face=0)
    assert not (only_left.rgb != wall)[:, 256:].any()
    with pytest.raises(FaceError, match="it has faces 0 to 1"):
        mien.edit(wall, "AU4=+3", face=2)


def test_a_picture_without_a_face_is_told(tmp_path):
    with pytest.raises(FaceError, match="no face was found"):
        mien.edit(np.full((200, 200, 3), 90, np.uint8), "AU12=+2")


def test_a_zero_edit_measures_as_nothing(drawn):
    result = mien.edit(drawn.photo.rgb, "AU12=+0")
    units = [column for column in result.before.columns if column.startswith("AU")]
    assert np.allclose(result.after[units].astype(float), result.before[units].astype(float), atol=1e-9, equal_nan=True)
    assert result.shape_similarity == [pytest.approx(1.0)]


def test_a_text_is_understood_as_asked(drawn_file):
    """As units any engine does it; as a move of codes, only one that has codes."""
    smiling = mien.edit(drawn_file, text="a big smile")
    assert np.array_equal(smiling.rgb, mien.edit(drawn_file, text="a big smile", by="units").rgb)
    assert (smiling.rgb != smiling.photo.rgb).any()
    with pytest.raises(EditError, match=r"names no action units.*--engine stylegan"):
        mien.edit(drawn_file, text="a big smile", by="directions")
    with pytest.raises(UsageError, match="'unit' is not one of units, directions, optimise; did you mean 'units'"):
        mien.edit(drawn_file, text="a big smile", by="unit")
    with pytest.raises(UsageError, match="by units: says how a text is understood"):
        mien.edit(drawn_file, "AU12=1", by="units")


@pytest.mark.parametrize("words", ["", " ", ",", "qwxz", "a face"])
def test_a_text_that_is_not_understood_is_an_error_of_the_edit(words, drawn_file):
    with pytest.raises(EditError, match=r"the text is empty|knows no word of|names no expression"):
        mien.edit(drawn_file, text=words)


def test_a_text_moves_the_codes_of_a_generator_each_way(drawn_file, style_files, monkeypatch):
    asked = []

    def move(words, code, generator, *, by):
        asked.append((words, by))
        return torch.full_like(code, 0.3)

    monkeypatch.setattr(text, "move", move)
    for by in ("directions", "optimise"):
        result = mien.edit(drawn_file, text="an angry face", by=by, engine="stylegan", weights=style_files / "stylegan2.safetensors")
        assert (result.rgb != result.photo.rgb).any() and result.words == 'text "an angry face"'
    assert asked == [("an angry face", "directions"), ("an angry face", "optimise")]
