"""FG-Net's two files become one, or it is told what is wrong with which."""

import pytest
import torch
from typer.testing import CliRunner

from mien import artefacts, registry, weights
from mien.cli import app
from mien.convert import importers
from mien.errors import UsageError, WeightsError
from mien.metrics.detection.learned import Learned
from mien.nn import fgnet

from .conftest import CODE, ROWS

BP4D = ("AU01", "AU02", "AU04", "AU06", "AU07", "AU10", "AU12", "AU14", "AU15", "AU17", "AU23", "AU24")
DISFA = ("AU01", "AU02", "AU04", "AU06", "AU09", "AU12", "AU25", "AU26")
HEAD = "layer3.4"  # the last convolution, of a generator of 32 pixels


@pytest.fixture
def trained(made):
    """A published network of so many units: biases of the other heatmaps stay 0."""

    def make(units=BP4D, learned=None):
        network = made(units=units, mode="compatible", outputs=32)
        with torch.no_grad():
            network.interpreter.layer3[-1].bias[len(units) if learned is None else learned :] = 0
        return network

    return make


def parts(network):
    return {
        "interpreter": network.interpreter.state_dict(),
        "g_all": network.generator.state_dict(),
        "pspencoder": network.encoder.encoder.state_dict(),
    }


def beside(network, **others):
    """The encoder's file, which has numbers of before the training too."""
    return {"state_dict": {"encoder.input_layer.0.weight": torch.zeros(1)}, "latent_avg": network.encoder.latent_avg, **others}


def imported(folder, model, other, **options):
    torch.save(model, folder / "model.pth")
    torch.save(other, folder / "encoder.pt")
    importers.convert("fgnet", folder / "model.pth", folder / "out.safetensors", {"encoder": folder / "encoder.pt"} | options)
    return fgnet.of(weights.load(folder / "out.safetensors"))


@pytest.mark.parametrize("units", [BP4D, DISFA])
def test_both_files_become_the_network(trained, pictures, tmp_path, units):
    network = trained(units)
    again = imported(tmp_path, parts(network), beside(network, opts={"start_from_latent_avg": False}))
    assert again.config == network.config and again.units == units and not again.training
    with torch.inference_mode():
        assert torch.equal(again(pictures), network(pictures))


def test_names_may_stand_under_others(trained, pictures, tmp_path):
    network = trained()
    model = {part: {f"module.{name}": tensor for name, tensor in held.items()} for part, held in parts(network).items()}
    model["pspencoder"] = {f"encoder.{name.removeprefix('module.')}": tensor for name, tensor in model["pspencoder"].items()}
    again = imported(tmp_path, model | {"epoch": 3}, beside(network))
    with torch.inference_mode():
        assert torch.equal(again(pictures), network(pictures))


def test_the_corpus_is_asked_for_where_the_file_does_not_tell_it(trained, tmp_path):
    network = trained(learned=32)
    with pytest.raises(WeightsError, match=r"as 32 of its heatmaps have learned: say --corpus BP4D \(12 units\) or --corpus DISFA"):
        imported(tmp_path, parts(network), beside(network))
    assert imported(tmp_path, parts(network), beside(network), corpus="DISFA").units == DISFA
    network = trained()
    with pytest.raises(WeightsError, match=r"model\.pth was trained on BP4D, not on DISFA: 12 of its heatmaps have learned"):
        imported(tmp_path, parts(network), beside(network), corpus="DISFA")
    with pytest.raises(UsageError, match="--corpus 'BP4d' is not one of BP4D, DISFA; did you mean 'BP4D'"):
        imported(tmp_path, parts(network), beside(network), corpus="BP4d")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"interpreter": None, "pspencoder": None}, "has no interpreter, pspencoder: give FG-Net's model.pth, which has interpreter"),
        ({"g_all": {"fc.weight": torch.ones(2)}}, "the g_all in .* is another network"),
        ({"interpreter": {"fc.weight": torch.ones(2)}}, "the interpreter in .* is another network"),
        ({"pspencoder": {"fc.weight": torch.ones(2)}}, "the pspencoder in .* is another network"),
        ({"pspencoder": {}}, "there is no tensor in it"),
    ],
)
def test_a_model_that_lacks_a_network_is_refused(trained, tmp_path, change, told):
    network = trained()
    with pytest.raises(WeightsError, match=told) as error:
        imported(tmp_path, parts(network) | change, beside(network))
    assert str(tmp_path / "model.pth") in str(error.value) and not (tmp_path / "out.safetensors").exists()


