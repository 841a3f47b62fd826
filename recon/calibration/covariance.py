"""Estimates the covariance of k-space samples, at any distance along phase, from the calibration lines."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor

from recon.calibration.brightness import brightness
from recon.calibration.projection import espirit_operator

GRID = 96
"""Number of pixels along phase."""

REACH = GRID // 2
"""Smallest distance of two lines at which it wraps around and is confused with a shorter one."""

ROWS = 24
"""Number of positions along readout at which the covariance is computed; it varies as slowly as the coils do."""

NULL_SPACE = 0.02
"""Singular values below this share are noise. It is lower than for maps: a folded pixel's second signal is weak."""

SHARPENING = 8
"""Power to which the ESPIRiT operator is raised: eigenvalues of one stay, poorly explained ones vanish."""


@dataclass(frozen=True, eq=False)
class KspaceCovariance:
    """`E[k_i(x, a) conj(k_j(x, b))]` as a function of `a - b`, in the space of `x` along readout, `k` along phase.

    Attributes
    ----------
    values
        complex64 `(rows, GRID, coils, coils)`: the distance `a - b`, modulo `GRID`, is the second index; the mean
        over rows of its trace at distance zero is one.
    """

    values: Tensor

    def between(self, lines: Tensor, others: Tensor) -> Tensor:
        """Return the covariance of all coils of some lines with all coils of other lines.

        Parameters
        ----------
        lines, others
            int64 `(a,)` and `(b,)`: positions along phase, less than `REACH` apart.

        Returns
        -------
        Tensor
            complex64 `(rows, coils * a, coils * b)`.
        """
        matrices = self.values[:, lines[:, None] - others[None, :]]
        return rearrange(matrices, "row a b coil other -> row (coil a) (other b)")


def kspace_covariance(lines: Tensor) -> KspaceCovariance:
    """Estimate `R(x, d) = sum_y p(x, y) G(x, y)^8 exp(-2 pi i d y / Y)`.

    The Hermitian `G` leaves a true coil signal `s` unchanged (Uecker et al. 2014, eq. 17); its powers approach the
    sum of `s s^H` over as many signals as are folded onto a pixel. `p` is the variance of an object that is brighter
    where the low-resolution image is: its square root, flatter than its square, because detail is spread more
    evenly than brightness.

    Parameters
    ----------
    lines
        complex64 `(coils, readout, lines)` about DC.
    """
    readout = min(ROWS, lines.shape[-2])
    operator = rearrange(
        espirit_operator(lines, (readout, GRID), NULL_SPACE), "coil other x y -> x y coil other"
    ).contiguous()
    variance = brightness([lines], (readout, GRID))[0].sqrt()
    signals = variance[..., None, None] * torch.linalg.matrix_power(operator, SHARPENING)
    total = signals.diagonal(dim1=-2, dim2=-1).real.sum(dim=-1).mean()
    signals = torch.fft.ifftshift(signals / torch.where(total > 0, total, 1), dim=1)
    return KspaceCovariance(torch.fft.fft(signals, dim=1, norm="forward"))
