"""The end-to-end variational network."""

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from recon.coils import rss
from recon.models.blocks.cascade import Cascade
from recon.models.blocks.sensitivity import SensitivityModel
from recon.models.blocks.unet import NormUnet
from recon.solvers.measured import Measured


class VarNet(nn.Module):
    """The end-to-end variational network (Sriram et al. 2020): sensitivity maps, then a row of cascades.

    Constructor arguments, parameter names and results are those of `fastmri.models.VarNet`, so that its weights
    load unchanged. The image scales with the k-space.

    Parameters
    ----------
    num_cascades
        Number of unrolled steps.
    sens_chans, sens_pools
        Channels and poolings of the U-Net that estimates the sensitivity maps.
    chans, pools
        Channels and poolings of the U-Net in every cascade.
    mask_center
        Whether the sensitivity maps come from the auto-calibration lines alone.
    """

    def __init__(
        self,
        num_cascades: int = 12,
        sens_chans: int = 8,
        sens_pools: int = 4,
        chans: int = 18,
        pools: int = 4,
        mask_center: bool = True,
    ) -> None:
        super().__init__()
        self.sens_net = SensitivityModel(sens_chans, sens_pools, mask_center)
        self.cascades = nn.ModuleList(Cascade(NormUnet(chans, pools)) for _ in range(num_cascades))

    @property
    def checkpointing(self) -> bool:
        """Whether training keeps only what enters each cascade and computes the rest again on the way back.

        A fraction of the memory for a third more time, at the same gradients. It may be set at any time.
        """
        return self.sens_net.checkpointing

    @checkpointing.setter
    def checkpointing(self, on: bool) -> None:
        self.sens_net.checkpointing = on

    def forward(
        self,
        masked_kspace: Tensor,
        mask: Tensor,
        num_low_frequencies: int | Tensor | None = None,
        calibration: Tensor | None = None,
        acceleration: Tensor | None = None,
    ) -> Tensor:
        """Reconstruct a batch of slices: the root sum of squares of `coil_images`, which has the parameters.

        Returns
        -------
        Tensor
            real `(batch, readout, phase)`.
        """
        return rss(self.coil_images(masked_kspace, mask, num_low_frequencies, calibration, acceleration))

    def coil_images(
        self,
        masked_kspace: Tensor,
        mask: Tensor,
        num_low_frequencies: int | Tensor | None = None,
        calibration: Tensor | None = None,
        acceleration: Tensor | None = None,  # noqa: ARG002 - the arguments are those of every network
    ) -> Tensor:
        """Reconstruct the image that every coil sees.

        Parameters
        ----------
        masked_kspace
            complex `(batch, coils, readout, phase)`, zero where not measured.
        mask
            bool `(batch or 1, 1, 1 or readout, phase)`, True where measured.
        num_low_frequencies
            Number of auto-calibration lines, one for all or one for each of the batch; found in the mask
            where None or zero.
        calibration
            complex `(batch, coils, readout, phase)`: a separate reference scan to estimate the sensitivity maps
            from, zero where not measured; None to take the centre of `masked_kspace`.
        acceleration
            real `(batch,)`: how many times fewer samples were measured than a full scan has. None to count those of
            the mask, as if nothing of k-space were padding. Not every network uses it; this one does not.

        Returns
        -------
        Tensor
            complex `(batch, coils, readout, phase)`.
        """
        if calibration is None:
            sens_maps = self.sens_net(masked_kspace, mask, num_low_frequencies)
        else:
            sens_maps = self.sens_net(calibration, torch.ones_like(mask))
        measured = Measured.of(masked_kspace, mask)
        kspace = measured.samples
        for cascade in self.cascades:
            kspace = self._step(cascade, kspace, measured, sens_maps)
        return measured.image(kspace)

    def _step(self, cascade: nn.Module, kspace: Tensor, measured: Measured, sens_maps: Tensor) -> Tensor:
        if self.checkpointing and torch.is_grad_enabled():
            return checkpoint(cascade, kspace, measured, sens_maps, use_reentrant=False)
        return cascade(kspace, measured, sens_maps)
