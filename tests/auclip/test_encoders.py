"""Encoders into StyleGAN2's codes, on small ones: what each row sees, the stages of e4e, and files as they are published."""

import pytest
import torch
from typer.testing import CliRunner

from mien import artefacts, weights
from mien.cli import app
from mien.convert import importers
from mien.errors import WeightsError
from mien.nn import encoders
from mien.nn.encoders import Inverter

SMALL = {"size": 64, "units": (1, 1, 2, 1), "widths": (4, 6, 8, 10), "styles": 9, "code": 12}


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path))
    return tmp_path


@pytest.fixture
def pictures():
    return torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1


def inverter(kind):
    """A network whose numbers are those of the kind, the same in every run."""
    network = Inverter(kind, encoders.Shape(**SMALL)).eval()
    rng = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for tensor in (*network.parameters(), network.latent_avg):
            tensor.copy_(torch.randn(tensor.shape, generator=rng) * 0.3)
    return network


def published(network, **settings):
    """The file that the authors' program would write."""
    state = {f"encoder.{name}": tensor for name, tensor in network.encoder.state_dict().items()}
    return {"state_dict": state | {"decoder.style.1.bias": torch.zeros(3)}, "latent_avg": network.latent_avg, "opts": settings}


def test_rows_of_e4e_are_the_first_and_what_each_adds(pictures):
    encoder = inverter("e4e").encoder
    with torch.inference_mode():
        plain = encoders.GradualStyleEncoder.forward(encoder, pictures)
        assert torch.allclose(encoder(pictures)[:, 1:], plain[:, 1:] + plain[:, :1])
        for stage in (0, 1, 5):
            codes = encoder(pictures, stage)
            assert torch.equal(codes[:, : stage + 1], encoder(pictures)[:, : stage + 1])
            assert torch.equal(codes[:, stage + 1 :], plain[:, :1].expand(-1, SMALL["styles"] - stage - 1, -1))
        assert torch.equal(encoder(pictures, 18), encoder(pictures))  # the last stage of a code with more rows


def test_rows_are_read_from_the_grid_of_their_details(pictures):
    """Nothing of the finest grid is in the first seven rows, nothing of the middle one in the first three."""
    encoder = inverter("psp").encoder
    with torch.no_grad():
        before = encoder(pictures)
        encoder.latlayer2.bias += 1
        fine = encoder(pictures)
        encoder.latlayer1.bias += 1
        both = encoder(pictures)
    assert torch.equal(fine[:, :7], before[:, :7]) and not torch.isclose(fine[:, 7:], before[:, 7:]).all()
    assert torch.equal(both[:, :3], before[:, :3]) and not torch.isclose(both[:, 3:7], before[:, 3:7]).all()


