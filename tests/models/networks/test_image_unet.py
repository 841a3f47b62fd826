from typing import Any

import fastmri.models
import numpy as np
import pytest
import torch
from fastmri.data.transforms import UnetDataTransform
from torch import Tensor

from helpers.scans.slices import line_mask, random_kspace
from recon.coils import rss
from recon.crop import center_crop
from recon.fourier import ifft
from recon.models.networks.image_unet import ImageUnet

CHALLENGES = pytest.mark.parametrize(("challenge", "coils"), [("multicoil", 3), ("singlecoil", 1)])


def fastmris_image(unet: fastmri.models.Unet, kspace: Tensor, challenge: str, crop: tuple[int, int]) -> Tensor:
    """Return the image that fastMRI's transform, network and evaluation make from `(coils, readout, phase)`."""
    raw = kspace if challenge == "multicoil" else kspace[0]
    sample = UnetDataTransform(challenge)(
        raw.numpy(), np.ones(1), np.zeros(crop, np.float32), {"max": 1.0}, "scan.h5", 0
    )
    return unet(sample.image[None, None])[0, 0] * sample.std + sample.mean


def same_weights(crop: tuple[int, int] | None = None) -> tuple[fastmri.models.Unet, ImageUnet]:
    torch.manual_seed(0)
    theirs = fastmri.models.Unet(1, 1, chans=4, num_pool_layers=3)
    ours = ImageUnet(chans=4, pools=3, crop=crop)
    ours.unet.load_state_dict(theirs.state_dict())
    return theirs, ours


@CHALLENGES
def test_image_equals_fastmris(challenge: str, coils: int) -> None:
    crop = (32, 48)
    theirs, ours = same_weights(crop)
    kspace, mask = 1e-4 * random_kspace(coils, 64, 56), line_mask(56)
    kspace += 1e-4  # a point so bright that fastMRI clips it
    kspace = torch.where(mask[0], kspace, 0)
    image = center_crop(ours(kspace[None], mask)[0], crop)
    expected = fastmris_image(theirs, kspace, challenge, crop)
    torch.testing.assert_close(image, expected, rtol=1e-4, atol=1e-7)


def test_the_image_outside_the_crop_stays_zero_filled() -> None:
    kspace, mask = random_kspace(1, 2, 40, 36), line_mask(36)
    _, network = same_weights((24, 99))
    changed = network(kspace, mask) != rss(ifft(kspace))
    assert changed[:, 8:32].float().mean() > 0.9
    assert not changed[:, :8].any()
    assert not changed[:, 32:].any()


def test_a_crop_of_the_size_of_the_image_changes_nothing() -> None:
    kspace, mask = random_kspace(1, 2, 40, 36), line_mask(36)
    (_, cropping), (_, plain) = same_weights((40, 36)), same_weights()
    assert torch.equal(cropping(kspace, mask), plain(kspace, mask))


@pytest.mark.parametrize("matrix", [(33, 47), (16, 16)])
@pytest.mark.parametrize("arguments", [{}, {"crop": [20, 15]}])
def test_image_has_the_size_and_the_scale_of_the_kspace(matrix: tuple[int, int], arguments: dict[str, Any]) -> None:
    network = ImageUnet(chans=4, pools=3, **arguments).double()
    mask = line_mask(matrix[1])
    kspace = torch.where(mask, random_kspace(2, 3, *matrix, dtype=torch.complex128), 0)
    image = network(kspace, mask)
    assert image.shape == (2, *matrix)
    torch.testing.assert_close(network(kspace * 1e-6, mask), image * 1e-6)
