"""CLIP: pictures and texts as vectors whose cosine says how well they go together (Radford et al. 2021), under OpenAI's published names.

Two transformers. One sees the patches of a picture and a token of its own, whose result is the picture's vector; the other reads tokens of
text, each looking back only, and its result at the last token is the text's. A small network that has seen few pictures has convolutions
for the first: they need not learn that what is near belongs together.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import log
from typing import Any, Literal, NotRequired, TypedDict

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional as F

from mien import weights
from mien.nn.tokens import MERGES, WORDS
from mien.weights import Weights

KIND = "clip"  #: how the configuration of a network begins
MEAN, SPREAD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)  #: of its pictures in 0..1
BESIDE = "beside."  #: how tensors of a weight file begin that are not the network's
_FIRST_SCALE = 1 / 0.07  # of cosines, where training begins


Sight = Literal["transformer", "convolutions"]


class Shape(TypedDict):
    """How large a network is: the arguments of `CLIP`."""

    size: int  #: pixels of the square pictures
    patch: int  #: and of each patch, a side
    seen: Sequence[int]  #: width, layers and heads of the network that sees; of one of convolutions the widths of its stages
    read: Sequence[int]  #: those of the one that reads
    context: int  #: tokens of a text, at most
    vocabulary: int  #: how many tokens there are
    code: int  #: numbers of a vector
    sees: NotRequired["Sight"]  #: what the network that sees is made of; unless said, a transformer
    middle: NotRequired[float]  #: share of the side of a picture that it is shown, about the middle; all of it unless said


VIT_B_32: Shape = {
    "size": 224, "patch": 32, "seen": (768, 12, 12), "read": (512, 12, 8), "context": 77, "vocabulary": 49_408, "code": 512,
}  # fmt: skip


class Attention(nn.Module):
    """Self-attention with several heads."""

    def __init__(self, width: int, heads: int, causal: bool) -> None:
        super().__init__()
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)
        nn.init.normal_(self.in_proj_weight, std=width**-0.5)
        self.heads, self.causal = heads, causal

    def forward(self, x: Float[Tensor, "b n d"]) -> Float[Tensor, "b n d"]:
        """What each token gathers from all, or from those before it and itself where `causal`."""
        mixed = F.linear(x, self.in_proj_weight, self.in_proj_bias)
        query, key, value = mixed.unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        gathered = F.scaled_dot_product_attention(query, key, value, is_causal=self.causal)
        return self.out_proj(gathered.transpose(1, 2).flatten(2))


class QuickGELU(nn.Module):
    """``x sigmoid(1.702 x)``."""

    def forward(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """The same shape."""
        return x * torch.sigmoid(1.702 * x)


class Block(nn.Module):
    """A layer: attention, then two linear maps, each on what is normalised and added to its input."""

    def __init__(self, width: int, heads: int, causal: bool) -> None:
        super().__init__()
        self.attn = Attention(width, heads, causal)
        self.ln_1 = nn.LayerNorm(width)
        self.mlp = nn.Sequential()
        for name, layer in (("c_fc", nn.Linear(width, 4 * width)), ("gelu", QuickGELU()), ("c_proj", nn.Linear(4 * width, width))):
            self.mlp.add_module(name, layer)
        self.ln_2 = nn.LayerNorm(width)

    def forward(self, x: Float[Tensor, "b n d"]) -> Float[Tensor, "b n d"]:
        """The tokens, one layer on."""
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class Transformer(nn.Module):
    """Layers one after the other."""

    def __init__(self, width: int, layers: int, heads: int, *, causal: bool) -> None:
        super().__init__()
        self.resblocks = nn.Sequential(*(Block(width, heads, causal) for _ in range(layers)))

    def forward(self, x: Float[Tensor, "b n d"]) -> Float[Tensor, "b n d"]:
        """The tokens after the last layer."""
        return self.resblocks(x)


class Seeing(nn.Module):
    """Pictures to vectors (Dosovitskiy et al. 2021)."""

    def __init__(self, size: int, patch: int, seen: Sequence[int], code: int) -> None:
        """See `Shape`."""
        super().__init__()
        width, layers, heads = seen
        self.conv1 = nn.Conv2d(3, width, patch, patch, bias=False)
        self.class_embedding = nn.Parameter(torch.empty(width))
        self.positional_embedding = nn.Parameter(torch.empty((size // patch) ** 2 + 1, width))
        self.proj = nn.Parameter(torch.empty(width, code))
        self.ln_pre, self.ln_post = nn.LayerNorm(width), nn.LayerNorm(width)
        self.transformer = Transformer(width, layers, heads, causal=False)
        for tensor in (self.class_embedding, self.positional_embedding, self.proj):
            nn.init.normal_(tensor, std=width**-0.5)

    def forward(self, pictures: Float[Tensor, "b 3 s s"]) -> Float[Tensor, "b d"]:
        """Vectors of pictures that are normalised as the network's are."""
        patches = self.conv1(pictures).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.class_embedding.expand(len(patches), 1, -1), patches], 1)
        made = self.transformer(self.ln_pre(tokens + self.positional_embedding))
        return self.ln_post(made[:, 0]) @ self.proj


