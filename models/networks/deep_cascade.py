"""The deep cascade of convolutional networks (Schlemper et al. 2017)."""

import math
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn

from recon.models.blocks.unet import from_channels, to_channels
from recon.models.networks.sense_network import SenseNetwork
from recon.solvers.problem import LeastSquares


class DeepCascade(SenseNetwork):
    """Alternating de-aliasing networks and data consistency (Schlemper et al. 2017), for any number of coils.

    Each cascade computes `u = S^H F^H k`, `u <- u + R(u)`, and `k <- DC(F S u)`. With one coil this is the paper's
    network. With several, `R` refines the image combined with ESPIRiT maps `S`, and data consistency acts on the
    k-space of every coil.

    Parameters
    ----------
    num_cascades
        Number of cascades (the paper's `n_c`).
    layers
        Number of convolutions in each network (`n_d`).
    chans
        Number of channels between the convolutions (`n_f`).
    noise_weight
        Initial value of `lamda`, the weight of measured against predicted samples, which each data consistency layer
        learns; None keeps measured samples exactly, as an infinite `lamda` does.
    real_image
        Whether the image of a single coil gets the phase that makes it nearly real, as `S` does for several coils.
        The authors' own weights are for images that are not scaled.
    """

    def __init__(
        self,
        num_cascades: int = 5,
        layers: int = 5,
        chans: int = 64,
        noise_weight: float | None = None,
        real_image: bool = True,
    ) -> None:
        super().__init__((DealiasingStep(layers, chans, noise_weight) for _ in range(num_cascades)), real_image)

    def solve(self, problem: LeastSquares) -> Tensor:
        """Estimate the missing samples, cascade by cascade."""
        return self.unroll(problem.measured, problem)


class DealiasingStep(nn.Module):
    """One cascade: a network with a residual connection, followed by data consistency.

    Parameters
    ----------
    layers, chans, noise_weight
        As for the `DeepCascade`.
    """

    def __init__(self, layers: int, chans: int, noise_weight: float | None) -> None:
        super().__init__()
        self.network = Convolutions(layers, chans)
        self.data_consistency = DataConsistency(noise_weight)

    def forward(self, kspace: Tensor, problem: LeastSquares) -> Tensor:
        """Refine the image of complex `(batch, coils, readout, phase)` k-space and restore data consistency."""
        image = problem.encoding.combine(kspace)
        correction = self.network(to_channels(image[:, 0])).to(image.real.dtype)
        refined = image + from_channels(correction).unsqueeze(1)
        return self.data_consistency(problem.encoding.coil_kspace(refined), problem)


class Convolutions(nn.Sequential):
    """A stack of 3x3 convolutions with ReLUs in between, from the two channels of an image to those of a correction.

    Parameters
    ----------
    layers, chans
        As for the `DeepCascade`.
    """

    compilable: ClassVar[bool] = True

    def __init__(self, layers: int, chans: int) -> None:
        convolutions: list[nn.Module] = []
        for before, after in pairwise([2, *[chans] * (layers - 1), 2]):
            convolution = nn.Conv2d(before, after, kernel_size=3, padding=1)
            nn.init.kaiming_uniform_(convolution.weight, nonlinearity="relu" if after == chans else "linear")
            convolutions += [convolution, nn.ReLU()]
        super().__init__(*convolutions[:-1])

    def forward(self, channels: Tensor) -> Tensor:
        """Map `(batch, 2, readout, phase)` to the same shape.

        The loop is spelled out because `torch.compile` skips torch's own `forward`.
        """
        for layer in self:
            channels = layer(channels)
        return channels


class DataConsistency(nn.Module):
    """Return `(k + lamda k0) / (1 + lamda)` where measured and `k` elsewhere (Schlemper et al. 2017).

    Parameters
    ----------
    noise_weight
        Initial value of the learned `lamda`, positive; None for an infinite one, `k0` where measured.

    Raises
    ------
    ValueError
        If the noise weight is not positive.
    """

    def __init__(self, noise_weight: float | None = None) -> None:
        super().__init__()
        if noise_weight is not None and noise_weight <= 0:
            raise ValueError(f"the noise weight must be positive, not {noise_weight:g}")
        self.log_lamda = None if noise_weight is None else nn.Parameter(torch.tensor(math.log(noise_weight)))

    def forward(self, kspace: Tensor, problem: LeastSquares) -> Tensor:
        """Make complex `(batch, coils, readout, phase)` k-space consistent with the measured samples."""
        if self.log_lamda is None:
            return torch.where(problem.encoding.mask, problem.measured, kspace)
        share = torch.sigmoid(self.log_lamda)  # lamda / (1 + lamda)
        return kspace + share * torch.where(problem.encoding.mask, problem.measured - kspace, 0)
