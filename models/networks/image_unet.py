"""fastMRI's U-Net on the zero-filled image, the baseline without physics."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from recon.coils import rss
from recon.crop import fastmri_crop, fastmri_pad
from recon.fourier import ifft
from recon.models.blocks.unet import Unet, padded_matrix

LARGEST_DEVIATION = 6
"""Number of standard deviations from the mean at which fastMRI clips the input of the U-Net."""


class ImageUnet(nn.Module):
    """A U-Net that refines the zero-filled magnitude image, `R(rss(F^H k))` (Zbontar et al. 2018).

    The magnitude is the root sum of squares over any number of coils, so the same network serves multi-coil and
    single-coil data. Each image is normalised to zero mean and unit standard deviation before the U-Net and the
    normalisation is undone after it, so the result scales with the k-space.

    Parameters
    ----------
    chans, pools, drop_prob
        Channels, poolings and dropout probability of the `Unet`.
    crop
        Size `(readout, phase)` of the centre of the image that the U-Net refines, 320 x 320 for fastMRI's weights;
        around it the image stays zero-filled. None for the whole image.
    """

    def __init__(
        self, chans: int = 32, pools: int = 4, drop_prob: float = 0.0, crop: Sequence[int] | None = None
    ) -> None:
        super().__init__()
        self.pools = pools
        self.crop = None if crop is None else (int(crop[0]), int(crop[1]))
        self.unet = Unet(1, 1, chans, pools, drop_prob)

    def forward(
        self,
        masked_kspace: Tensor,
        mask: Tensor,  # noqa: ARG002 - every network takes these arguments
        num_low_frequencies: int | Tensor | None = None,  # noqa: ARG002
        calibration: Tensor | None = None,  # noqa: ARG002
        acceleration: Tensor | None = None,  # noqa: ARG002
    ) -> Tensor:
        """Reconstruct complex `(batch, coils, readout, phase)` to real `(batch, readout, phase)`."""
        zero_filled = rss(ifft(masked_kspace))
        readout, phase = zero_filled.shape[-2:]
        if self.crop is None or self.crop == (readout, phase):
            return self.refine(zero_filled)
        cropped = fastmri_crop(zero_filled, (min(self.crop[0], readout), min(self.crop[1], phase)))
        return zero_filled + fastmri_pad(self.refine(cropped) - cropped, (readout, phase))

    def refine(self, image: Tensor) -> Tensor:
        """Refine real images `(batch, readout, phase)` of any size."""
        mean = image.mean(dim=(-2, -1), keepdim=True)
        std = image.std(dim=(-2, -1), keepdim=True)
        normalised = ((image - mean) / torch.where(std > 0, std, 1)).clamp(-LARGEST_DEVIATION, LARGEST_DEVIATION)
        matrix = (image.shape[-2], image.shape[-1])
        padded = fastmri_pad(normalised, padded_matrix(matrix, self.pools))
        refined = self.unet(padded.unsqueeze(1)).squeeze(1)
        return fastmri_crop(refined, matrix) * std + mean
