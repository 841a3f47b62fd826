import math

import pytest
import torch
from torch import Tensor, nn

from helpers.scans.objects import object_acquisition
from helpers.scans.slices import line_mask
from recon.coils import rss
from recon.crop import center_pad
from recon.data.errors import InputError
from recon.data.training.datasets import Slice
from recon.data.training.patches import NoisyPatches
from recon.data.training.split_slices import SplitSlice
from recon.fourier import fft, ifft
from recon.models.losses import ssim_loss
from recon.models.objectives import Denoising, Enlarging, SelfSupervised, Supervised
from recon.simulation.cropped_scans import lowered


class Truth(nn.Module):
    """A network that returns the true image times a factor, and records its input."""

    def __init__(self, kspace: Tensor, factor: float = 1.0) -> None:
        super().__init__()
        self.kspace, self.factor = kspace, factor
        self.seen: Tensor | None = None
        self.more: dict[str, Tensor | None] = {}

    def coil_images(self, masked_kspace: Tensor, _mask: Tensor, **more: Tensor | None) -> Tensor:
        self.seen, self.more = masked_kspace, more
        return ifft(self.kspace) * self.factor

    def forward(self, masked_kspace: Tensor, mask: Tensor, **more: Tensor | None) -> Tensor:
        return rss(self.coil_images(masked_kspace, mask, **more))


def test_supervised_loss_is_taken_over_the_crop() -> None:
    kspace = object_acquisition(2, 32, 24).kspace[None]
    target = rss(ifft(kspace))[..., 4:-4, 4:-4]
    batch = Slice(kspace, line_mask(24), target, target.amax()[None], torch.tensor([4.0]))
    assert Supervised(Truth(kspace), {"ssim": 1})(batch).item() == pytest.approx(0, abs=1e-5)
    expected = 2 * ssim_loss(0.8 * target, target, batch.maximum)
    torch.testing.assert_close(Supervised(Truth(kspace, 0.8), {"ssim": 2})(batch), expected)


def test_network_sees_the_given_samples_and_the_loss_the_held_ones() -> None:
    kspace = object_acquisition(2, 32, 24).kspace[None]
    held = torch.zeros(1, 1, 1, 24, dtype=torch.bool)
    held[..., 3::4] = True
    measured = torch.where(torch.arange(24) % 4 == 0, 0, kspace)
    truth = Truth(torch.where(held, kspace, 7))
    loss = SelfSupervised(truth)(SplitSlice(measured, ~held, held, torch.tensor([3.0])))
    assert loss.item() == pytest.approx(0, abs=1e-5), "errors elsewhere do not count"
    assert truth.seen is not None
    assert not truth.seen[..., 3::4].any()
    assert truth.more["acceleration"] == 3


def test_the_network_gets_the_reference_scan_and_the_acceleration() -> None:
    kspace = object_acquisition(2, 32, 24).kspace[None]
    target, truth = rss(ifft(kspace)), Truth(kspace)
    reference = torch.where(line_mask(24, center=8, every=25), kspace, 0)
    Supervised(truth, {"l1": 1})(
        Slice(kspace, line_mask(24), target, target.amax()[None], torch.tensor([4.0]), reference)
    )
    assert truth.more["calibration"] is reference
    assert truth.more["acceleration"] == 4


def test_self_supervision_needs_coil_images() -> None:
    with pytest.raises(InputError, match="^Identity predicts no coil images"):
        SelfSupervised(nn.Identity())


def test_the_loss_of_a_denoiser_is_the_logarithm_of_each_error_in_units_of_the_noise() -> None:
    sigma = torch.rand(2, 3, 64, 64) + 0.1
    clean = torch.randn(2, 3, 64, 64, dtype=torch.complex64)
    noisy = clean + sigma * torch.randn(2, 3, 64, 64, dtype=torch.complex64) * 2**0.5
    denoising = Denoising(LeavesAsIs())
    assert float(denoising(NoisyPatches(noisy, clean, sigma))) == pytest.approx(0, abs=0.03)
    assert float(denoising(NoisyPatches(noisy.real, clean.real, sigma))) == pytest.approx(0, abs=0.03)
    halves = torch.where(torch.arange(2)[:, None, None, None] == 0, noisy, (noisy + clean) / 2)
    assert float(denoising(NoisyPatches(halves, clean, sigma))) == pytest.approx(math.log(1 / 4) / 2, abs=0.03)


class LeavesAsIs(nn.Module):
    def forward(self, images: Tensor, _sigma: Tensor) -> Tensor:
        return images


def test_the_loss_of_an_enlarger_is_one_for_zeros_and_counts_nothing_inside_the_centre() -> None:
    clean = torch.randn(2, 1, 24, 20, dtype=torch.complex64)
    low = lowered(clean, (12, 10))
    batch = NoisyPatches(low, clean, torch.ones(2, 1, 12, 10))

    class Enlarger(nn.Module):
        def __init__(self, kspace: Tensor) -> None:
            super().__init__()
            self.images = ifft(kspace)

        def forward(self, _images: Tensor, _sigma: Tensor, size: tuple[int, int]) -> Tensor:
            assert size == (24, 20)
            return self.images

    zeros = center_pad(fft(low), (24, 20)).flatten(0, 1)
    truth = fft(clean).flatten(0, 1)
    noise_inside = center_pad(torch.randn_like(fft(low)), (24, 20)).flatten(0, 1)
    assert float(Enlarging(Enlarger(zeros))(batch)) == pytest.approx(1, abs=2e-3)
    assert float(Enlarging(Enlarger(truth + noise_inside))(batch)) == pytest.approx(0, abs=1e-5)
    assert float(Enlarging(Enlarger(zeros + (truth - zeros) / 2))(batch)) == pytest.approx(0.5, abs=0.01)
