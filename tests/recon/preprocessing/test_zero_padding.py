from dataclasses import replace

import pytest
import torch

from helpers.scans.objects import object_acquisition
from helpers.scans.slices import line_mask
from recon.classical.zero_filled import ZeroFilled
from recon.coils import rss
from recon.data.errors import InputError
from recon.fourier import ifft
from recon.preprocessing.zero_padding import zero_pad
from recon.quality.uncertainty import noise_level


@pytest.mark.parametrize(("readout", "phase"), [(64, 60), (63, 60), (64, 59), (63, 59)])
@pytest.mark.parametrize("crop", [(128, 120), (127, 121)])
def test_the_image_keeps_brightness_and_place(readout: int, phase: int, crop: tuple[int, int]) -> None:
    acquisition = object_acquisition(readout=readout, phase=phase, crop=crop)
    image = ZeroFilled()(zero_pad(acquisition))
    coarse = rss(ifft(acquisition.kspace))
    assert image.shape == crop
    torch.testing.assert_close(image[crop[0] // 2, crop[1] // 2], coarse[readout // 2, phase // 2], rtol=1e-3, atol=0)
    if crop == (128, 120) and (readout, phase) == (64, 60):
        torch.testing.assert_close(image[::2, ::2], coarse, rtol=1e-3, atol=1e-4)


def test_the_padding_is_no_undersampling() -> None:
    acquisition = object_acquisition(crop=(64, 120)).undersample(line_mask(60).reshape(60))
    padded = zero_pad(acquisition)
    assert padded.header.padding == (30, 90)
    assert padded.acceleration == acquisition.acceleration
    assert padded.target is None


def test_an_oversampled_field_of_view_is_padded_to_the_same_pixel_size() -> None:
    acquisition = object_acquisition(crop=(64, 60))
    header = replace(acquisition.header, field_of_view=(200.0, 150.0), encoded_field_of_view=(400.0, 180.0))
    assert zero_pad(replace(acquisition, header=header)).matrix == (128, 72)


@pytest.mark.parametrize("shown", [(1e-320, 1e-320), (1e-3, 60.0)])
def test_an_impossible_matrix_is_refused(shown: tuple[float, float]) -> None:
    acquisition = object_acquisition(crop=(64, 60))
    header = replace(acquisition.header, field_of_view=shown, encoded_field_of_view=(400.0, 180.0))
    with pytest.raises(InputError, match="leave zero_pad out"):
        zero_pad(replace(acquisition, header=header))
    assert replace(acquisition, header=header).crop[0] == 1


def test_an_image_of_the_scans_own_size_stays_as_it_is() -> None:
    acquisition = object_acquisition()
    assert zero_pad(acquisition) is acquisition


def test_noise_is_as_loud_as_in_kspace_and_no_louder_in_the_image() -> None:
    full = object_acquisition(crop=(128, 120))
    noise = torch.randn(6, 4000, generator=torch.Generator().manual_seed(0), dtype=torch.complex64)
    scan = replace(full, noise=noise)
    padded = zero_pad(scan)
    torch.testing.assert_close(padded.noise.norm() / noise.norm(), padded.kspace.norm() / full.kspace.norm())
    assert noise_level(padded) == pytest.approx(noise_level(scan), rel=1e-3)