def test_the_published_sizes():
    with torch.device("meta"):
        network = Inverter("e4e", encoders.PUBLISHED)
        assert network(torch.empty(1, 3, 256, 256)).shape == (1, 18, 512)
    convs = [len(head.convs) // 2 for head in network.encoder.styles]
    assert convs == [4] * 3 + [5] * 4 + [6] * 11
    assert network.encoder.taps == [6, 20, 23]


def test_a_code_in_w_has_one_row(pictures):
    network = inverter("psp-w")
    network.latent_avg.zero_()
    codes = network(pictures)
    assert codes.shape == (2, 9, 12) and torch.equal(codes, codes[:, :1].expand_as(codes))
    assert not torch.allclose(codes[0], codes[1])


@pytest.mark.parametrize(
    ("kind", "told"), [("e4e", "Encoder4Editing"), ("psp", "GradualStyleEncoder"), ("psp-w", "SingleStyleCodeEncoder")]
)
def test_a_published_file_becomes_the_network_it_is_of(cache, pictures, kind, told):
    network = inverter(kind)
    torch.save(published(network, encoder_type=told), cache / "file.pt")
    importers.convert(kind.split("-")[0], cache / "file.pt", cache / "out.safetensors")
    again = encoders.of(weights.load(cache / "out.safetensors"))
    expected = network.config | ({"size": 256} if kind == "psp-w" else {})  # whose files do not tell
    assert again.config == expected and not again.training
    with torch.inference_mode():
        assert torch.equal(again(pictures), network(pictures))


def test_the_average_code_as_files_have_it(cache):
    network = inverter("e4e")
    for average, settings, expected in (
        (network.latent_avg[0], {}, network.latent_avg[:1].expand(9, -1)),
        (network.latent_avg[:1], {}, network.latent_avg[:1].expand(9, -1)),
        (network.latent_avg, {"start_from_latent_avg": False}, torch.zeros(9, 12)),
        (None, {"start_from_latent_avg": False}, torch.zeros(9, 12)),
    ):
        torch.save(published(network, **settings) | {"latent_avg": average}, cache / "file.pt")
        importers.convert("e4e", cache / "file.pt", cache / "out.safetensors")
        assert torch.equal(weights.load(cache / "out.safetensors").tensors["latent_avg"], expected)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"opts": {"encoder_type": "GradualStyleEncoder"}}, "says that it is a GradualStyleEncoder: `mien weights import psp FILE`"),
        ({"latent_avg": None}, "has no latent_avg"),
        ({"latent_avg": torch.zeros(4, 12)}, r"its latent_avg is \(4, 12\), its codes \(9, 12\)"),
        ({"state_dict": {"decoder.a": torch.ones(1)}}, "is no e4e encoder"),
        ({"state_dict": [1]}, "is no e4e encoder"),
    ],
)
def test_other_files_are_refused_by_what_is_wrong(cache, change, told):
    torch.save(published(inverter("e4e")) | change, cache / "file.pt")
    with pytest.raises(WeightsError, match=rf"file\.pt.*{told}"):
        importers.convert("e4e", cache / "file.pt", cache / "out.safetensors")
    assert not (cache / "out.safetensors").exists()


def test_what_lacks_a_head_or_is_of_another_network_is_refused(cache):
    content = published(inverter("e4e"))
    del content["state_dict"]["encoder.styles.4.linear.bias"]
    torch.save(content, cache / "file.pt")
    with pytest.raises(WeightsError, match=r"file\.pt does not fit Inverter: missing encoder\.styles\.4\.linear\.bias"):
        importers.convert("e4e", cache / "file.pt", cache / "out.safetensors")
    weights.save(cache / "other.safetensors", {"a": torch.ones(1)}, {"kind": "lpips", "trunk": "vgg16"})
    with pytest.raises(WeightsError, match=r"other\.safetensors is no encoder of faces \(e4e, psp, psp-w\) but lpips"):
        encoders.of(weights.load(cache / "other.safetensors"))


def test_commands_import_and_list_it(cache):
    torch.save(published(inverter("e4e")), cache / "e4e_ffhq_encode.pt")
    run = CliRunner()
    done = run.invoke(app, ["weights", "import", "e4e", str(cache / "e4e_ffhq_encode.pt")])
    assert done.exit_code == 0, done.output
    made = artefacts.installed("e4e-ffhq")
    assert made and weights.kind(made) == "e4e"
    assert "e4e-ffhq" in run.invoke(app, ["weights", "list"]).output
    assert "encoder for editing" in run.invoke(app, ["weights", "show", "e4e-ffhq"]).output


def test_a_stretched_encoder_s_codes_vary_as_random_codes_do():
    with torch.random.fork_rng():
        torch.random.default_generator.manual_seed(0)
        encoder = encoders.Encoder4Editing(64, (1, 1, 1, 1), (8, 12, 16, 20), 10, 16).train()
    pictures = torch.rand(24, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.no_grad():
        before = encoder(pictures)
        encoders.stretch(encoder, pictures)
        codes = encoder(pictures)
    assert float(before[:, 0].std(0).mean()) < 0.5
    assert 0.7 < float(codes[:, 0].std(0).mean()) < 1.3
    assert 0.2 < float((codes[:, 1:] - codes[:, :1]).std(0).mean()) < 0.4
    assert float(codes.mean(0).abs().max()) < 0.1
