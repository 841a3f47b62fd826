"""SENSE: least squares through the coil sensitivities."""

from dataclasses import dataclass

from sigpy.mri.app import SenseRecon
from torch import Tensor

from data.acquisition import Acquisition
from recon.registry import register
from recon.sigpy_bridge import solve_with


@register("sense")
@dataclass(frozen=True)
class Sense:
    """`argmin_x 1/2 ||M F S x - y||^2 + lamda/2 ||x||^2` by conjugate gradients (Pruessmann et al. 2001).

    Attributes
    ----------
    lamda
        Weight of the regularisation; the data are scaled so that the zero-filled image's maximum is 1.
    iterations
        Of conjugate gradients.
    """

    lamda: float = 1e-2
    iterations: int = 30

    def __call__(self, acquisition: Acquisition) -> Tensor:
        """Reconstruct `(coils, readout, phase)` to `(rows, columns)`."""
        return solve_with(SenseRecon, acquisition, lamda=self.lamda, max_iter=self.iterations)
