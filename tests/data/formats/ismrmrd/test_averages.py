"""Single averages of a scan can be chosen, and the noise scan has the noise level of what was averaged."""

from pathlib import Path

import ismrmrd
import numpy as np
import pytest
import torch

from helpers.files.ismrmrd_files import readout, write, xml
from helpers.files.raw_files import write_raw_file
from recon.data.errors import InputError
from recon.data.formats.ismrmrd.layout import open_ismrmrd
from recon.data.open import open_volume
from recon.preprocessing.steps import parse_steps, stepped

AVERAGES, SLICES, COILS, READOUT, PHASE = 3, 2, 2, 16, 12
RNG = np.random.default_rng(0)
KSPACE = RNG.normal(size=(AVERAGES, SLICES, COILS, READOUT, PHASE, 2)).astype("f4").view("c8")[..., 0]


def scan(folder: Path, averages: int = AVERAGES, lines: range = range(PHASE)) -> Path:
    """Write averages of slices, the counter of averages varying fastest and beginning at 4."""
    noise = [readout(KSPACE[0, 0, ..., 0], flags=[ismrmrd.ACQ_IS_NOISE_MEASUREMENT])]
    readouts = [
        readout(KSPACE[average, slice_, ..., line], line, average=average + 4, slice=slice_)
        for slice_ in range(SLICES)
        for line in lines
        for average in range(averages)
    ]
    return write(folder / "scan.h5", xml(READOUT, PHASE), noise + readouts)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_first_averages_are_the_mean_of_their_readouts(tmp_path: Path, count: int) -> None:
    whole = open_ismrmrd(scan(tmp_path))
    assert whole.averages == AVERAGES
    chosen = whole.first_averages(count)
    assert chosen.averages == count
    assert chosen.choices == {"averages": f"first {count}"}
    for index in range(SLICES):
        np.testing.assert_allclose(chosen.read(index).kspace, KSPACE[:count, index].mean(0), rtol=2e-6, atol=1e-6)
    np.testing.assert_allclose(whole.read(1).kspace, KSPACE[:, 1].mean(0), rtol=2e-6, atol=1e-6)


def test_one_average_keeps_every_bit(tmp_path: Path) -> None:
    np.testing.assert_array_equal(open_ismrmrd(scan(tmp_path)).first_averages(1).read(1).kspace, KSPACE[0, 1])


def test_the_noise_scan_has_the_noise_of_the_mean(tmp_path: Path) -> None:
    volume = open_ismrmrd(scan(tmp_path))
    single = volume.first_averages(1).read(0).noise
    mean = volume.read(0).noise
    assert single is not None
    assert mean is not None
    np.testing.assert_array_equal(single, KSPACE[0, 0, ..., 0])
    torch.testing.assert_close(mean * AVERAGES**0.5, single)


def test_steps_apply_to_the_chosen_averages(tmp_path: Path) -> None:
    volume = stepped(open_volume(scan(tmp_path)), parse_steps("prewhiten")).first_averages(1)
    assert volume.averages == 1
    assert volume.choices == {"averages": "first 1"}


@pytest.mark.parametrize("count", [0, 4])
def test_averages_that_a_file_does_not_hold_are_refused(tmp_path: Path, count: int) -> None:
    volume = open_volume(scan(tmp_path))
    with pytest.raises(InputError, match=f"scan.h5: holds 3 averages, so {count} of them cannot be chosen"):
        volume.first_averages(count)


def test_a_format_without_averages_holds_one(tmp_path: Path) -> None:
    volume = open_volume(write_raw_file(tmp_path / "discs.h5"))
    assert volume.averages == 1
    assert volume.first_averages(1) is volume
    with pytest.raises(InputError, match=r"discs.h5: holds no single averages, so 2 of them cannot be chosen"):
        volume.first_averages(2)
