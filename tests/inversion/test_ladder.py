"""The ladder from a picture to its code: each way is nearer to the picture, the same in every run, and leaves what it was given alone."""

from copy import deepcopy

import pytest
import torch

from mien import weights
from mien.faces.identity import KIND, Recognizer
from mien.inversion import Networks, invert, quality, refining, tuning
from mien.inversion.refining import ramp, refined, spread_of
from mien.inversion.tuning import tuned
from mien.losses import reconstruction
from mien.losses.reconstruction import Reconstruction
from mien.nn.encoders import Inverter, Shape
from mien.nn.irse import IRSE
from mien.nn.stylegan2 import Generator, initialise

SIZE, CODE = 32, 8


def filled(network, seed):
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=draw))
    return network.eval()


@pytest.fixture(scope="module")
def measure(tmp_path_factory):
    """By a small network for identity."""
    with torch.random.fork_rng():
        torch.random.default_generator.manual_seed(5)
        network = IRSE(size=16, units=(1, 1, 1, 1), widths=(4, 6, 8, 10), code=12)
    path = tmp_path_factory.mktemp("identity") / "small.safetensors"
    weights.save(path, network.state_dict(), {"kind": KIND, **network.config})
    return Reconstruction(Recognizer(path))


@pytest.fixture(scope="module")
def networks(measure):
    """A generator of 32 pixels with biases and noise, and an encoder whose codes are near the mean."""
    generator = Generator((8, 8, 8, 6), code=CODE, depth=2)
    initialise(generator, torch.Generator().manual_seed(0))
    filled(generator, 1)
    with torch.random.fork_rng():
        torch.random.default_generator.manual_seed(0)
        encoder = Inverter("e4e", Shape(size=32, units=(1, 1, 1, 1), widths=(4, 6, 8, 10), styles=generator.rows, code=CODE)).eval()
    with torch.no_grad():
        mean = generator.map(torch.randn(500, CODE, generator=torch.Generator().manual_seed(2))).mean(0)
        encoder.latent_avg.copy_(mean.expand(generator.rows, -1))
    return Networks(generator, encoder, mean, measure)


@pytest.fixture(scope="module")
def picture(networks):
    """What the generator draws of a code that the encoder does not know, with stripes that it cannot draw; twice its size."""
    z = torch.randn(1, CODE, generator=torch.Generator().manual_seed(3))
    drawn = networks.generator(networks.generator.spread(networks.generator.map(z)))
    stripes = 0.2 * torch.sin(torch.arange(SIZE) * 0.9).expand(3, SIZE, SIZE)
    return torch.nn.functional.interpolate((0.7 * drawn / drawn.abs().max() + stripes).clamp(-1, 1), scale_factor=2)


def small(picture):
    return torch.nn.functional.avg_pool2d(picture, 2)


def test_every_step_of_the_ladder_is_nearer_to_the_picture(networks, picture):
    found = [invert(picture, networks, how) for how in ("encoder", "refine", "pivotal")]
    encoder, refine, pivotal = (each.quality for each in found)
    assert encoder.psnr + 1 < refine.psnr < pivotal.psnr - 0.5
    assert 0.7 * encoder.perceptual > refine.perceptual > pivotal.perceptual
    assert encoder.identity < refine.identity <= 1
    assert {each.identity_network for each in (encoder, refine, pivotal)} == {"small, IR-SE-10 of 16 px"}
    assert encoder.perceptual_network == "grids of small, IR-SE-10 of 16 px"
    assert found[0].generator is found[1].generator is networks.generator and found[2].generator is not networks.generator
    assert torch.equal(found[1].code, found[2].code) and not found[1].code.requires_grad
    assert torch.equal(found[0].code, networks.encoder(small(picture)))
    drawn = found[2].generator(found[2].code)
    assert not drawn.requires_grad
    assert quality(drawn, small(picture), networks.measure) == pivotal


def test_it_is_the_same_in_every_run_and_alone(networks, picture):
    state = torch.get_rng_state()
    one = invert(picture, networks, "pivotal")
    assert torch.equal(torch.get_rng_state(), state), "nothing was drawn from what is random for all"
    invert(-picture, networks, "pivotal")
    torch.rand(3)
    with torch.inference_mode():
        other = invert(picture.clone(), networks, "pivotal")
    assert torch.equal(one.code, other.code) and one.quality == other.quality
    pairs = zip(one.generator.state_dict().values(), other.generator.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_tuning_leaves_the_generator_the_mapping_and_far_pictures_alone(networks, picture, monkeypatch):
    generator, goal = networks.generator, small(picture)
    before = deepcopy(generator.state_dict())
    pivot = invert(picture, networks, "refine").code
    z = torch.randn(40, CODE, generator=torch.Generator().manual_seed(9))
    far = generator.spread(generator.map(z))
    strayed = {}
    for weight in (0.0, 1.0):
        monkeypatch.setattr(tuning, "_LOCALITY", weight)
        own = tuned(goal, pivot, generator, networks.mean, networks.measure)
        assert all(torch.equal(value, before[name]) for name, value in generator.state_dict().items())
        assert all(torch.equal(value, before[name]) for name, value in own.state_dict().items() if name.startswith(("style.", "noises.")))
        assert not torch.equal(own.conv1.conv.weight, generator.conv1.conv.weight)
        strayed[weight] = float((own(far) - generator(far)).square().mean())
    assert 0 < strayed[1.0] < 0.9 * strayed[0.0], "the regularisation holds what is drawn elsewhere"
    monkeypatch.setattr(tuning, "_LOCALITY", 1.0)
    seeded = tuned(goal, pivot, generator, networks.mean, networks.measure, seed=5)
    assert not torch.equal(seeded.conv1.conv.weight, own.conv1.conv.weight), "codes elsewhere are those of the seed"


def test_a_stronger_pull_keeps_the_code_nearer_to_the_encoders(networks, picture, monkeypatch):
    goal, start = small(picture), invert(picture, networks).code
    moved = []
    for pull in (0.0, 1.0):
        monkeypatch.setattr(refining, "_PULL", pull)
        moved.append(float((refined(goal, start, networks.generator, networks.measure) - start).norm()))
    assert 0 < moved[1] < 0.8 * moved[0]


def test_the_rate_rises_stays_and_falls():
    assert ramp(0.0) == 0 and ramp(0.025) == pytest.approx(0.5) and ramp(0.05) == ramp(0.5) == ramp(0.75) == 1
    assert ramp(0.875) == pytest.approx(0.5) and ramp(1.0) == pytest.approx(0, abs=1e-12)


def test_the_spread_is_that_of_codes_w(networks):
    z = torch.randn(20_000, CODE, generator=torch.Generator().manual_seed(7))
    w = networks.generator.map(z)
    assert float(spread_of(networks.generator)) == pytest.approx(float(w.var(0).mean().sqrt()), rel=0.1)


def test_what_is_given_is_frozen_once_and_measured_by_what_is_on_the_machine(networks):
    every = (networks.generator, networks.encoder, networks.measure)
    assert not any(parameter.requires_grad for network in every for parameter in network.parameters())
    others = Networks(networks.generator, networks.encoder, networks.mean)
    assert others.measure.identity_network == reconstruction.installed().identity_network != networks.measure.identity_network
