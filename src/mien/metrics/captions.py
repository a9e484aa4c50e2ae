"""How well a network tells which captions hold of which pictures, and emotions by their words alone."""

import numpy as np
import torch

from mien.aus import EMOTIONS
from mien.data.captions import CONTEXT, Captioned, Pictures, vocabulary
from mien.data.captions_words import MEANINGS
from mien.nn import clip
from mien.nn.clip import CLIP
from mien.nn.framing import shown

_CAPTIONS, _PICTURES = 512, 2_048
_TELLING = 0.25  # captions that hold of more pictures are no test
_FEELING = ("neutral", "happy", "surprised", "sad", "angry", "disgusted", "afraid", "contemptuous")  # as mien.aus.EMOTIONS


@torch.no_grad()
def validate(network: CLIP, known: Pictures) -> dict[str, float]:
    """Shares, of people that `known` shows.

    Captions that hold of the picture nearest to them, pictures of which their nearest caption holds (of captions that hold of few), and
    pictures of a clear emotion whose word is nearest.
    """
    samples = Captioned(known, size=network.size, seed=1)
    _, tokens, meanings, *_ = zip(*(samples[number] for number in range(_CAPTIONS)), strict=True)
    device = network.logit_scale.device
    seen = np.linspace(0, len(known) - 1, min(len(known), _PICTURES)).astype(int)
    parts = (torch.from_numpy(known.rgb[part]).permute(0, 3, 1, 2).to(device) / 127.5 - 1 for part in np.array_split(seen, 16))
    codes = torch.cat([network.encode_image(shown(part, network)).cpu() for part in parts])
    holds = torch.from_numpy(known.holds[seen])
    cosines = clip.cosines(codes, network.encode_text(torch.stack(tokens).to(device)).cpu())
    right = holds[:, torch.stack(meanings)].prod(-1) > 0.5
    telling = right.double().mean(0) < _TELLING
    right, cosines = right[:, telling], cosines[:, telling]
    names = [meaning.name for meaning in MEANINGS]
    felt = holds[:, [names.index(name) for name in EMOTIONS]]
    clear = felt.max(1).values > 0.5
    words = vocabulary().rows([f"a {word} face" for word in _FEELING], CONTEXT).to(device)
    named = clip.cosines(codes[clear], network.encode_text(words).cpu()).argmax(1)
    hits = named == felt[clear].argmax(1)
    each = torch.stack([hits[felt[clear].argmax(1) == number].double().mean() for number in range(len(EMOTIONS))])
    return {
        "text_to_picture": float(right.gather(0, cosines.argmax(0)[None]).double().mean()),
        "picture_to_text": float(right.gather(1, cosines.argmax(1)[:, None]).double().mean()),
        "by_chance": float(right.double().mean()),
        "emotion": float(each.nanmean()),
    }
