"""Model-based deep learning, MoDL: a denoising network and a least-squares fit to the data in turn."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from recon.fourier import IMAGE_AXES
from recon.models.blocks.fit import fit
from recon.models.blocks.unet import NormUnet, start_near_zero
from recon.models.networks.sense_network import SenseNetwork
from recon.solvers.cg import conjugate_gradients
from recon.solvers.problem import LeastSquares

STARTING_LAMDA, STARTING_ITERATIONS = 3e-3, 12
"""Weight and number of iterations of the first estimate, a regularised SENSE image."""


class Modl(SenseNetwork):
    """Unrolled denoising and least-squares fitting (MoDL, Aggarwal et al. 2019), starting from a SENSE image.

    Each cascade denoises, `z = x - R(x)` with a U-Net `R`, and then fits
    `argmin_x 1/2 ||A x - y||^2 + lamda/2 ||x - z||^2` by conjugate gradients. Unlike in the paper, cascades do not
    share weights.

    Parameters
    ----------
    num_cascades
        Number of cascades.
    chans, pools
        Channels and poolings of their U-Nets.
    iterations
        Number of conjugate-gradient iterations in each fit.
    lamda
        Initial value of the `lamda` that each cascade learns, positive.
    """

    def __init__(
        self, num_cascades: int = 5, chans: int = 12, pools: int = 4, iterations: int = 6, lamda: float = 0.05
    ) -> None:
        super().__init__(DenoiseAndFit(NormUnet(chans, pools), iterations, lamda) for _ in range(num_cascades))

    def solve(self, problem: LeastSquares) -> Tensor:
        """Estimate the k-space; restore measured samples at the end."""
        encoding = problem.encoding
        data = encoding.adjoint(problem.measured)
        start = conjugate_gradients(encoding.normal, data, STARTING_ITERATIONS, STARTING_LAMDA)
        kspace = encoding.coil_kspace(self.unroll(start, problem))
        return torch.where(encoding.mask, problem.measured, kspace)


class DenoiseAndFit(nn.Module):
    """One cascade of `Modl`: a denoiser and the fit to the data.

    Parameters
    ----------
    network
        Network that maps complex `(batch, readout, phase)` to its artefacts and noise; the mean of its input, which a
        `NormUnet` adds to its output, does not count.
    iterations, lamda
        As for `Modl`.

    Raises
    ------
    ValueError
        If `lamda` is not positive.
    """

    def __init__(self, network: NormUnet, iterations: int, lamda: float) -> None:
        super().__init__()
        if lamda <= 0:
            raise ValueError(f"lamda must be positive, not {lamda:g}")
        self.network, self.iterations = network, iterations
        self.log_lamda = nn.Parameter(torch.tensor(math.log(lamda)))
        start_near_zero(network.unet.last)  # an untrained network is almost SENSE

    def forward(self, image: Tensor, problem: LeastSquares) -> Tensor:
        """Denoise complex `(batch, 1, readout, phase)` and fit it to the data."""
        denoised = image - self.network(image[:, 0]).unsqueeze(1) + image.mean(IMAGE_AXES, keepdim=True)
        data = problem.encoding.adjoint(problem.measured)
        return fit(problem.encoding.normal, data, denoised, self.log_lamda.exp(), self.iterations)
