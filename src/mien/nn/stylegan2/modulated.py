"""Convolutions that a style modulates.

Karras et al. 2020 (Analyzing and improving the image quality of StyleGAN), section 2.2, give every picture of a batch a kernel of its own:
``w'_oik = s_i w_oik``, divided by ``sigma_o = sqrt(sum over i, k of w'^2)``. Here the input's channels are multiplied by ``s_i`` and the
output's by ``1 / sigma_o``, which is the same sum in another order, so that one kernel serves the whole batch.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from mien.nn.equal import EqualLinear
from mien.nn.stylegan2.layers import GAIN, SLOPE, Activation, Blur, Upsample

_EPSILON = 1e-8

Grid = Float[Tensor, "b c h w"]
Larger = Float[Tensor, "b o h2 w2"]
Style = Float[Tensor, "b c"]


class ModulatedConv(nn.Module):
    """Kernel and the map from a row of the code to a style; `upsampling` doubles the size."""

    def __init__(self, inputs: int, outputs: int, size: int, code: int, *, upsampling: bool = False) -> None:
        super().__init__()
        # as the convolution reads it: the channels of one pixel side by side, so that it is never copied in another order
        kernel = torch.zeros(inputs, outputs, size, size) if upsampling else torch.zeros(outputs, inputs, size, size)
        kernel = kernel.contiguous(memory_format=torch.channels_last)
        self.weight = nn.Parameter((kernel.transpose(0, 1) if upsampling else kernel)[None])
        self.modulation = EqualLinear(code, inputs, bias=1.0)
        self.blur = Blur(padding=1, gain=4.0) if upsampling else None
        self.scale = (inputs * size**2) ** -0.5

    def forward(self, x: Grid, style: Style) -> Larger:
        """The convolution of 3 x 3, neither scaled nor demodulated yet: times `gains` it is."""
        x = x * style[:, :, None, None].to(x)
        if self.blur is None:
            return F.conv2d(x, self._kernel(), padding=1)
        return self.blur(F.conv_transpose2d(x, self._kernel(), stride=2))

    def gains(self, style: Style) -> Float[Tensor, "b o"]:
        """What demodulation multiplies the channels of the output by."""
        energy = self._kernel().square().sum((2, 3)) * self.scale**2
        sums = style.square() @ (energy.mT if self.blur is None else energy)
        return self.scale * torch.rsqrt(sums + _EPSILON)

    def _kernel(self) -> Float[Tensor, "_ _ k k"]:
        """As its convolution takes it: inputs before outputs where it upsamples."""
        return self.weight[0] if self.blur is None else self.weight[0].transpose(0, 1)


class _Noise(nn.Module):
    """How much of the noise is added, one number for all channels."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))


class StyledConv(nn.Module):
    """Convolution, noise, bias and leaky ReLU; in mixed precision, grids stay as coarse as their convolution."""

    def __init__(self, inputs: int, outputs: int, code: int, *, upsampling: bool = False) -> None:
        super().__init__()
        self.conv = ModulatedConv(inputs, outputs, 3, code, upsampling=upsampling)
        self.noise = _Noise()
        self.activate = Activation(outputs)

    def forward(self, x: Grid, style: Style, noise: Float[Tensor, "n 1 h2 w2"]) -> Larger:
        """Gains, bias and noise in two passes; the ReLU's gain of sqrt(2) is drawn into them.

        Without gradients all of it happens in place: to fetch new memory from the system takes five times as long as the sums.
        """
        y = self.conv(x, style)
        gains, bias = GAIN * self.conv.gains(style)[:, :, None, None], GAIN * self.activate.bias[:, None, None]
        y = torch.addcmul(bias.to(y), y, gains.to(y), out=None if torch.is_grad_enabled() else y)
        return F.leaky_relu_(y.add_((GAIN * self.noise.weight * noise).to(y)), SLOPE)


class ToRGB(nn.Module):
    """Channels to colours, not demodulated, added to the smaller picture made larger."""

    def __init__(self, inputs: int, code: int, *, upsampling: bool) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(1, 3, 1, 1))
        self.upsample = Upsample() if upsampling else None
        self.conv = ModulatedConv(inputs, 3, 1, code)

    def forward(self, x: Grid, style: Style, smaller: Float[Tensor, "b 3 h3 w3"] | None) -> Float[Tensor, "b 3 h w"]:
        """The picture at this size: one product of matrices for each sample, pixels by channels."""
        kernel = self.conv.weight[0, :, :, 0, 0] * (self.conv.scale * style[:, None])
        colours = x.permute(0, 2, 3, 1).flatten(1, 2) @ kernel.mT
        picture = colours.unflatten(1, x.shape[2:]).permute(0, 3, 1, 2) + self.bias
        return picture if self.upsample is None or smaller is None else picture + self.upsample(smaller)
