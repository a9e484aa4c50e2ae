"""How far pictures are from texts: the cosine as it is written down, gradients, and which network is used."""

import pytest
import torch
from torch.nn import functional as F

from mien import weights
from mien.errors import EditError, WeightsError
from mien.losses import clip as loss
from mien.nn import clip, framing, tokens
from mien.nn.clip import CLIP
from mien.nn.tokens import WORDS, Words

SMALL = {"size": 48, "patch": 16, "seen": (64, 1, 1), "read": (64, 1, 1), "context": 12, "vocabulary": 7, "code": 10, "middle": 0.75}
KNOWN = Words(["a", "face", "happy", "sad", "smile"])


def noise(*shape, seed=1):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def network(**other):
    made = CLIP(**(SMALL | other))
    rng = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for tensor in made.parameters():
            tensor.copy_(torch.randn(tensor.shape, generator=rng) * 0.1 + (tensor.ndim == 1))
    return made


@pytest.fixture
def small():
    return loss.Comparer(network(), KNOWN)


def test_one_minus_the_cosine_of_each_picture_with_its_text(small):
    pictures = noise(2, 3, 64, 64)
    codes, texts = small.codes(pictures), small.texts(["a happy face", "sad"])
    middle = framing.framed(pictures[:, :, 8:56, 8:56], 48)
    with torch.no_grad():
        read = small.network.encode_text(KNOWN.rows(["a happy face", "sad"], 12))
        expected = 1 - F.cosine_similarity(small.network.encode_image(middle), read).mean()
    assert torch.allclose(loss.away(codes, texts), expected, atol=1e-6)
    assert torch.allclose(codes.norm(dim=1), torch.ones(2)) and torch.allclose(texts.norm(dim=1), torch.ones(2))


def test_down_its_gradient_a_picture_comes_nearer(small):
    picture, text = noise(1, 3, 64, 64).requires_grad_(), small.texts(["a smile"])
    before = loss.away(small.codes(picture), text)
    before.backward()
    assert not picture.grad[:, :, :8].any() and picture.grad[:, :, 8:56, 8:56].any()  # what is not shown does not matter
    with torch.no_grad():
        after = loss.away(small.codes(picture - picture.grad / picture.grad.norm()), text)
    assert after < before - 1e-4
    assert not any(parameter.requires_grad for parameter in small.network.parameters())


def test_as_published_the_network_sees_means_of_repeated_pixels():
    big = loss.Comparer(network(size=224, patch=112, middle=1.0), KNOWN, as_published=True)
    pictures = noise(1, 3, 256, 256)
    literal = F.avg_pool2d(F.interpolate(pictures, scale_factor=7, mode="nearest"), 8)
    with torch.no_grad():
        expected = F.normalize(big.network.encode_image(literal))
    assert torch.allclose(big.codes(pictures), expected, atol=1e-5)
    with pytest.raises(WeightsError, match=r"sees 48 px; published losses show 224: import ViT-B-32\.pt"):
        loss.Comparer(network(), KNOWN, as_published=True)


def test_a_file_is_opened_with_its_words_and_what_is_beside(tmp_path, monkeypatch):
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path))
    made = network()
    tensors = made.state_dict() | {WORDS: tokens.packed_words(KNOWN), f"{clip.BESIDE}more": torch.ones(3)}
    weights.save(tmp_path / "mine.safetensors", tensors, {"kind": clip.KIND, **made.config})
    assert loss.chosen() == tmp_path / "mine.safetensors"  # what was imported goes first
    opened = loss.opened()
    assert opened.tokenizer.known == KNOWN.known and opened is loss.opened()
    pictures = noise(1, 3, 64, 64)
    assert torch.allclose(opened.codes(pictures), loss.Comparer(made, KNOWN).codes(pictures), atol=1e-6)


def test_without_any_it_says_how_to_get_one(tmp_path, monkeypatch):
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path))
    monkeypatch.setattr(weights, "assets", lambda: tmp_path)
    with pytest.raises(WeightsError, match="no CLIP is on this machine: `mien weights import clip FILE`"):
        loss.opened()


def test_words_that_are_not_known_are_told_and_left_out(small):
    with pytest.warns(
        UserWarning, match=r"does not know 'smille' \(did you mean 'smile'\?\), 'pirate', and reads 'A happy, smille pirate'"
    ):
        told = small.texts(["A happy, smille pirate"])
    assert torch.equal(told, small.texts(["a happy"]))
    with pytest.raises(EditError, match="knows no word of 'pirate'"):
        small.texts(["pirate"])
    with pytest.raises(EditError, match="takes 14 tokens, the network reads 12"):
        small.texts(["a face " * 6])
