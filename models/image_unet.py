"""The baseline without physics: a U-Net on the zero-filled image."""

from torch import Tensor, nn

from models.unet import NormUnet
from recon.coils import rss
from recon.fourier import ifft


class ImageUnet(nn.Module):
    """Zero-filled root-sum-of-squares image, refined by one U-Net (Zbontar et al. 2018).

    Parameters
    ----------
    chans, pools, drop_prob
        As for the `Unet`.
    """

    def __init__(self, chans: int = 32, pools: int = 4, drop_prob: float = 0.0) -> None:
        super().__init__()
        self.norm_unet = NormUnet(chans, pools, in_chans=1, drop_prob=drop_prob)

    def forward(
        self,
        masked_kspace: Tensor,
        mask: Tensor,  # noqa: ARG002 - the arguments are those of every network in the zoo
        num_low_frequencies: int | Tensor | None = None,  # noqa: ARG002
        calibration: Tensor | None = None,  # noqa: ARG002
    ) -> Tensor:
        """Reconstruct complex `(batch, coils, readout, phase)` to real `(batch, readout, phase)`."""
        zero_filled = rss(ifft(masked_kspace)).unsqueeze(1)
        refined: Tensor = self.norm_unet(zero_filled)
        return refined.squeeze(1)
