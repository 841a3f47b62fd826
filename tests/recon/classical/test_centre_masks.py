"""Methods that take masks of two dimensions reconstruct scans of the centre of k-space alone."""

import pytest
import torch

from helpers.scans.objects import object_acquisition
from recon.coils import rss
from recon.data.masks.kind import MaskKind
from recon.data.masks.sampling import Sampling
from recon.fourier import ifft
from recon.registry import create

FULL = object_acquisition(coils=4, readout=64, phase=60, noise=1e-3)


SETTINGS: dict[str, dict[str, float]] = {
    "zero-filled": {},
    "sense": {},
    "cs-wavelet": {"lamda": 1e-4},  # by default for incoherent aliasing, of which there is none
    "cs-tv": {"lamda": 1e-4},
}


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("kind", [MaskKind.CENTER, MaskKind.CENTER_PHASE])
def test_the_image_is_at_least_as_good_as_zero_filling(name: str, kind: MaskKind) -> None:
    scan = Sampling(kind, 4, 0.5)(FULL)
    filled, image = rss(ifft(scan.kspace)), create(name, SETTINGS[name])(scan)
    assert image.shape == scan.crop
    assert (image - FULL.target).norm() < 1.05 * (filled - FULL.target).norm()


@pytest.mark.parametrize("name", ["sense", "cs-tv"])
def test_so_do_they_with_lines_left_out_of_the_centre(name: str) -> None:
    scan = Sampling(MaskKind.EQUISPACED, 2, 0.3, within=(2, 1.5))(FULL)
    image, filled = create(name)(scan), rss(ifft(scan.kspace))
    assert torch.isfinite(image).all()
    assert (image - FULL.target).norm() < 0.7 * (filled - FULL.target).norm()
