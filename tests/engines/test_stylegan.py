"""Engine stylegan: what it does of an edit, and how often it inverts; on networks that have learned nothing. See tests/contract too."""

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import mien
from mien import edits, inversion, registry
from mien.api import animating
from mien.aus import AUShift, AUVector
from mien.cli import app
from mien.edits import TextEdit, TransferEdit, change_by, parse
from mien.engines import stylegan
from mien.errors import EditError, UsageError, WeightsError
from mien.faces import align
from mien.inversion.choosing import Chosen
from mien.nn.mapper import LEVELS, LevelsMapper


@pytest.fixture(scope="module")
def engine(style_files):
    return registry.engine("stylegan", weights=style_files / "stylegan2.safetensors")


@pytest.fixture(scope="module")
def code(engine, drawn):
    return engine.encode([align.cut(drawn.photo, drawn.face, engine.crop)])[0]


def test_each_movement_is_told_once_by_a_name_that_the_mapper_has():
    opened = AUShift.of({"AU26": 4, "AU27": 1, "AU12L": 2})
    assert stylegan._told(opened, frozenset({"AU27"})) == AUShift.of({"AU27": 1.6, "AU12L": 2})
    assert stylegan._told(opened, frozenset({"AU26"})) == AUShift.of({"AU26": 4, "AU12L": 2})
    assert stylegan._told(AUShift.of({"AU27": 4}), frozenset({"AU26"})) == AUShift.of({"AU26": 5})


def test_edits_add_and_names_of_one_movement_are_moved_by_either(engine, code):
    assert {"AU26", "AU27", "AU12L"} <= engine.moves and not {"AU43L", "AU06L"} & engine.moves
    two = engine.shift(engine.shift(code, parse("AU12=+1")[0]), parse("AU12=+1")[0])
    (once,), (twice,) = engine.decode([engine.shift(code, parse("AU12=+2")[0])]), engine.decode([two])
    assert np.array_equal(once.rgb, twice.rgb) and once.matte.any()
    back = engine.shift(two, change_by(code.expression - two.expression))
    assert np.array_equal(engine.decode([back])[0].rgb, code.study.crop.rgb)


def test_of_another_face_as_much_is_taken_over_as_can_be(engine, code):
    wanted = AUVector.of({"AU12": 3, "AU06": 4, "AU43": 5}, others=np.nan)
    taken = engine.shift(code, TransferEdit(wanted))
    assert taken.expression["AU12"] == pytest.approx(3) and taken.expression["AU06"] == code.expression["AU06"]
    with pytest.raises(EditError, match="AU06; it moves AU01, AU02"):
        engine.shift(code, parse("AU6=+1")[0])


def test_one_side_needs_a_mapper_that_has_sides(engine, code, style_files):
    assert engine.decode([engine.shift(code, parse("AU12L=+3")[0])])[0].matte.any()
    whole = LevelsMapper((2, 16), 10, tuple(LEVELS), "compatible", ("AU12", "AU25")).eval()
    with torch.no_grad():
        for number, tensor in enumerate(whole.parameters()):
            tensor.copy_(50 * torch.randn(tensor.shape, generator=torch.Generator().manual_seed(number)))
    plain = stylegan.StyleGANEngine(Chosen(engine._networks, whole, None), engine._read)
    assert plain.moves == {"AU12L", "AU12R", "AU25"}
    with pytest.raises(EditError, match="moves both sides of AU12 alike with this mapper: write AU12"):
        plain.shift(code, parse("AU12L=+3")[0])
    start = code.study.inverted.code
    little, much = (plain._moved(start, AUShift.of({"AU12": steps})) - start for steps in (1.0, 3.0))
    assert torch.allclose(3 * little, much, rtol=1e-3, atol=1e-5)  # the mapper is told signs, as published; the reach alone grows
    (still,) = plain.decode([plain.shift(code, parse("AU12=+0")[0])])
    assert not still.matte.any()


