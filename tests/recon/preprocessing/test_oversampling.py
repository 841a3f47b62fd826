import math
from dataclasses import replace

import pytest
import torch

from helpers.scans.objects import object_acquisition
from helpers.scans.slices import random_kspace
from recon.coils import rss
from recon.crop import center_crop, center_pad
from recon.data.acquisition import Acquisition, Header
from recon.fourier import hann, ifft
from recon.preprocessing.oversampling import without_oversampling
from recon.preprocessing.steps import Steps


def test_the_image_of_a_full_scan_stays_the_same() -> None:
    full = object_acquisition(3, 64, 60, noise=0.1, crop=(31, 60))
    cropped = without_oversampling(full)
    assert cropped.matrix == (31, 60)
    torch.testing.assert_close(rss(ifft(cropped.kspace)), center_crop(rss(ifft(full.kspace)), (31, 60)))


@pytest.mark.parametrize(("readout", "rows"), [(64, 31), (66, 33), (64, 32), (63, 32), (63, 31)])
def test_the_centre_stays_the_centre(readout: int, rows: int) -> None:
    acquisition = Acquisition(
        kspace=torch.ones(1, readout, 8, dtype=torch.complex64),
        mask=torch.ones(8, dtype=torch.bool),
        header=Header(crop=(rows, 8), padding=(0, 8)),
    )
    image = rss(ifft(without_oversampling(acquisition).kspace))
    assert divmod(int(image.argmax()), 8) == (rows // 2, 4)


@pytest.mark.parametrize(
    ("matrix", "crop", "encoded", "kept"),
    [((128, 64), (128, 128), (320.0, 160.0), (64, 64)), ((128, 96), (128, 128), (320.0, 240.0), (64, 96))],
)
def test_millimetres_decide_what_is_cut(
    matrix: tuple[int, int], crop: tuple[int, int], encoded: tuple[float, float], kept: tuple[int, int]
) -> None:
    header = Header(crop, (0, matrix[1]), field_of_view=(160.0, 160.0), encoded_field_of_view=encoded)
    scan = Acquisition(random_kspace(2, *matrix), torch.ones(matrix[1], dtype=torch.bool), header)
    slim = without_oversampling(scan)
    assert slim.matrix == kept
    assert slim.header.encoded_field_of_view == (160.0, encoded[1])
    assert slim.crop == scan.crop == (64, 64)
    assert Steps(("remove_oversampling",)).outline(header, (2, *matrix)) == (slim.header, (2, *kept))


def test_missing_lines_stay_missing() -> None:
    scan = object_acquisition(3, 64, 60, crop=(32, 60)).undersample(torch.arange(60) % 3 == 0)
    assert not without_oversampling(scan).kspace[..., ~scan.mask].any()


def test_separate_calibration_lines_are_cropped_alike() -> None:
    kspace = random_kspace(2, 40, 30)
    scan = Acquisition(
        kspace, torch.ones(30, dtype=torch.bool), Header((20, 30), (0, 30)), calibration=kspace[..., 10:20]
    )
    cropped = without_oversampling(scan)
    assert cropped.calibration is not None
    torch.testing.assert_close(cropped.calibration, cropped.kspace[..., 10:20])


@pytest.mark.parametrize("samples", [62, 96, 100, 120, 150])
def test_a_reference_scan_keeps_its_resolution_and_loses_the_same_field_of_view(samples: int) -> None:
    scan = object_acquisition(2, 120, 60, crop=(96, 60))
    window = hann(samples)[:, None]  # without it, what rings beyond the crop differs
    reference = window * (center_crop if samples < 120 else center_pad)(scan.kspace[..., 18:42], (samples, 24))
    cropped = without_oversampling(replace(scan, calibration=reference)).calibration
    assert cropped is not None
    assert cropped.shape == (2, math.ceil(samples * 96 / 120), 24)
    grid = 192, 24
    expected = center_crop(rss(ifft(center_pad(reference, (240, 24)))), grid)
    torch.testing.assert_close(rss(ifft(center_pad(cropped, grid))), expected, rtol=0, atol=0.01 * expected.max())


def test_without_oversampling_nothing_is_done() -> None:
    scan = object_acquisition(2, 32, 30)
    assert without_oversampling(scan) is scan
