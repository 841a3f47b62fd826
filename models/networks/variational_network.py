"""The variational network: unrolled gradient descent with learned filters and activations (Hammernik et al. 2018)."""

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, pad

from recon.models.blocks.radial_basis import RadialBasis
from recon.models.blocks.unet import from_channels, to_channels
from recon.models.networks.sense_network import SenseNetwork
from recon.solvers.problem import LeastSquares


class VariationalNetwork(SenseNetwork):
    """Unrolled gradient descent on a data term and fields of experts (Hammernik et al. 2018), with ESPIRiT maps.

    Each step computes `u <- u - R'(u) - lamda A^H (A u - f)` with learned `R'` and `lamda`.

    Parameters
    ----------
    num_cascades
        Number of gradient steps.
    filters
        Number of filters in each step, each a pair of a real and an imaginary part.
    kernel
        Side length of the filters: odd, at least 3.
    basis_functions
        Number of Gaussians per activation function.

    Raises
    ------
    ValueError
        If `kernel` is even or less than 3.
    """

    def __init__(
        self, num_cascades: int = 10, filters: int = 48, kernel: int = 11, basis_functions: int = 31
    ) -> None:
        if kernel < 3 or kernel % 2 == 0:
            raise ValueError(f"the side length of a filter must be odd and at least 3, not {kernel}")
        super().__init__(GradientStep(FieldsOfExperts(filters, kernel, basis_functions)) for _ in range(num_cascades))

    def solve(self, problem: LeastSquares) -> Tensor:
        """Descend from the zero-filled image and restore measured samples, as the classical solvers do."""
        image = self.unroll(problem.encoding.adjoint(problem.measured), problem)
        return torch.where(problem.encoding.mask, problem.measured, problem.encoding.coil_kspace(image))


class GradientStep(nn.Module):
    """One step `u <- u - R'(u) - lamda A^H (A u - f)` with `A = M F S` (Hammernik et al. 2018).

    Parameters
    ----------
    regulariser
        `R'`: maps a complex image `(batch, readout, phase)` to one of the same shape.
    """

    def __init__(self, regulariser: nn.Module) -> None:
        super().__init__()
        self.regulariser = regulariser
        self.log_lamda = nn.Parameter(torch.zeros(()))

    def forward(self, image: Tensor, problem: LeastSquares) -> Tensor:
        """Take one step from the complex image `(batch, 1, readout, phase)`."""
        gradient = problem.encoding.adjoint(problem.encoding.coil_kspace(image) - problem.measured)
        return image - self.regulariser(image[:, 0]).unsqueeze(1) - self.log_lamda.exp() * gradient


class FieldsOfExperts(nn.Module):
    """Compute `R'(u) = 1/N sum_i K_i^T phi_i'(K_i u)`, the gradient of a sum of potentials of filter responses.

    Each filter has a real and an imaginary part, both of zero mean and together of unit norm. Images are periodic, as
    in the discrete Fourier transform. The mean over the `N` filters, where the paper has a sum, makes the length of a
    step independent of their number.

    Parameters
    ----------
    filters, kernel, basis_functions
        As for `VariationalNetwork`.
    """

    def __init__(self, filters: int, kernel: int, basis_functions: int) -> None:
        super().__init__()
        self.unconstrained = nn.Parameter(torch.empty(filters, 2, kernel, kernel).uniform_(-1 / kernel, 1 / kernel))
        self.activation = RadialBasis(filters, basis_functions)

    def forward(self, image: Tensor) -> Tensor:
        """Evaluate `R'` at complex images `(batch, readout, phase)`."""
        kernels = self.kernels()
        responses = _convolve(to_channels(image), kernels)
        activated = self.activation(responses) / len(kernels)
        gradient = _convolve(activated, kernels.flip((-2, -1)).transpose(0, 1))
        return from_channels(gradient.to(image.real.dtype))

    def kernels(self) -> Tensor:
        """Return the filters with their constraints met, `(filters, 2, kernel, kernel)`."""
        centred = self.unconstrained - self.unconstrained.mean(dim=(-2, -1), keepdim=True)
        return centred / torch.linalg.vector_norm(centred, dim=(1, 2, 3), keepdim=True)


def _convolve(channels: Tensor, kernels: Tensor) -> Tensor:
    """Convolve periodically; with flipped kernels and exchanged channel axes this is the adjoint."""
    margin = kernels.shape[-1] // 2
    return conv2d(pad(channels, (margin,) * 4, mode="circular"), kernels)
