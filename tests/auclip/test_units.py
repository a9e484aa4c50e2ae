"""Action units through which gradients flow: the reader, its recipe, and the loss."""

import json

import numpy as np
import pytest
import torch

from mien import weights
from mien.data.expressions import AXES, open_expressions
from mien.errors import DataError, WeightsError
from mien.losses import units
from mien.losses.units import LandmarkReader
from mien.recipes.units import UnitsConfig, followed, solved, train


@pytest.fixture(scope="module")
def trained(expressions, options, tmp_path_factory):
    return train(UnitsConfig(data=expressions, out=tmp_path_factory.mktemp("units"), options=options))


def test_expressions_are_read_along_independent_axes(expressions):
    """A jaw that drops is a share of one that stretches the mouth; what the photo showed stays where nothing was asked."""
    found = open_expressions(expressions)
    assert found.shown.shape == (72, len(AXES)), "every tenth person validates"
    truth = found.faces.column("aus")[found.numbers]
    row = units_row("AU12L")
    assert np.allclose(5 * found.shown[:, AXES.index("AU12L")], truth[:, row])
    assert np.allclose(5 * found.shown[:, AXES.index("AU27")], truth[:, units_row("AU26")] * 0.4)
    assert set(open_expressions(expressions, "val").people) == {0, 10}
    assert sorted(len(group) for group in found.of_person()) == [4] * 18


def units_row(axis):
    from mien.aus import AXES as ALL

    return ALL.index(axis)


def test_a_folder_of_something_else_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"has no synth\.json"):
        open_expressions(tmp_path)


def test_what_differs_within_people_is_told_and_what_differs_between_them_a_little():
    """Of two features the one carries the movement, and both carry who it is: their difference is blind to people."""
    rng = np.random.default_rng(0)
    people = np.arange(50).repeat(8)
    who, shown = rng.normal(size=(50, 1))[people], rng.uniform(size=(400, 1))
    seen = np.hstack([shown + who, who + 0.1 * rng.normal(size=(400, 1))])
    weight, bias = solved(seen, shown, people, ridge=1e-9, between=0.0)
    assert followed(seen @ weight.T + bias, shown, people)[0] > 0.99
    both, own = solved(seen, shown, people, ridge=1e-9, between=1.0)
    error = [np.abs(seen @ w.T + b - shown).mean() for w, b in ((weight, bias), (both, own))]
    assert error[1] < 0.2 * error[0], "without people it cannot know whom to subtract"
    assert np.allclose((seen @ weight.T + bias).mean(), shown.mean(), atol=1e-6)


def test_followed_is_pearsons_within_people():
    people, shown = np.array([0, 0, 1, 1]), np.array([[0.0, 1], [1, 1], [5, 1], [6, 1]])
    assert followed(3 * shown + 10 * people[:, None], shown, people).tolist() == pytest.approx([1.0, 0.0])


def test_the_trained_reader_reads_bands_of_people_it_never_saw(trained, expressions):
    reader, unseen = units.opened(trained), open_expressions(expressions, "val")
    found = reader(torch.stack([unseen.picture(number, 64) for number in range(len(unseen))])).detach().double().numpy()
    right = followed(found, unseen.shown.astype(float), unseen.people)
    assert right[AXES.index("AU12L")] > 0.8 and right[AXES.index("AU04R")] > 0.8
    assert reader.units == AXES and weights.kind(trained) == "units"
    (told,) = map(json.loads, (trained.parent / "metrics.jsonl").read_text().splitlines())
    assert told["followed"] == pytest.approx(right.mean(), abs=0.02)
    each = [np.corrcoef(a, b)[0, 1] if np.ptp(b) else 0.0 for a, b in zip(found.T, unseen.shown.T, strict=True)]
    assert told["alone"] == pytest.approx(np.mean(each), abs=0.02)


def test_gradients_flow_to_the_pictures_and_not_into_the_reader(trained):
    reader = units.opened(trained).train()
    pictures = torch.zeros(2, 3, 64, 64, requires_grad=True)
    units.apart(reader(pictures), torch.ones(2, len(AXES))).backward()
    assert pictures.grad is not None and float(pictures.grad.abs().sum()) > 0
    assert not any(parameter.requires_grad for parameter in reader.parameters()) and not reader.network.training


def test_pictures_of_any_size_show_the_network_the_same_face():
    reader = LandmarkReader(units.landmark_network(), ("AU12",))
    coarse = torch.rand(1, 3, 6, 6, generator=torch.Generator().manual_seed(0)) * 2 - 1
    large = torch.nn.functional.interpolate(coarse, (256, 256), mode="bicubic")
    small = torch.nn.functional.interpolate(large, (64, 64), mode="bicubic", antialias=True)
    one, other = reader.code(large)[0], reader.code(small)[0]
    assert torch.nn.functional.cosine_similarity(one, other, dim=0) > 0.98


def test_the_loss_is_the_mean_absolute_difference():
    assert float(units.apart(torch.tensor([[0.5, 0.0]]), torch.tensor([[0.0, 0.25]]))) == pytest.approx(0.375)


def test_a_file_of_another_network_is_refused(networks):
    with pytest.raises((WeightsError, KeyError), match="reader of action units"):
        units.opened(networks)


def test_the_reader_that_ships_reads_all_axes_of_the_labels():
    reader = units.opened()
    assert tuple(reader.units) == AXES and float(reader.read.weight.abs().sum()) > 0
