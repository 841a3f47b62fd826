import pytest
import torch

from helpers.scans.objects import object_acquisition
from helpers.scans.slices import line_mask
from recon.coils import rss
from recon.models.networks.modl import Modl


def test_untrained_network_is_better_than_zero_filling() -> None:
    torch.manual_seed(0)
    full, mask = object_acquisition(noise=1e-3), line_mask(60, center=16)
    kspace = torch.where(mask, full.kspace[None], 0)
    image = Modl(num_cascades=2, chans=4, pools=2)(kspace, mask)[0]
    zero_filled = rss(
        torch.fft.fftshift(torch.fft.ifft2(torch.fft.ifftshift(kspace, dim=(-2, -1)), norm="ortho"), dim=(-2, -1))
    )[0]
    assert (image - full.target).norm() < 0.5 * (zero_filled - full.target).norm()


def test_weight_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="lamda must be positive, not 0"):
        Modl(lamda=0)