class Stage(nn.Module):
    """Half the grid, and a residual unit on it (He et al. 2016)."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.halved = nn.Sequential(nn.Conv2d(inputs, width, 3, 2, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU())
        unit = (nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width))
        again = (nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width))
        self.unit = nn.Sequential(*unit, nn.ReLU(), *again)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d h2 w2"]:
        """The smaller grid."""
        x = self.halved(x)
        return F.relu(x + self.unit(x))


class Convolved(nn.Module):
    """Pictures to vectors by convolutions; the last grid's cells keep their places, for faces are aligned."""

    def __init__(self, size: int, patch: int, seen: Sequence[int], code: int) -> None:
        """See `Shape`; a cell of the last grid is a patch. Raises `ValueError` when the stages make other ones."""
        super().__init__()
        if patch != 1 << len(seen) or size % patch:
            raise ValueError(f"{len(seen)} stages make cells of {1 << len(seen)} pixels, not {patch}, and whole ones")
        self.stages = nn.Sequential(*(Stage(a, b) for a, b in pairwise((3, *seen))))
        self.proj = nn.Linear(seen[-1] * (size // patch) ** 2, code, bias=False)

    def forward(self, pictures: Float[Tensor, "b 3 s s"]) -> Float[Tensor, "b d"]:
        """Vectors of pictures that are normalised as the network's are."""
        return self.proj(self.stages(pictures).flatten(1))


class CLIP(nn.Module):
    """The network that sees and the one that reads, and how much a cosine counts."""

    def __init__(
        self,
        *,
        size: int,
        patch: int,
        seen: Sequence[int],
        read: Sequence[int],
        context: int,
        vocabulary: int,
        code: int,
        sees: Sight = "transformer",
        middle: float = 1.0,
    ) -> None:
        """See `Shape`."""
        super().__init__()
        sizes = {"size": size, "patch": patch, "seen": list(seen), "read": list(read)}
        self.config: dict[str, Any] = sizes | {"context": context, "vocabulary": vocabulary, "code": code, "sees": sees, "middle": middle}
        self.size, self.context, self.middle = size, context, middle
        width, layers, heads = read
        self.visual = (Seeing if sees == "transformer" else Convolved)(size, patch, seen, code)
        self.transformer = Transformer(width, layers, heads, causal=True)
        self.token_embedding = nn.Embedding(vocabulary, width)
        self.positional_embedding = nn.Parameter(torch.empty(context, width))
        self.ln_final = nn.LayerNorm(width)
        self.text_projection = nn.Parameter(torch.empty(width, code))
        self.logit_scale = nn.Parameter(torch.tensor(log(_FIRST_SCALE)))
        nn.init.normal_(self.token_embedding.weight, std=0.02)
        nn.init.normal_(self.positional_embedding, std=0.01)
        nn.init.normal_(self.text_projection, std=width**-0.5)

    def encode_image(self, pictures: Float[Tensor, "b 3 s s"]) -> Float[Tensor, "b d"]:
        """Vectors, of any length, of RGB pictures as `mien.nn.framing` makes them."""
        return self.visual(pictures)

    def encode_text(self, tokens: Int64[Tensor, "t n"]) -> Float[Tensor, "t d"]:
        """Vectors, of any length, of texts as tokens; each ends at its largest token, what stands behind it is not read."""
        x = self.token_embedding(tokens) + self.positional_embedding[: tokens.shape[1]]
        made = self.ln_final(self.transformer(x))
        return made[torch.arange(len(made), device=made.device), tokens.argmax(-1)] @ self.text_projection

    def forward(self, pictures: Float[Tensor, "b 3 s s"], tokens: Int64[Tensor, "t n"]) -> Float[Tensor, "b t"]:
        """How well each picture goes with each text: the cosine, times what the network has learned to multiply it by (published: 100)."""
        return self.logit_scale.exp() * cosines(self.encode_image(pictures), self.encode_text(tokens))


def cosines(pictures: Float[Tensor, "b d"], texts: Float[Tensor, "t d"]) -> Float[Tensor, "b t"]:
    """The cosine of each with each."""
    return F.normalize(pictures) @ F.normalize(texts).T


def of(stored: Weights) -> CLIP:
    """The network of a weight file, in eval mode; raises `WeightsError` for a file of another network."""
    config = dict(stored.config)
    config.pop("kind", "")
    own = {name: tensor for name, tensor in stored.tensors.items() if name not in (MERGES, WORDS) and not name.startswith(BESIDE)}
    return weights.built(lambda: CLIP(**Shape(**config)), Weights(own, stored.config, stored.path, stored.recipe), "CLIP")
