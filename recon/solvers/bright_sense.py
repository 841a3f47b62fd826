"""Solves SENSE with an image that is known to be bright in some places and dark in others."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from recon.solvers.cg import conjugate_gradients
from recon.solvers.encoding import Encoding


def bright_sense(
    encoding: Encoding,
    measured: Tensor,
    brightness: Tensor,
    lamda: float | Tensor,
    iterations: int,
    tolerance: float = 1e-4,
) -> Tensor:
    """`argmin_x 1/2 ||A x - y||^2 + lamda/2 ||x / sqrt(b)||^2` by conjugate gradients (Pruessmann et al. 2001).

    The brightness `b` stands for the variance of the image (a feature map, as in Tsao et al. 2003): where the object
    is dark little signal is expected, and aliasing does not settle there.

    Parameters
    ----------
    encoding
        `A`.
    measured
        complex `y`, `(batch, coils, readout, phase)`, zero where not measured.
    brightness
        real `b`, `(batch, readout, phase)`, above zero.
    lamda
        Weight of the regularisation: one for all slices, or real `(batch, 1, 1, 1)`.
    iterations
        Number of iterations at most.
    tolerance
        Stop when the residual of the normal equations has fallen to this share of the start.

    Returns
    -------
    Tensor
        complex `x`, `(batch, sets, readout, phase)`.
    """
    spread = brightness.sqrt().unsqueeze(1)
    weighted = replace(encoding, sens_maps=encoding.sens_maps * spread.unsqueeze(1))
    right = weighted.adjoint(measured)
    return spread * conjugate_gradients(weighted.normal, right, iterations, lamda, tolerance=tolerance)
