"""The encoding operator of Cartesian parallel imaging."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from recon.coils import coil_combine, coil_expand
from recon.fourier import fft, ifft


@dataclass(frozen=True, eq=False)
class SenseOperator:
    """`A = M F S`: image to measured multi-coil k-space (Pruessmann et al. 1999).

    Attributes
    ----------
    sens_maps
        complex `S`, `(coils, readout, phase)`.
    mask
        bool `M`, `(phase,)` or `(readout, phase)`.
    """

    sens_maps: Tensor
    mask: Tensor

    def __call__(self, image: Tensor) -> Tensor:
        """Encode `A x`: complex `(..., readout, phase)` to `(..., coils, readout, phase)`."""
        return torch.where(self.mask, fft(coil_expand(image, self.sens_maps)), 0)

    def adjoint(self, kspace: Tensor) -> Tensor:
        """Apply `A^H y`: complex `(..., coils, readout, phase)` to `(..., readout, phase)`."""
        return coil_combine(ifft(torch.where(self.mask, kspace, 0)), self.sens_maps)

    def normal(self, image: Tensor) -> Tensor:
        """Apply `A^H A x` on `(..., readout, phase)`."""
        return self.adjoint(self(image))