def test_what_does_not_go_together_is_refused(trained, tmp_path):
    network = trained()
    lacking = parts(network)
    del lacking["interpreter"][f"{HEAD}.weight"]
    with pytest.raises(WeightsError, match=rf"model\.pth does not fit FGNet: missing interpreter\.{HEAD}\.weight"):
        imported(tmp_path, lacking, beside(network))
    narrow = parts(network)
    narrow["pspencoder"] = {name: tensor for name, tensor in narrow["pspencoder"].items() if f"styles.{ROWS - 1}." not in name}
    with pytest.raises(WeightsError, match=rf"model\.pth: the encoder makes codes of {ROWS - 1} rows of {CODE} numbers, the generator"):
        imported(tmp_path, narrow, beside(network) | {"latent_avg": torch.zeros(ROWS - 1, CODE)})


@pytest.mark.parametrize(
    ("encoder", "told"),
    [
        ({"latent_avg": None}, "has no latent_avg, the code that faces begin at: give the encoder.pt"),
        ({"latent_avg": torch.zeros(4, CODE)}, rf"its latent_avg is \(4, {CODE}\), its codes \({ROWS}, {CODE}\)"),
    ],
)
def test_an_encoder_without_the_average_code_is_refused(trained, tmp_path, encoder, told):
    network = trained()
    with pytest.raises(WeightsError, match=rf"encoder\.pt.*{told}"):
        imported(tmp_path, parts(network), beside(network) | encoder)


def test_files_that_were_mixed_up_are_refused(trained, tmp_path):
    network = trained()
    with pytest.raises(WeightsError, match=r"model\.pth has no interpreter, g_all, pspencoder"):
        imported(tmp_path, beside(network), parts(network))
    with pytest.raises(WeightsError, match=r"encoder\.pt has no latent_avg"):
        imported(tmp_path, parts(network), parts(network))
    with pytest.raises(WeightsError, match=r"no file at .*nowhere\.pt"):
        imported(tmp_path, parts(network), beside(network), encoder=tmp_path / "nowhere.pt")


def test_the_command(trained, tmp_path, monkeypatch):
    """Networks of both corpora lie side by side, under the names that the register has for them."""
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path / "cache"))
    command = ["weights", "import", "fgnet", str(tmp_path / "model.pth"), "--encoder", str(tmp_path / "encoder.pt")]
    for units in (BP4D, DISFA):
        network = trained(units)
        torch.save(parts(network), tmp_path / "model.pth")
        torch.save(beside(network), tmp_path / "encoder.pt")
        done = CliRunner().invoke(app, command)
        assert done.exit_code == 0, done.output
    assert artefacts.installed("fgnet-disfa") == tmp_path / "cache" / "fgnet-disfa.safetensors"
    for corpus, units in (("bp4d", BP4D), ("disfa", DISFA)):
        reader = registry.reader("fgnet", weights=tmp_path / "cache" / f"fgnet-{corpus}.safetensors")
        assert reader.detects == units and Learned.of(reader) == Learned(corpus.upper(), None), "of which fold, nobody says"
        card = (tmp_path / "cache" / f"fgnet-{corpus}.md").read_text()
        assert "`model.pth`" in card and " and `encoder.pt`, " in card and card.count("SHA-256") == 2
        assert corpus.upper() in card and {"bp4d": "DISFA", "disfa": "BP4D"}[corpus] not in card
    assert [path.name for path in artefacts.weight_files("fgnet", folders=[artefacts.folder()])] == [
        "fgnet-bp4d.safetensors", "fgnet-disfa.safetensors",
    ]  # fmt: skip
    named = CliRunner().invoke(app, [*command, "-o", str(tmp_path / "mine.safetensors")])
    assert named.exit_code == 0 and fgnet.of(weights.load(tmp_path / "mine.safetensors")).units == DISFA


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["fgnet", "model.pth"], "fgnet lies in two files, name the other one too: --encoder encoder.pt"),
        (["psp", "encoder.pt", "--encoder", "encoder.pt"], "--encoder is no matter of psp: leave it out"),
    ],
)
def test_what_the_command_lacks_is_told(tmp_path, monkeypatch, words, told):
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path / "cache"))
    error = CliRunner().invoke(app, ["weights", "import", *words]).exception
    assert isinstance(error, UsageError) and told in str(error)
