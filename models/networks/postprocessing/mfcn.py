"""The multi-scale fusion convolution network of Liu et al. 2018, for complex images, with hard data consistency."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, interpolate, relu

from recon.fourier import fft, ifft
from recon.models.networks.postprocessing.sharp import (
    LAST_SCALE,
    consistent,
    convolution_weight,
    enlarged_kspace,
    parts,
    smooth_phase,
)

SUB_KERNELS = (1, 5)
"""Sides of the kernels of the sub-paths of a unit, in pixels; that of the two convolutions of the main path is 3."""

PLANES = 3
"""Number of planes of the input: real part, imaginary part and noise."""

RECTIFIED = 2**0.5
"""Factor of weights before a rectifier, which halves the power (He et al. 2015)."""


class Mfcn(nn.Module):
    """Enlarge an image by a stack of multi-scale fusion units (Liu et al. 2018, BioMed Eng OnLine 17:114).

    The image, `x_0`, is enlarged by zeros around its k-space `y`, as in `Sharp`. A convolution computes features, the
    units refine them, another convolution computes the change of the image, and the measured samples are put back:
    `x = D(x_0 + R(x_0, sigma))` with `F D(x) = y` inside the measured rectangle and `F x` outside.

    We could read only the abstract of the paper. It says that the network is a stack of multi-scale fusion units,
    that kernels have different sizes, that a unit has a main path and some sub-paths, and that a fusion layer joins
    them. The rest of the structure is ours: the numbers of units and channels, two 3x3 convolutions as the main path,
    a 1x1 and a 5x5 convolution as sub-paths, a 1x1 convolution as fusion layer, rectifiers, and that the network
    predicts a change. So are the parts that make it comparable with `Sharp`: complex images without the smooth part
    of their phase, the noise of each pixel as a third plane, no biases, so that `f(c x, c sigma) = c f(x, sigma)` for
    `c > 0`, and hard data consistency as the last step.

    Parameters
    ----------
    blocks
        Number of multi-scale fusion units.
    chans
        Number of channels.
    """

    def __init__(self, blocks: int = 4, chans: int = 32) -> None:
        super().__init__()
        self.first = convolution_weight(PLANES, chans, scale=RECTIFIED)
        self.units = nn.ModuleList(FusionUnit(chans) for _ in range(blocks))
        self.last = convolution_weight(chans, 2, scale=LAST_SCALE)

    def forward(self, images: Tensor, sigma: Tensor, size: tuple[int, int]) -> Tensor:
        """Enlarge complex images `(batch, rows, columns)` to `(batch, *size)`; parameters as for `Sharp.forward`."""
        measured, carrier = enlarged_kspace(images, size), smooth_phase(images, size)
        levels = interpolate(sigma.unsqueeze(1), size).expand(len(images), 1, *size)
        start = ifft(measured)
        planes = torch.cat([parts(start * carrier.conj()), levels], dim=1)
        features = relu(conv2d(planes.contiguous(memory_format=torch.channels_last), self.first, padding=1))
        for unit in self.units:
            features = unit(features)
        real, imaginary = conv2d(features, self.last, padding=1).unbind(1)
        change = torch.complex(real.float(), imaginary.float())
        return ifft(consistent(fft(start + change * carrier), measured, images.shape[-2:]))


class FusionUnit(nn.Module):
    """A multi-scale fusion unit: a main path, sub-paths with other kernels, and the layer that fuses them."""

    def __init__(self, chans: int) -> None:
        super().__init__()
        self.main = nn.ParameterList(convolution_weight(chans, chans, 3, RECTIFIED) for _ in range(2))
        self.sub_paths = nn.ParameterList(convolution_weight(chans, chans, side, RECTIFIED) for side in SUB_KERNELS)
        self.fusion = convolution_weight((1 + len(SUB_KERNELS)) * chans, chans, 1, RECTIFIED)

    def forward(self, features: Tensor) -> Tensor:
        """Refine features `(batch, channels, rows, columns)`."""
        before, behind = self.main
        paths = [conv2d(relu(conv2d(features, before, padding="same")), behind, padding="same")]
        paths += [conv2d(features, weight, padding="same") for weight in self.sub_paths]
        return relu(conv2d(relu(torch.cat(paths, dim=1)), self.fusion))
