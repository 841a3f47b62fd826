"""The deep cascade of convolutional networks."""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from recon.models.blocks.unet import from_channels, to_channels
from recon.models.networks.sense_network import SenseNetwork
from recon.solvers.problem import LeastSquares


class DeepCascade(SenseNetwork):
    """De-aliasing networks and data consistency in turn (Schlemper et al. 2017), for any number of coils.

    With one coil this is the paper's; with several, networks see the image combined with given sensitivity maps
    and data consistency holds the k-space of every coil.

    Parameters
    ----------
    num_cascades
        Number of networks (the paper's `n_c`).
    layers
        Convolutions in each (`n_d`).
    chans
        Channels between them (`n_f`).
    noise_weight
        Where each data consistency layer starts to learn its weight `lamda` of measured over predicted samples;
        None to keep measured samples exactly as they are, `lamda` infinite.
    """

    def __init__(
        self, num_cascades: int = 5, layers: int = 5, chans: int = 64, noise_weight: float | None = None
    ) -> None:
        super().__init__(DealiasingStep(layers, chans, noise_weight) for _ in range(num_cascades))

    def solve(self, problem: LeastSquares) -> Tensor:
        """Fill what was not measured, step by step."""
        return self.unroll(problem.measured, problem)


class DealiasingStep(nn.Module):
    """One network with a residual connection, and the data consistency layer behind it.

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
        """Refine complex `(batch, coils, readout, phase)`, in the image, and make it consistent again."""
        image = problem.encoding.combine(kspace)
        correction = self.network(to_channels(image[:, 0])).to(image.real.dtype)
        refined = image + from_channels(correction).unsqueeze(1)
        return self.data_consistency(problem.encoding.coil_kspace(refined), problem)


class Convolutions(nn.Sequential):
    """Convolutions of 3x3 with a ReLU between each two, from a complex image's two channels to its correction's.

    Parameters
    ----------
    layers, chans
        As for the `DeepCascade`.
    """

    def __init__(self, layers: int, chans: int) -> None:
        convolutions: list[nn.Module] = []
        for before, after in pairwise([2, *[chans] * (layers - 1), 2]):
            convolution = nn.Conv2d(before, after, kernel_size=3, padding=1)
            nn.init.kaiming_uniform_(convolution.weight, nonlinearity="relu" if after == chans else "linear")
            convolutions += [convolution, nn.ReLU()]
        super().__init__(*convolutions[:-1])

    def forward(self, channels: Tensor) -> Tensor:
        """`(batch, 2, readout, phase)` to the same shape; written out, because `torch.compile` skips torch's own."""
        for layer in self:
            channels = layer(channels)
        return channels


class DataConsistency(nn.Module):
    """`(k + lamda k0) / (1 + lamda)` where measured, `k` elsewhere (Schlemper et al. 2017).

    Parameters
    ----------
    noise_weight
        Value at which `lamda`, positive and learned, starts; None for `k0` where measured.
    """

    def __init__(self, noise_weight: float | None = None) -> None:
        super().__init__()
        if noise_weight is not None and noise_weight <= 0:
            raise ValueError(f"the noise weight {noise_weight:g} is not positive")
        self.log_lamda = None if noise_weight is None else nn.Parameter(torch.tensor(math.log(noise_weight)))

    def forward(self, kspace: Tensor, problem: LeastSquares) -> Tensor:
        """Hold complex `(batch, coils, readout, phase)` to what was measured."""
        if self.log_lamda is None:
            return torch.where(problem.encoding.mask, problem.measured, kspace)
        share = torch.sigmoid(self.log_lamda)  # lamda / (1 + lamda)
        return kspace + share * torch.where(problem.encoding.mask, problem.measured - kspace, 0)
