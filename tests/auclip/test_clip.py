"""CLIP on a small one: what it promises, against torch's own transformer, and files as they are published."""

import gzip
import json
import warnings

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from typer.testing import CliRunner

from mien import weights
from mien.cli import app
from mien.convert import importers
from mien.errors import WeightsError
from mien.losses import clip as losses
from mien.nn import clip, tokens
from mien.nn.clip import CLIP
from mien.nn.framing import framed

LIST = [("l", "o"), ("lo", "w</w>")]
SMALL = {"size": 16, "patch": 8, "seen": (128, 2, 2), "read": (64, 3, 1), "context": 9, "vocabulary": 516, "code": 10}


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="module")
def network():
    """Numbers that are the same in every run."""
    made = CLIP(**SMALL).eval().requires_grad_(False)
    rng = torch.Generator().manual_seed(0)
    for tensor in made.parameters():
        tensor.add_(torch.randn(tensor.shape, generator=rng) * 0.1)
    return made


@pytest.fixture(scope="module")
def seen():
    return torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def read():
    return tokens.Tokenizer(LIST).rows(["low", "lo lo", "a low!"], 9)


def test_layers_are_those_of_a_transformer(network, seen):
    """Against `torch.nn.TransformerEncoderLayer`, which has the same numbers under other names."""
    block = network.visual.transformer.resblocks[0]
    layer = nn.TransformerEncoderLayer(128, 2, 512, dropout=0, activation=clip.QuickGELU(), batch_first=True, norm_first=True).eval()
    names = {"ln_1": "norm1", "ln_2": "norm2", "mlp.c_fc": "linear1", "mlp.c_proj": "linear2", "attn": "self_attn"}
    state = {}
    for name, tensor in block.state_dict().items():
        old = next(old for old in names if name.startswith(old))
        state[name.replace(old, names[old])] = tensor
    layer.load_state_dict(state)
    x = seen.reshape(2, 6, 128)
    assert torch.allclose(block(x), layer(x), atol=1e-5)


def test_a_text_ends_at_its_end(network, read):
    """What stands behind the last token, and how much room there is, changes nothing; what stands before it does."""
    made = network.encode_text(read)
    assert torch.allclose(network.encode_text(read[:, :6]), made, atol=1e-6)
    behind = read.clone()
    behind[:, -1] = 7
    assert torch.allclose(network.encode_text(behind), made, atol=1e-6)
    before = read.clone()
    before[:, 1] = 7
    assert (network.encode_text(before) - made).abs().amax(1).min() > 1e-3


def test_scores_are_cosines_times_the_scale(network, seen, read):
    pictures, texts = network.encode_image(seen), network.encode_text(read)
    expected = [[float(nn.functional.cosine_similarity(p, t, dim=0)) for t in texts] for p in pictures]
    assert torch.allclose(network(seen, read), torch.tensor(expected) * network.logit_scale.exp(), atol=1e-5)
    one_by_one = torch.cat([network(picture[None], read) for picture in seen])
    assert torch.allclose(network(seen, read), one_by_one, atol=1e-5)


def test_the_published_sizes():
    with torch.device("meta"):
        made = CLIP(**clip.VIT_B_32)
        assert made.encode_image(torch.empty(1, 3, 224, 224)).shape == (1, 512)
    assert sum(tensor.numel() for tensor in made.parameters()) == 151_277_313


def archived(network, path):
    """A TorchScript archive of half precision, with the integers that OpenAI's has beside its tensors."""

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            for name, part in network.named_children():
                self.add_module(name, part)
            for name, tensor in network.named_parameters(recurse=False):
                self.register_parameter(name, tensor)
            self.input_resolution, self.context_length, self.vocab_size = 16, 9, 516

        def forward(self, pictures):
            return self.visual(pictures)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(Model().half(), torch.zeros(1, 3, 16, 16).half(), check_trace=False)
        torch.jit.save(traced, path)


def test_a_torchscript_archive_is_read(cache, network, seen, read):
    copy = CLIP(**SMALL).eval()
    copy.load_state_dict(network.state_dict())
    archived(copy, cache / "ViT-B-32.pt")
    importers.convert("clip", cache / "ViT-B-32.pt", cache / "out.safetensors")
    again = clip.of(weights.load(cache / "out.safetensors"))
    assert again.config == network.config and again.logit_scale.dtype == torch.float32
    with torch.inference_mode():
        assert torch.allclose(again.encode_image(seen), network.encode_image(seen), atol=0.03)
        assert torch.allclose(again.encode_text(read), network.encode_text(read), atol=0.03)


def transformers_names(network):
    """The numbers of a network as transformers keeps them."""
    made, state = {}, network.state_dict()
    ends = {
        "ln_1": "layer_norm1",
        "ln_2": "layer_norm2",
        "mlp.c_fc": "mlp.fc1",
        "mlp.c_proj": "mlp.fc2",
        "attn.out_proj": "self_attn.out_proj",
    }
    for start, part, (_, layers, _) in (("visual.", "vision_model", SMALL["seen"]), ("", "text_model", SMALL["read"])):
        for i in range(layers):
            old, new = f"{start}transformer.resblocks.{i}", f"{part}.encoder.layers.{i}"
            for kind in ("weight", "bias"):
                made |= {f"{new}.{b}.{kind}": state[f"{old}.{a}.{kind}"] for a, b in ends.items()}
                for which, third in zip("qkv", state[f"{old}.attn.in_proj_{kind}"].chunk(3), strict=True):
                    made[f"{new}.self_attn.{which}_proj.{kind}"] = third.clone()
    for old, new in (("visual.ln_pre", "vision_model.pre_layrnorm"), ("visual.ln_post", "vision_model.post_layernorm"),
                     ("ln_final", "text_model.final_layer_norm")):  # fmt: skip
        made |= {f"{new}.{kind}": state[f"{old}.{kind}"] for kind in ("weight", "bias")}
    return made | {
        "vision_model.embeddings.class_embedding": state["visual.class_embedding"],
        "vision_model.embeddings.patch_embedding.weight": state["visual.conv1.weight"],
        "vision_model.embeddings.position_embedding.weight": state["visual.positional_embedding"],
        "vision_model.embeddings.position_ids": torch.arange(5)[None],
        "text_model.embeddings.token_embedding.weight": state["token_embedding.weight"],
        "text_model.embeddings.position_embedding.weight": state["positional_embedding"],
        "visual_projection.weight": state["visual.proj"].T.contiguous(),
        "text_projection.weight": state["text_projection"].T.contiguous(),
        "logit_scale": state["logit_scale"],
    }


