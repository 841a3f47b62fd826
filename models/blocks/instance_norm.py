"""Instance normalisation and leaky ReLU as one layer.

It replaces torch's two layers because it stores one tensor for the backward pass, its output, not both inputs too.

On a CPU compiled loops do it in float32, two passes over the features each way. The same formulas in torch serve
everything else. Features are stored channels last, so one line of an image is one run of memory, `(width chans)`. In
torch, statistics are sums over lines, and per-channel values are repeated along a line, which vectorises for any
number of channels; its cascade summation keeps the rounding error from growing with the size of the image.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import instance_norm, leaky_relu

from recon.blocking import in_blocks
from recon.kernels import kernels

LOOPS = "recon.models.blocks.instance_norm_loops"
"""Module of the compiled loops."""

CACHE_VALUES = 2**18
"""Number of values of an image part that stays in the processor's cache."""


class InstanceNormLeakyReLU(nn.Module):
    """Apply `leaky_relu((x - mean) / sqrt(var + eps))`, with mean and variance per channel and image.

    Instance normalisation follows Ulyanov et al. (2016). The backward pass needs the output alone, because a leaky
    ReLU can be inverted, so the input is overwritten. Statistics are computed in float32 or better, even for
    half-precision features.

    Parameters
    ----------
    slope
        Slope of the leaky ReLU for negative values; not zero.
    eps
        Constant added to the variance.
    """

    def __init__(self, slope: float = 0.2, eps: float = 1e-5) -> None:
        super().__init__()
        self.slope = slope
        self.eps = eps

    def forward(self, features: Tensor) -> Tensor:
        """Normalise and activate `(batch, chans, height, width)` features, which may be overwritten."""
        if torch.compiler.is_compiling():  # the compiler fuses plain formulas itself
            return leaky_relu(instance_norm(_precise(features), eps=self.eps).to(features), self.slope)
        activated: Tensor = _NormActivate.apply(  # type: ignore[no-untyped-call]
            features.contiguous(memory_format=torch.channels_last), self.slope, self.eps
        )
        return activated

    def extra_repr(self) -> str:
        """Return the settings, as torch prints them."""
        return f"slope={self.slope}, eps={self.eps}"


class _NormActivate(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, features: Tensor, slope: float, eps: float) -> Tensor:
        chans, loops = features.shape[1], kernels(LOOPS, features)
        if loops is not None:
            inverse_std = loops.normalise(_lines(features), chans, slope, eps)
        else:
            normalise = _normalise_half if _half_on_cpu(features) else _normalise
            inverse_std = torch.cat([normalise(image, chans, slope, eps) for image in _images(features)])
        ctx.mark_dirty(features)
        ctx.save_for_backward(features, inverse_std)
        ctx.slope = slope
        return features

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        activated, inverse_std = ctx.saved_tensors
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        result = torch.empty_like(gradient)
        loops = kernels(LOOPS, gradient, activated)
        if loops is not None:
            loops.adjoint(_lines(gradient), _lines(activated), inverse_std, ctx.slope, _lines(result))
            return result, None, None
        images = zip(_images(gradient), _images(activated), _images(result), strict=True)
        stds = inverse_std.tensor_split(len(_images(gradient)))
        adjoint = _adjoint_half if _half_on_cpu(gradient) else _adjoint
        for (grad, act, out), inverse in zip(images, stds, strict=True):
            adjoint(grad, act, inverse, ctx.slope, out)
        return result, None, None


def _normalise(image: Tensor, chans: int, slope: float, eps: float) -> Tensor:
    """Normalise and activate lines `(batch, height, width chans)` in place; return `1 / std`, `(batch, chans)`."""
    pixels = image.shape[1] * image.shape[2] // chans
    parts = _parts(image)
    mean = _along_line(torch.stack([_total(part, chans) for part in parts]).sum(0) / pixels, image)
    energy = torch.stack([_total((part - mean).square_(), chans) for part in parts]).sum(0)
    inverse_std = torch.rsqrt(energy / pixels + eps)
    scale = _along_line(inverse_std, image)
    shift = -mean * scale
    for part in parts:
        precise = _precise(part)
        torch.addcmul(shift, precise, scale, out=precise)
        leaky_relu(precise, slope, inplace=True)
        if precise is not part:
            part.copy_(precise)
    return inverse_std


