"""Compressed sensing: SENSE with a sparsity prior."""

from dataclasses import dataclass

from sigpy.mri.app import L1WaveletRecon, TotalVariationRecon
from torch import Tensor

from data.acquisition import Acquisition
from recon.registry import register
from recon.sigpy_bridge import solve_with


@register("cs-wavelet")
@dataclass(frozen=True)
class CSWavelet:
    """`argmin_x 1/2 ||M F S x - y||^2 + lamda ||W x||_1` by FISTA (Lustig et al. 2007).

    Attributes
    ----------
    lamda
        Weight of the prior; the data are scaled so that the zero-filled image's maximum is 1.
    iterations
        Of FISTA.
    wavelet
        Name of `W` as PyWavelets knows it.
    """

    lamda: float = 2e-3
    iterations: int = 100
    wavelet: str = "db4"

    def __call__(self, acquisition: Acquisition) -> Tensor:
        """Reconstruct `(coils, readout, phase)` to `(rows, columns)`."""
        return solve_with(
            L1WaveletRecon, acquisition, lamda=self.lamda, max_iter=self.iterations, wave_name=self.wavelet
        )


@register("cs-tv")
@dataclass(frozen=True)
class CSTotalVariation:
    """`argmin_x 1/2 ||M F S x - y||^2 + lamda ||G x||_1` by a primal-dual method (Block et al. 2007).

    Attributes
    ----------
    lamda
        Weight of the prior; the data are scaled so that the zero-filled image's maximum is 1.
    iterations
        Of the primal-dual hybrid gradient.
    """

    lamda: float = 2e-3
    iterations: int = 200

    def __call__(self, acquisition: Acquisition) -> Tensor:
        """Reconstruct `(coils, readout, phase)` to `(rows, columns)`."""
        return solve_with(TotalVariationRecon, acquisition, lamda=self.lamda, max_iter=self.iterations)
