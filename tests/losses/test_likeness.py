"""How like two pictures are: zero for the same one, more for another, with gradients for what was made and none for the network."""

import pytest
import torch

from mien.losses.likeness import Likeness
from mien.nn.irse import IRSE


@pytest.fixture
def likeness():
    with torch.random.fork_rng():
        torch.random.default_generator.manual_seed(0)
        return Likeness(IRSE(48, (1, 1, 1, 1), (4, 6, 8, 10), 16))


def pictures(seed, size=64):
    return torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_a_picture_is_like_itself_and_less_like_another(likeness):
    same, other = likeness(pictures(0), pictures(0)), likeness(pictures(0), pictures(1))
    assert abs(float(same.identity)) < 1e-6 and float(same.grids) == 0
    assert float(other.identity) > 1e-4 and float(other.grids) > 1e-3


def test_the_network_sees_the_middle_three_quarters(likeness):
    """A change of the rim is not seen; of the middle it is; pictures of another size are looked at alike."""
    one = pictures(0)
    rim, middle = one.clone(), one.clone()
    rim[:, :, :8] = 0
    middle[:, :, 8:10] = 0
    assert float(likeness(rim, one).grids) == 0 < float(likeness(middle, one).grids)
    flat = torch.nn.functional.interpolate(pictures(2, 16), (64, 64), mode="bilinear")
    larger = torch.nn.functional.interpolate(flat, (128, 128), mode="bilinear")
    one, same, other = (likeness.codes(batch) for batch in (flat, larger, pictures(0)))
    assert float((one - same).norm()) < 0.1 * float((one - other).norm())


def test_what_was_made_learns_and_the_network_stays(likeness):
    made = pictures(0).requires_grad_()
    before = {name: tensor.clone() for name, tensor in likeness.network.state_dict().items()}
    likeness.train()
    distance = likeness(made, pictures(1))
    (distance.identity + distance.grids).backward()
    assert made.grad is not None and float(made.grad.abs().sum()) > 0
    assert all(torch.equal(tensor, before[name]) for name, tensor in likeness.network.state_dict().items())
    assert all(parameter.grad is None for parameter in likeness.network.parameters())


def test_the_published_size_is_framed_as_published(likeness):
    with torch.random.fork_rng():
        network = IRSE(112, (1, 1, 1, 1), (4, 6, 8, 10), 16)
    one = pictures(0, 256)
    changed = one.clone()
    changed[:, :, :35] = 0  # outside rows 35..223
    assert float(Likeness(network)(changed, one).grids) == 0
