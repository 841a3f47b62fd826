"""One unrolled step: data consistency in k-space and a learned regulariser on the coil-combined image."""

import torch
from torch import Tensor, nn

from recon.coils import coil_combine, coil_expand
from recon.solvers.measured import Measured


class Cascade(nn.Module):
    """One unrolled step, `k <- k - eta M (k - k0) - F S R(S^H F^H k)` (Sriram et al. 2020).

    Parameters
    ----------
    regulariser
        `R`: maps a complex image `(batch, readout, phase)` to the part to subtract, of the same shape.
    """

    def __init__(self, regulariser: nn.Module) -> None:
        super().__init__()
        # Stored weights go by fastMRI's names, so both attributes keep them.
        self.model = regulariser
        self.dc_weight = nn.Parameter(torch.ones(1))

    def forward(self, kspace: Tensor, measured: Measured, sens_maps: Tensor) -> Tensor:
        """Take one step.

        Parameters
        ----------
        kspace
            complex `(batch, coils, readout, phase)`: current estimate, in the space of `measured`.
        measured
            Samples `k0` and their mask `M`.
        sens_maps
            complex `(batch, coils, readout, phase)` sensitivity maps `S`.

        Returns
        -------
        Tensor
            complex `(batch, coils, readout, phase)`: next estimate, in the same space.
        """
        image = coil_combine(measured.image(kspace), sens_maps)
        refinement = measured.kspace(coil_expand(self.model(image), sens_maps))
        # k + eta M (k0 - k) in one pass over the data.
        consistent = torch.lerp(kspace, measured.samples, (self.dc_weight * measured.mask).to(kspace.dtype))
        return consistent - refinement
