"""Checks that images get the field of view and the pixels of the header, and that nothing moves in the patient."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from helpers.scans.stacks import oblique_geometry
from recon.classical.zero_filled import ZeroFilled
from recon.data.acquisition import Acquisition, Header
from recon.data.images.placement import stack
from recon.data.images.square_pixels import as_scanner
from recon.fourier import fft


def header_of(matrix, crop, shown, encoded, **fields):
    return Header(crop, (0, matrix[1]), field_of_view=shown, encoded_field_of_view=encoded, **fields)


@pytest.mark.parametrize(
    ("matrix", "crop", "shown", "encoded", "size", "pixel"),
    [
        ((128, 64), (128, 128), (160.0, 160.0), (320.0, 160.0), (128, 128), (1.25, 1.25)),
        ((128, 96), (128, 128), (160.0, 160.0), (320.0, 240.0), (128, 128), (1.25, 1.25)),
        ((96, 32), (48, 48), (220.0, 220.0), (440.0, 220.0), (48, 48), (220 / 48, 220 / 48)),
        ((96, 33), (49, 49), (220.0, 220.0), (440.0, 220.0), (49, 49), (220 / 49, 220 / 49)),
        ((256, 64), (128, 128), (320.0, 320.0), (320.0, 320.0), (256, 256), (1.25, 1.25)),  # no resolution is lost
        ((100, 66), (66, 66), (220.0, 220.0), (330.0, 220.0), (66, 66), (10 / 3, 10 / 3)),
        ((64, 64), (64, 64), (64.0, 64.0), (64.0, 64.0), (64, 64), (1.0, 1.0)),
        ((96, 32), (48, 48), (48.0, 48.0), (96.0, 32.0), (48, 32), (1.0, 1.0)),
    ],
)
def test_images_have_the_headers_field_of_view_and_square_pixels(matrix, crop, shown, encoded, size, pixel) -> None:
    header = header_of(matrix, crop, shown, encoded, geometry=oblique_geometry(1))
    images = np.ones((1, *header.covered(matrix)), np.float32)
    scan = stack(*as_scanner(images, header, matrix))
    assert scan.images.shape[1:] == size
    np.testing.assert_allclose(scan.images, 1, rtol=1e-5)
    np.testing.assert_allclose(scan.placements[0].spacing, pixel, rtol=1e-6)


@pytest.mark.parametrize("fastmri", [True, False])
@pytest.mark.parametrize("matrix", [(128, 64), (126, 65), (127, 63)])
@pytest.mark.parametrize("crop", [(128, 128), (127, 129), (64, 31)])
def test_a_point_at_the_centre_stays_there(matrix, crop, fastmri) -> None:
    header = header_of(matrix, crop, (160.0, 160.0), (320.0, 160.0), fastmri=fastmri)
    point = Acquisition(
        torch.ones(1, *matrix, dtype=torch.complex64), torch.ones(matrix[1], dtype=torch.bool), header
    )
    images = as_scanner(ZeroFilled()(point)[None].numpy(), header, matrix)[0]
    where = np.unravel_index(images[0].argmax(), images.shape[1:])
    assert where == (images.shape[1] // 2, images.shape[2] // 2)


def test_a_smooth_image_is_interpolated_as_by_zeros_in_kspace() -> None:
    header = header_of((128, 64), (128, 128), (160.0, 160.0), (320.0, 160.0))
    x, y = np.meshgrid(np.arange(-64, 64) * 2.5, np.arange(-32, 32) * 2.5, indexing="ij")
    blob = np.exp(-((x - 11) ** 2 + (y + 7) ** 2) / 2 / 15**2)
    kspace = fft(torch.from_numpy(blob).to(torch.complex64))[None]
    scan = Acquisition(kspace, torch.ones(64, dtype=torch.bool), header)
    (fine,) = as_scanner(ZeroFilled()(scan)[None].numpy(), header, (128, 64))[0]
    x, y = np.meshgrid(np.arange(-64, 64) * 1.25, np.arange(-64, 64) * 1.25, indexing="ij")
    np.testing.assert_allclose(fine, np.exp(-((x - 11) ** 2 + (y + 7) ** 2) / 2 / 15**2), atol=1e-3)


def test_unknown_and_impossible_fields_of_view_change_nothing() -> None:
    images = np.ones((1, 48, 32), np.float32)
    plain = Header((48, 48), (0, 32))
    absurd = [(1e-320, 1e10), (1e10, 1e-320), (1.0, 1e9)]
    for header in [plain, *(replace(plain, field_of_view=a, encoded_field_of_view=a[::-1]) for a in absurd)]:
        assert as_scanner(images, header, (48, 32))[1:] == (header, (48, 32))
    enormous = header_of((48, 32), (16 * 48, 16 * 32), (48.0, 32.0), (48.0, 32.0))
    many = np.broadcast_to(images, (100_000, 48, 32))
    assert as_scanner(many, enormous, (48, 32))[1:] == (enormous, (48, 32))