def test_without_a_mapper_no_unit_moves(engine, code):
    bare = stylegan.StyleGANEngine(Chosen(engine._networks, None, None), engine._read)
    with pytest.raises(EditError, match=r"cannot move AU12; no mapper .*mien train auclip"):
        bare.shift(code, parse("AU12=+1")[0])


def test_a_text_is_done_by_its_units_or_asked_for_a_move(engine, code, monkeypatch):
    by_units = engine.shift(code, TextEdit("smiling", AUVector.of({"AU12": 4}, others=np.nan)))
    assert np.array_equal(engine.decode([by_units])[0].rgb, engine.decode([engine.shift(code, parse("AU12=4")[0])])[0].rgb)
    move = torch.full_like(code.moved, 0.3)
    monkeypatch.setattr(engine, "_asked", lambda edit, inverted: move if (edit.words, edit.by) == ("angry", "directions") else None)
    angry = engine.shift(engine.shift(code, TextEdit("angry")), TextEdit("angry"))
    assert torch.equal(angry.moved, 2 * move) and engine.decode([angry])[0].matte.any()
    with pytest.raises(EditError, match='text "angry" names no action units'):
        edits.TextEdit("angry").shift(code.expression)


def test_how_to_invert_and_which_weights(engine, style_files, tmp_path):
    with pytest.raises(UsageError, match="'pivot' is not one of encoder, refine, pivotal; did you mean 'pivotal'"):
        registry.engine("stylegan", weights=style_files / "stylegan2.safetensors", invert="pivot")
    with pytest.raises(WeightsError, match="no weight file at"):
        registry.engine("stylegan", weights=tmp_path / "none.safetensors")
    with pytest.raises(UsageError, match="the engine mesh has no invert; it has no options"):
        registry.engine("mesh", invert="refine")
    assert registry.engine("mesh", weights=None) is registry.engine("mesh")


def test_an_animation_inverts_once(drawn, style_files, monkeypatch):
    asked = []
    invert = inversion.invert
    monkeypatch.setattr(inversion, "invert", lambda *args: asked.append(args) or invert(*args))
    moving = animating.animate(
        drawn.photo, from_="AU12=0", to="AU12=5", seconds=0.2, engine="stylegan", weights=style_files / "stylegan2.safetensors"
    )
    frames = list(moving)
    assert len(asked) == 1 and len(frames) > 3 and moving.passed_over == []
    assert not np.array_equal(frames[0], frames[-1])
    with pytest.raises(EditError, match="AU43"):
        animating.animate(drawn.photo, to="AU43=5", engine="stylegan", weights=style_files / "stylegan2.safetensors")


def test_the_report_tells_the_reconstruction_and_what_was_passed_over(drawn, style_files):
    result = mien.edit(drawn.photo, emotion="happiness", engine="stylegan", weights=style_files / "stylegan2.safetensors")
    told = result.to_dict()
    (made,) = told["reconstructions"]
    assert set(made) == {"psnr", "perceptual", "perceptual_network", "identity", "identity_network", "outside"}
    assert "outside of what" in made["outside"]  # networks that have learned nothing draw nobody
    assert "AU06" in told["passed_over"] and "AU12" not in told["passed_over"]
    assert mien.edit(drawn.photo, "AU12=+1").to_dict()["reconstructions"] == []


def test_the_command_line_warns_of_a_face_that_the_network_cannot_draw(drawn_file, style_files, tmp_path):
    options = ["--engine", "stylegan", "--weights", str(style_files / "stylegan2.safetensors"), "-o", str(tmp_path / "out.png")]
    done = CliRunner().invoke(app, ["edit", str(drawn_file), "AU12=+3", *options])
    assert done.exit_code == 0 and (tmp_path / "out.png").is_file()
    assert "mien: face 0 is outside of what the engine's network can draw (PSNR" in done.stderr
    assert "reconstruction by the network that draws: PSNR" in done.stdout
