"""An arm takes the averages that a file holds; otherwise noise of the right size stands for fewer averages."""

from collections.abc import Callable
from pathlib import Path

import ismrmrd
import numpy as np
import pytest
import torch

from helpers.files.ismrmrd_files import readout, write, xml
from helpers.files.raw_files import write_raw_file
from recon.calibration.noise import noise_covariance
from recon.data.acquisition import Acquisition, Header
from recon.data.errors import InputError
from recon.data.open import Volume, open_volume
from recon.experiments.study.arm_volume import arm_volume, fewer_averages, held_averages

COILS, READOUT, PHASE = 3, 64, 48


def noisy(covariance: np.ndarray, noise_scan: bool, seed: int = 0) -> Acquisition:
    """Make k-space of nothing but noise, half a line of which was not measured."""
    rng = np.random.default_rng(seed)
    root = np.linalg.cholesky(covariance)

    def samples(*shape: int) -> torch.Tensor:
        white = (rng.normal(size=(COILS, *shape)) + 1j * rng.normal(size=(COILS, *shape))) / np.sqrt(2)
        return torch.from_numpy(np.tensordot(root, white, 1).astype(np.complex64))

    kspace = samples(READOUT, PHASE)
    kspace[:, : READOUT // 2, 5] = 0
    return Acquisition(
        kspace=kspace,
        mask=torch.ones(PHASE, dtype=torch.bool),
        header=Header(crop=(READOUT, PHASE), padding=(0, PHASE)),
        noise=samples(4000) if noise_scan else None,
        name="scan.h5",
        slice=0,
    )


def measured_covariance(kspace: torch.Tensor) -> torch.Tensor:
    samples = kspace[:, READOUT // 2 :].reshape(COILS, -1)
    return samples @ samples.mH / samples.shape[1]


@pytest.mark.parametrize("noise_scan", [True, False])
@pytest.mark.parametrize("ratio", [1.5, 2.0, 4.0])
def test_the_covariance_grows_by_the_ratio_of_averages(noise_scan: bool, ratio: float) -> None:
    mixed = np.array([[2, 0.6j, 0.1], [-0.6j, 1, 0.2], [0.1, 0.2, 0.5]])
    before = noisy(mixed, noise_scan)
    after = fewer_averages(before, ratio, np.random.default_rng(1))
    added = measured_covariance(after.kspace - before.kspace)
    expected = (ratio - 1) * torch.from_numpy(mixed).to(added)
    torch.testing.assert_close(added, expected, atol=0.12 * (ratio - 1), rtol=0.12)
    assert not after.kspace[:, : READOUT // 2, 5].any()
    estimates = noise_covariance(before), noise_covariance(after)
    torch.testing.assert_close(estimates[1], ratio * estimates[0], atol=0.15 * ratio, rtol=0.15)


def test_one_coil_without_noise_gets_none() -> None:
    acquisition = noisy(np.diag([1.0, 1.0, 1e-12]), noise_scan=True)
    after = fewer_averages(acquisition, 2, np.random.default_rng(1))
    assert after.kspace.isfinite().all()


def single(folder: Path) -> Volume:
    kspace = np.random.default_rng(0).normal(size=(2, COILS, READOUT, PHASE, 2)).astype("f4").view("c8")[..., 0]
    readouts = [
        readout(kspace[average, ..., line], line, average=average) for average in range(2) for line in range(PHASE)
    ]
    noise = [readout(kspace[0, ..., 0], flags=[ismrmrd.ACQ_IS_NOISE_MEASUREMENT])]
    return open_volume(write(folder / "single.h5", xml(READOUT, PHASE), noise + readouts))


def mean(folder: Path) -> Volume:
    return open_volume(write_raw_file(folder / "mean.h5", slices=3))


def test_single_averages_are_used_where_a_file_holds_them(tmp_path: Path) -> None:
    volume = single(tmp_path)
    assert held_averages(volume, 4) == 2
    for averages in (1, 2, None):
        arm = arm_volume(volume, (0,), averages, file_averages=4)
        assert not arm.adds_noise
        assert torch.equal(arm.read(0).kspace, volume.first_averages(averages or 2).read(0).kspace)
    assert arm_volume(volume, (0,), 1, 4).choices == {"averages": "first 1", "slices": "0"}


def test_noise_stands_for_fewer_averages_where_a_file_holds_the_mean(tmp_path: Path) -> None:
    volume = mean(tmp_path)
    assert held_averages(volume, 4) == 4
    whole, part = (arm_volume(volume, (2, 0), averages, file_averages=4) for averages in (None, 1))
    assert torch.equal(whole.read(0).kspace, volume.read(2).kspace)
    assert not whole.adds_noise
    assert part.choices == {"slices": "2, 0", "averages": "1 of 4, by added noise"}
    assert [part.number(index) for index in range(2)] == [2, 0]
    again = arm_volume(volume, (2, 0), 1, file_averages=4)
    assert torch.equal(part.read(0).kspace, again.read(0).kspace)  # as if measured once for all arms
    added = [part.read(index).kspace - whole.read(index).kspace for index in range(2)]
    assert added[0].abs().mean() > 0
    assert not torch.equal(added[0] / added[0].std(), added[1] / added[1].std())


@pytest.mark.parametrize(
    ("make", "averages", "file_averages", "sentence"),
    [
        (single, 3, 9, "single.h5: holds 2 averages, so 3 cannot be used"),
        (mean, 3, 2, "mean.h5: holds the mean of 2 averages, so 3 cannot be used"),
        (mean, 2, 1, "mean.h5: holds one average, so 2 cannot be used"),
    ],
)
def test_more_averages_than_there_are_cannot_be_used(
    tmp_path: Path, make: Callable[[Path], Volume], averages: int, file_averages: int, sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        arm_volume(make(tmp_path), (0,), averages, file_averages)