def _adjoint(gradient: Tensor, activated: Tensor, inverse_std: Tensor, slope: float, out: Tensor) -> None:
    """Write `(g - mean(g) - n mean(g n)) / std` to `out`, with `n` the normalised lines and `g` their gradient."""
    chans = inverse_std.shape[-1]
    pixels = gradient.shape[1] * gradient.shape[2] // chans
    parts = list(zip(_parts(gradient), _parts(activated), _parts(out), strict=True))

    def undo(grad: Tensor, act: Tensor) -> tuple[Tensor, Tensor]:
        g = torch.ops.aten.leaky_relu_backward(grad, act, slope, self_is_result=True)
        return _precise(g), _precise(leaky_relu(act, 1 / slope))

    mean = along = torch.zeros_like(inverse_std)
    for grad, act, _ in parts:
        g, n = undo(grad, act)
        mean, along = mean + _total(g, chans) / pixels, along + _total(n.mul_(g), chans) / pixels
    mean, along, scale = (_along_line(values, gradient) for values in (mean, along, inverse_std))
    for grad, act, part in parts:
        g, n = undo(grad, act)
        part.copy_(g.sub_(mean).addcmul_(n, along, value=-1).mul_(scale))


def _half_on_cpu(features: Tensor) -> bool:
    return in_blocks(features) and features.dtype in (torch.bfloat16, torch.float16)


def _normalise_half(image: Tensor, chans: int, slope: float, eps: float) -> Tensor:
    """Do what `_normalise` does, for one half-precision image, with torch's batch normalisation.

    It reads half precision without a copy. Its plain float32 sums are accurate enough for half precision only.
    """
    pixels = image.view(-1, chans, 1)
    scale, shift, mean, inverse_std = torch.ones(chans), torch.zeros(chans), torch.empty(chans), torch.empty(chans)
    torch.native_batch_norm(pixels, scale, shift, None, None, True, 0.0, eps, out=(pixels, mean, inverse_std))
    leaky_relu(image, slope, inplace=True)
    return inverse_std.unsqueeze(0)


def _adjoint_half(gradient: Tensor, activated: Tensor, inverse_std: Tensor, slope: float, out: Tensor) -> None:
    """Do what `_adjoint` does, for one half-precision image.

    torch normalises `n` again here, which changes nothing because `n` is already normalised.
    """
    chans = inverse_std.shape[-1]
    g = torch.ops.aten.leaky_relu_backward(gradient, activated, slope, self_is_result=True).view(-1, chans, 1)
    n = leaky_relu(activated, 1 / slope).view(-1, chans, 1)
    zeros, ones = torch.zeros(chans), torch.ones(chans)
    before, _, _ = torch.ops.aten.native_batch_norm_backward(
        g, n, inverse_std[0], None, None, zeros, ones, True, 0.0, [True, False, False]
    )
    out.copy_(before.view(out.shape))


def _lines(features: Tensor) -> Tensor:
    """View channels-last features as lines `(batch, height, width chans)`."""
    return features.permute(0, 2, 3, 1).flatten(2)


def _images(features: Tensor) -> tuple[Tensor, ...]:
    """View channels-last features as lines, one view per image on a CPU and one for the batch elsewhere."""
    lines = _lines(features)
    return lines.tensor_split(len(lines)) if in_blocks(features) else (lines,)


def _parts(image: Tensor) -> tuple[Tensor, ...]:
    """Split lines into parts that stay in the CPU's cache from one operation to the next; elsewhere, do not split."""
    if not in_blocks(image):
        return (image,)
    return image.tensor_split(-(-image.numel() // CACHE_VALUES), dim=1)


def _precise(values: Tensor) -> Tensor:
    return values.to(torch.promote_types(values.dtype, torch.float32))


def _total(lines: Tensor, chans: int) -> Tensor:
    """Sum lines over the pixels, in float32 or better; return `(batch, chans)`."""
    dtype = torch.promote_types(lines.dtype, torch.float32)
    return lines.sum(1, dtype=dtype).reshape(len(lines), -1, chans).sum(1)


def _along_line(values: Tensor, lines: Tensor) -> Tensor:
    """Repeat `(batch, chans)` along a line; return `(batch, 1, width chans)`."""
    batch, chans = values.shape
    return values.unsqueeze(1).expand(batch, lines.shape[-1] // chans, chans).reshape(batch, 1, -1)
