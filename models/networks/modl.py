"""Model-based deep learning: a denoising network and a least-squares fit to the data, in turn."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from recon.fourier import IMAGE_AXES
from recon.models.blocks.fit import fit
from recon.models.blocks.unet import NormUnet, soften
from recon.models.networks.sense_network import SenseNetwork
from recon.solvers.cg import conjugate_gradients
from recon.solvers.problem import LeastSquares

STARTING_LAMDA, STARTING_ITERATIONS = 3e-3, 12
"""Of the fit without a denoised image, from which the cascades begin."""


class Modl(SenseNetwork):
    """Unrolled denoising and fitting (Aggarwal et al. 2019), from a fit that knows of no network.

    Each cascade takes `z = x - R(x)` and fits `argmin_x 1/2 ||A x - y||^2 + lamda/2 ||x - z||^2` by conjugate
    gradients; `R` is a U-Net. Unlike in the paper, each cascade has weights of its own.

    Parameters
    ----------
    num_cascades
        Number of denoisers.
    chans, pools
        Of their U-Nets.
    iterations
        Of conjugate gradients in each fit.
    lamda
        Where each cascade starts to learn its `lamda`, positive.
    """

    def __init__(
        self, num_cascades: int = 5, chans: int = 12, pools: int = 4, iterations: int = 6, lamda: float = 0.05
    ) -> None:
        super().__init__(DenoiseAndFit(NormUnet(chans, pools), iterations, lamda) for _ in range(num_cascades))

    def solve(self, problem: LeastSquares) -> Tensor:
        """Estimate the k-space; measured samples are put back at the end."""
        encoding = problem.encoding
        data = encoding.adjoint(problem.measured)
        start = conjugate_gradients(encoding.normal, data, STARTING_ITERATIONS, STARTING_LAMDA)
        kspace = encoding.coil_kspace(self.unroll(start, problem))
        return torch.where(encoding.mask, problem.measured, kspace)


class DenoiseAndFit(nn.Module):
    """One cascade of the `Modl`.

    Parameters
    ----------
    network
        Complex `(batch, readout, phase)` to its artefacts and noise; its mean has no say.
    iterations, lamda
        As for the `Modl`.
    """

    def __init__(self, network: NormUnet, iterations: int, lamda: float) -> None:
        super().__init__()
        if lamda <= 0:
            raise ValueError(f"lamda {lamda:g} is not positive")
        self.network, self.iterations = network, iterations
        self.log_lamda = nn.Parameter(torch.tensor(math.log(lamda)))
        soften(network.unet.last)  # before training this is almost SENSE

    def forward(self, image: Tensor, problem: LeastSquares) -> Tensor:
        """Refine complex `(batch, 1, readout, phase)`."""
        denoised = image - self.network(image[:, 0]).unsqueeze(1) + image.mean(IMAGE_AXES, keepdim=True)
        data = problem.encoding.adjoint(problem.measured)
        return fit(problem.encoding.normal, data, denoised, self.log_lamda.exp(), self.iterations)
