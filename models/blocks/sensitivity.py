"""Estimates sensitivity maps from the fully sampled centre of k-space by a U-Net."""

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from recon.blocking import in_blocks
from recon.calibration.acs import acs_window
from recon.coils import divide_by_rss
from recon.fourier import ifft
from recon.models.blocks.unet import NormUnet

PIXELS_AT_ONCE = 2**19
"""Pixels of the coil images that pass through the U-Net together: more are slower on a CPU and need more memory."""


class SensitivityModel(nn.Module):
    """Estimate `S = dSS(CNN(F^H M_center k))` (Sriram et al. 2020, eq. 10 and 11).

    A U-Net refines the low-resolution image of each coil; `dSS` divides the results by their root sum of squares.

    Parameters
    ----------
    chans, pools
        Channels and poolings of the U-Net, which all coils share.
    mask_center
        Whether to use the auto-calibration lines alone instead of all measured samples.

    Attributes
    ----------
    coil_chunk
        Number of coil images that pass through the U-Net at once, which bounds the memory. None means all of them on
        a GPU without checkpointing, and as many as hold half a million pixels otherwise.
    checkpointing
        Whether training recomputes the features of each chunk in the backward pass instead of storing them.
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
            complex `(batch, coils, readout, phase)`, zero where not measured.
        mask
            bool `(batch or 1, 1, 1 or readout, phase)`, True where measured.
        num_low_frequencies
            Number of auto-calibration lines, one for the batch or one per slice; where None or zero, it is derived
            from the mask.

        Returns
        -------
        Tensor
            complex `(batch, coils, readout, phase)` with unit root sum of squares, or zero where no coil has signal.
        """
        if self.mask_center:
            center = acs_window(mask, num_low_frequencies)
            masked_kspace = torch.where(center, masked_kspace, 0)
        coil_images = ifft(masked_kspace)
        batch = coil_images.shape[0]
        refined = self._refine(rearrange(coil_images, "batch coils ... -> (batch coils) ..."))
        return divide_by_rss(rearrange(refined, "(batch coils) ... -> batch coils ...", batch=batch))

    def _refine(self, images: Tensor) -> Tensor:
        """Pass complex images `(images, readout, phase)` through the U-Net, chunk by chunk."""
        chunks = torch.split(images, self.coil_chunk or self._default_chunk(images))
        if self.checkpointing and torch.is_grad_enabled():
            return torch.cat([checkpoint(self.norm_unet, chunk, use_reentrant=False) for chunk in chunks])
        return torch.cat([self.norm_unet(chunk) for chunk in chunks])

    def _default_chunk(self, images: Tensor) -> int:
        if not in_blocks(images) and not self.checkpointing:
            return len(images)
        return max(PIXELS_AT_ONCE // (images.shape[-2] * images.shape[-1]), 1)
