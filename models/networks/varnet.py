"""The end-to-end variational network (Sriram et al. 2020)."""

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from recon.models.blocks.cascade import Cascade
from recon.models.blocks.sensitivity import SensitivityModel
from recon.models.blocks.unet import NormUnet
from recon.models.networks.kspace_network import KspaceNetwork, UndersampledBatch
from recon.solvers.measured import Measured


class VarNet(KspaceNetwork):
    """The end-to-end variational network (Sriram et al. 2020): learned sensitivity maps, then unrolled cascades.

    Each cascade computes `k <- k - eta M (k - k0) - F S R(S^H F^H k)` with a U-Net `R`. Constructor arguments,
    parameter names and results are those of `fastmri.models.VarNet`, so its weights load unchanged. The image scales
    with the k-space.

    Parameters
    ----------
    num_cascades
        Number of unrolled steps.
    sens_chans, sens_pools
        Channels and poolings of the U-Net that estimates the sensitivity maps.
    chans, pools
        Channels and poolings of the U-Net in every cascade.
    mask_center
        Whether to estimate the sensitivity maps from the auto-calibration lines alone.
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
        """Whether training stores only the input of each cascade and recomputes the rest in the backward pass.

        It takes a fraction of the memory and a third more time, with the same gradients, and may be set at any time.
        """
        return self.sens_net.checkpointing

    @checkpointing.setter
    def checkpointing(self, on: bool) -> None:
        self.sens_net.checkpointing = on

    def predict(self, batch: UndersampledBatch) -> Tensor:
        """Return the image of every coil, complex `(batch, coils, readout, phase)`."""
        if batch.calibration is None:
            sens_maps = self.sens_net(batch.masked_kspace, batch.mask, batch.num_low_frequencies)
        else:
            sens_maps = self.sens_net(batch.calibration, torch.ones_like(batch.mask))
        measured = Measured.of(batch.masked_kspace, batch.mask)
        kspace = measured.samples
        for cascade in self.cascades:
            kspace = self._step(cascade, kspace, measured, sens_maps)
        return measured.image(kspace)

    def _step(self, cascade: nn.Module, kspace: Tensor, measured: Measured, sens_maps: Tensor) -> Tensor:
        if self.checkpointing and torch.is_grad_enabled():
            return checkpoint(cascade, kspace, measured, sens_maps, use_reentrant=False)
        return cascade(kspace, measured, sens_maps)
