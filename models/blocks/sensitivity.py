"""Sensitivity maps, estimated by a U-Net from the fully sampled centre of k-space."""

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from recon.calibration.acs import acs_window
from recon.coils import divide_by_rss
from recon.fourier import ifft
from recon.models.blocks.unet import NormUnet

PIXELS_AT_ONCE = 2**19
"""Of the coil images that pass through the U-Net together: more is slower on a CPU and needs more memory."""


class SensitivityModel(nn.Module):
    """The low-resolution image of each coil, refined and divided by their root sum of squares.

    Sriram et al. 2020, eq. 10 and 11: `S = dSS(CNN(F^H M_center k))`.

    Parameters
    ----------
    chans, pools
        Of the U-Net; every coil passes through the same one.
    mask_center
        Whether only the auto-calibration lines are used, or all that was measured.

    Attributes
    ----------
    coil_chunk
        How many coil images pass through the U-Net at once, which bounds the memory; None for all of them on a
        GPU without checkpointing, and else for as many as make half a million pixels.
    checkpointing
        Whether training computes the features of each chunk again on the way back instead of keeping them.
    """

    coil_chunk: int | None = None
    checkpointing: bool = False

    def __init__(self, chans: int, pools: int, mask_center: bool = True) -> None:
        super().__init__()
        self.mask_center = mask_center
        self.norm_unet = NormUnet(chans, pools)

    def forward(self, masked_kspace: Tensor, mask: Tensor, num_low_frequencies: int | Tensor | None = None) -> Tensor:
        """Estimate the sensitivity maps.

        Parameters
        ----------
        masked_kspace
            complex `(batch, coils, readout, phase)`.
        mask
            bool `(batch or 1, 1, 1 or readout, phase)`.
        num_low_frequencies
            Number of auto-calibration lines, one for all or one for each of the batch; found in the mask
            where None or zero.

        Returns
        -------
        Tensor
            complex `(batch, coils, readout, phase)`, of unit root sum of squares; zero where no coil has signal.
        """
        if self.mask_center:
            center = acs_window(mask, num_low_frequencies)
            masked_kspace = torch.where(center, masked_kspace, 0)
        coil_images = ifft(masked_kspace)
        batch = coil_images.shape[0]
        refined = self._refine(rearrange(coil_images, "batch coils ... -> (batch coils) ..."))
        return divide_by_rss(rearrange(refined, "(batch coils) ... -> batch coils ...", batch=batch))

    def _refine(self, images: Tensor) -> Tensor:
        """Pass every image, complex `(images, readout, phase)`, through the U-Net."""
        chunks = torch.split(images, self.coil_chunk or self._default_chunk(images))
        if self.checkpointing and torch.is_grad_enabled():
            return torch.cat([checkpoint(self.norm_unet, chunk, use_reentrant=False) for chunk in chunks])
        return torch.cat([self.norm_unet(chunk) for chunk in chunks])

    def _default_chunk(self, images: Tensor) -> int:
        if images.device.type == "cuda" and not self.checkpointing:
            return len(images)
        return max(PIXELS_AT_ONCE // (images.shape[-2] * images.shape[-1]), 1)
