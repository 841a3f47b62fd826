"""Test the data that all peers reconstruct."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from helpers.files.raw_files import write_raw_file
from helpers.scans.objects import object_acquisition
from recon.coils import rss
from recon.data.errors import InputError
from recon.data.masks.kind import MaskKind
from recon.data.masks.sampling import Sampling
from recon.experiments.benchmark.classical.cases import Case, read_scans, simulate_scan
from recon.fourier import ifft

SAMPLING = Sampling(MaskKind.EQUISPACED, 2, 0.2)


def test_data_are_scaled_to_a_zero_filled_image_of_maximum_one_and_the_target_with_them() -> None:
    scan = simulate_scan((3, 48, 40))
    acquisition = Case(scan, SAMPLING).acquisition()
    assert rss(ifft(acquisition.kspace)).max() == pytest.approx(1, rel=1e-5)
    scale = scan.target.max() / acquisition.target.max()
    measured = acquisition.mask
    torch.testing.assert_close(acquisition.kspace[..., measured] * scale, scan.kspace[..., measured])


def test_simulated_scans_repeat_bit_for_bit_and_other_scans_have_another_fingerprint() -> None:
    case = Case(simulate_scan((3, 48, 40)), SAMPLING)
    assert case.fingerprint() == Case(simulate_scan((3, 48, 40)), SAMPLING).fingerprint()
    other = replace(case.scan, kspace=2 * case.scan.kspace)
    assert case.fingerprint() != Case(other, SAMPLING).fingerprint()


def test_the_middle_slice_of_a_file_is_read(tmp_path: Path) -> None:
    (scan,) = read_scans([write_raw_file(tmp_path / "scan.h5", slices=3)])
    assert scan.slice == 1


def test_scans_without_a_reference_are_rejected(tmp_path: Path) -> None:
    undersampled = write_raw_file(tmp_path / "fast.h5", mask=np.arange(40) % 2 == 0)
    with pytest.raises(InputError, match="fast.h5: the scan is undersampled"):
        list(read_scans([undersampled]))
    (blind,) = read_scans([write_raw_file(tmp_path / "blind.h5", target=False)])
    with pytest.raises(InputError, match="blind.h5: the file has no target"):
        Case(blind, SAMPLING).acquisition()


def test_an_empty_slice_is_rejected() -> None:
    empty = replace(object_acquisition(), kspace=torch.zeros(6, 64, 60, dtype=torch.complex64))
    with pytest.raises(InputError, match="slice 0 is empty"):
        Case(empty, SAMPLING).acquisition()


def test_a_mask_that_samples_every_line_is_rejected() -> None:
    with pytest.raises(InputError, match="samples every line"):
        Case(object_acquisition(), Sampling(MaskKind.EQUISPACED, 1, 0.2)).acquisition()
