import torch

from helpers.objects import object_acquisition
from helpers.slices import random_kspace
from recon.coils import rss
from recon.crop import center_crop
from recon.data.acquisition import Acquisition, Header
from recon.fourier import ifft
from recon.preprocessing.oversampling import without_oversampling


def test_the_image_of_a_full_scan_stays_the_same() -> None:
    full = object_acquisition(3, 64, 60, noise=0.1, crop=(31, 60))
    cropped = without_oversampling(full)
    assert cropped.matrix == (31, 60)
    torch.testing.assert_close(rss(ifft(cropped.kspace)), center_crop(rss(ifft(full.kspace)), (31, 60)))


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


def test_without_oversampling_nothing_is_done() -> None:
    scan = object_acquisition(2, 32, 30)
    assert without_oversampling(scan) is scan
