"""What generator and discriminator are made of beside `mien.nn.equal`: convolutions with an equalised learning rate, blurs, the leaky ReLU.

Weights of convolutions are zero until `initialise` draws them or a file fills them.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from mien.nn.equal import EqualLinear

SLOPE, GAIN = 0.2, 2**0.5  #: of the leaky ReLU: below zero, and of what comes out
BLUR = (1.0, 3.0, 3.0, 1.0)  #: taps of the filter before and after every change of size


class EqualConv(nn.Module):
    """A convolution without bias."""

    def __init__(self, inputs: int, outputs: int, size: int, *, stride: int = 1, padding: int = 0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(outputs, inputs, size, size).contiguous(memory_format=torch.channels_last))
        self.stride = stride
        self.padding = padding

    def forward(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o h2 w2"]:
        """The convolution."""
        scale = self.weight[0].numel() ** -0.5
        return F.conv2d(x, self.weight * scale, stride=self.stride, padding=self.padding)


class Activation(nn.Module):
    """A bias for each channel, then the leaky ReLU."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """``sqrt(2) leaky(x + bias)``, with the gain drawn inside the ReLU: one pass less over the grid."""
        return F.leaky_relu_(torch.add((GAIN * self.bias[:, None, None]).to(x), x, alpha=GAIN), SLOPE)


class Blur(nn.Module):
    """The filter of 4 x 4 taps: `stride` keeps every so many of what comes out, `gain` makes up for zeros between the pixels.

    All taps at once: rows and then columns would be half the sums, and twice the memory to walk through, which costs more.
    """

    kernel: Tensor

    def __init__(self, *, padding: int = 0, stride: int = 1, gain: float = 1.0) -> None:
        super().__init__()
        taps = [tap / sum(BLUR) for tap in BLUR]
        self.register_buffer("kernel", torch.tensor([[gain * down * across for across in taps] for down in taps]))
        self.padding = padding
        self.stride = stride

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h2 w2"]:
        """The picture through the filter, zeros around it."""
        kernel = self.kernel.flip(0, 1).expand(x.shape[1], 1, -1, -1)
        return F.conv2d(x, kernel, stride=self.stride, padding=self.padding, groups=len(kernel))


class Upsample(Blur):
    """Twice the size: zeros between the pixels, then the filter."""

    def __init__(self) -> None:
        super().__init__(gain=4.0)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h2 w2"]:
        """The larger picture."""
        return F.conv_transpose2d(x, self.kernel.expand(x.shape[1], 1, -1, -1), stride=2, padding=1, groups=x.shape[1])


def widths(size: int, multiplier: float = 2, most: int = 512) -> Sequence[int]:
    """Channels from 4 pixels up to `size`, a power of two, as published: 512 up to 32 pixels, then half as many for twice the size."""
    sizes = [4 << i for i in range(size.bit_length() - 2)]
    if size < 8 or sizes[-1] != size:
        raise ValueError(f"{size} pixels: a StyleGAN2 has a power of two from 8")
    return [min(most, 512 if side <= 32 else int(multiplier * 16384 / side)) for side in sizes]


@torch.no_grad()
def initialise(network: nn.Module, generator: torch.Generator) -> None:
    """Draw all weights, constants and stored noises, as before training; biases and weights of noise stay what they are."""
    for part in network.modules():
        rate = part.rate if isinstance(part, EqualLinear) else 1.0
        for name, tensor in (*part.named_parameters(recurse=False), *part.named_buffers(recurse=False)):
            if tensor.ndim > 1 and name not in ("bias", "kernel"):
                tensor.copy_(torch.randn(tensor.shape, generator=generator) / rate)