@pytest.fixture
def folder(cache, network):
    """As transformers saves a network, with its list of merges."""
    made = cache / "clip-vit"
    made.mkdir()
    save_file(transformers_names(network), made / "model.safetensors")
    (made / "config.json").write_text(
        json.dumps({"vision_config": {"num_attention_heads": 2}, "text_config": {"hidden_act": "quick_gelu"}})
    )
    (made / "merges.txt").write_text("#version: 0.2\nl o\nlo w</w>\n")
    return made


def test_a_folder_of_transformers_is_read_with_its_merges(cache, network, folder):
    importers.convert("clip", folder, cache / "out.safetensors")
    stored = weights.load(cache / "out.safetensors")
    again = clip.of(stored)
    assert again.config == network.config
    assert all(torch.equal(tensor, network.state_dict()[name]) for name, tensor in again.state_dict().items())
    assert tokens.of(stored).encode("low lo") == tokens.Tokenizer(LIST).encode("low lo")


def test_merges_beside_the_published_file_are_kept(cache, network):
    torch.save(network.state_dict(), cache / "ViT-B-32.pt")
    with gzip.open(cache / "bpe_simple_vocab_16e6.txt.gz", "wt") as file:
        file.write('"bpe_simple_vocab_16e6.txt#version: 0.2\nl o\nlo w</w>\na b\n')
    done = CliRunner().invoke(app, ["weights", "import", "clip", str(cache / "ViT-B-32.pt")])
    assert done.exit_code == 0, done.output
    stored = weights.load(cache / "clip-vit-b32.safetensors")
    assert tokens.of(stored).end == 515
    assert clip.of(stored).config == network.config
    (cache / "bpe_simple_vocab_16e6.txt.gz").write_bytes(gzip.compress(b"#version\nl o\n"))
    with pytest.raises(WeightsError, match=r"bpe_simple_vocab_16e6\.txt\.gz has 1 merges, a vocabulary of 516 takes 2"):
        importers.convert("clip", cache / "ViT-B-32.pt", cache / "out.safetensors")
    (cache / "bpe_simple_vocab_16e6.txt.gz").write_bytes(b"no gzip")
    with pytest.raises(WeightsError, match=r"bpe_simple_vocab_16e6\.txt\.gz is no list of merges"):
        importers.convert("clip", cache / "ViT-B-32.pt", cache / "out.safetensors")


def test_other_networks_are_refused_by_what_is_wrong(cache, network, folder):
    state = network.state_dict()
    for content, told in (
        ({"visual.layer1.0.conv1.weight": torch.ones(2, 2, 1, 1)}, "is no CLIP whose pictures are seen by a transformer"),
        ({name: tensor for name, tensor in state.items() if name != "ln_final.bias"}, r"does not fit CLIP: missing ln_final\.bias"),
        (state | {"visual.attnpool.weight": torch.ones(1)}, r"unknown visual\.attnpool\.weight"),
    ):
        torch.save(content, cache / "file.pt")
        with pytest.raises(WeightsError, match=rf"file\.pt.*{told}"):
            importers.convert("clip", cache / "file.pt", cache / "out.safetensors")
    (folder / "config.json").write_text(json.dumps({"vision_config": {"hidden_act": "gelu"}}))
    with pytest.raises(WeightsError, match=r"config\.json says that its activation is gelu: mien has OpenAI's CLIP"):
        importers.convert("clip", folder, cache / "out.safetensors")
    (folder / "model.safetensors").unlink()
    with pytest.raises(WeightsError, match=r"no model\.safetensors in .*clip-vit"):
        importers.convert("clip", folder, cache / "out.safetensors")
    weights.save(cache / "other.safetensors", {"a": torch.ones(1)}, {"kind": "auclip"})
    with pytest.raises(WeightsError, match=r"other\.safetensors is no CLIP but auclip"):
        clip.of(weights.load(cache / "other.safetensors"))


@pytest.mark.parametrize("inside", ["", "model.safetensors"])
def test_a_folder_of_transformers_is_imported_and_then_goes_before_the_one_that_ships(cache, network, folder, seen, inside):
    done = CliRunner().invoke(app, ["weights", "import", "clip", str(folder / inside)])
    assert done.exit_code == 0, done.output
    opened = losses.opened()
    assert losses.chosen().parent == cache and opened.network.config == network.config
    assert torch.allclose(
        opened.codes(seen.clamp(-1, 1)), nn.functional.normalize(network.encode_image(framed(seen.clamp(-1, 1), 16))), atol=1e-5
    )
    assert opened.texts(["low"]).shape == (1, 10)
