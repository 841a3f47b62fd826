from dataclasses import replace

import pytest
import torch

from helpers.scans.objects import object_acquisition
from helpers.scans.slices import random_kspace
from recon.calibration.noise import (
    covariance_of_noise,
    mix_coils,
    noise_covariance,
    prewhiten,
    whitening_matrix,
)
from recon.data.errors import InputError, InputWarning
from recon.data.masks.kind import MaskKind
from recon.data.masks.sampling import Sampling
from recon.preprocessing.steps import prewhiten_channels


def a_covariance(coils: int) -> torch.Tensor:
    mixture = random_kspace(coils, coils, seed=7)
    return mixture @ mixture.mH / coils + 0.3 * torch.eye(coils)


def noise(covariance: torch.Tensor, *shape: int, seed: int = 0) -> torch.Tensor:
    return mix_coils(torch.linalg.cholesky(covariance), random_kspace(len(covariance), *shape, seed=seed))


def distance(found: torch.Tensor, true: torch.Tensor) -> float:
    return float((found - true).norm() / true.norm())


def test_a_noise_scan_shows_its_covariance() -> None:
    psi = a_covariance(5)
    samples = noise(psi, 1, 20000)[:, 0]
    assert distance(covariance_of_noise(samples), psi) < 0.03


def test_whitening_makes_the_covariance_the_identity() -> None:
    psi = a_covariance(6)
    W = whitening_matrix(psi)
    torch.testing.assert_close(W @ psi @ W.mH, torch.eye(6, dtype=W.dtype), atol=1e-4, rtol=1e-4)


def test_a_prewhitened_noise_scan_is_white() -> None:
    psi = a_covariance(4)
    full = object_acquisition(4, 128, 100)
    silent = replace(full, kspace=noise(psi, 128, 100), calibration=noise(psi, 128, 24, seed=1))
    white = prewhiten(silent, covariance_of_noise(silent.kspace.flatten(1)))
    torch.testing.assert_close(
        covariance_of_noise(white.kspace.flatten(1)), torch.eye(4, dtype=torch.complex64), atol=1e-3, rtol=1e-3
    )
    assert white.calibration is not None
    assert distance(covariance_of_noise(white.calibration.flatten(1)), torch.eye(4)) < 0.1
    assert white.target is None


@pytest.mark.parametrize(("has_noise_scan", "loudness"), [(True, 0.0), (True, 1e-9), (True, 1e-40), (False, 0.0)])
def test_a_silent_channel_is_left_out_and_said(has_noise_scan: bool, loudness: float) -> None:
    full = object_acquisition(5, 64, 60, noise=1e-3)
    others = torch.tensor([0, 1, 3, 4])
    kspace, samples = full.kspace.clone(), noise(a_covariance(5), 1, 4000)[:, 0]
    (samples if has_noise_scan else kspace)[2] *= loudness
    scan = replace(
        full,
        target=None,
        kspace=kspace,
        calibration=full.kspace[..., 20:40],
        noise=samples if has_noise_scan else None,
    )
    with pytest.warns(InputWarning, match="is silent in channel 2, which is left out of the image"):
        found = prewhiten_channels(scan)
    wanted = prewhiten_channels(
        replace(
            scan,
            kspace=kspace[others],
            calibration=scan.calibration[others],
            noise=samples[others] if has_noise_scan else None,
        )
    )
    assert torch.equal(found.kspace, wanted.kspace)
    assert torch.equal(found.calibration, wanted.calibration)


def test_a_noise_scan_silent_in_all_channels_is_refused() -> None:
    full = object_acquisition(3, 64, 60)
    with pytest.raises(InputError, match="silent in all channels"):
        prewhiten_channels(replace(full, noise=torch.zeros(3, 100, dtype=torch.complex64)))


@pytest.mark.parametrize("level", [1e-2, 1.0])
def test_kspace_shows_the_covariance(level: float) -> None:
    psi = a_covariance(4)
    full = object_acquisition(4, 192, 160)
    scan = replace(full, kspace=full.kspace + level * noise(psi, 192, 160))
    scan = Sampling(MaskKind.RANDOM, 2, 0.1)(scan)
    assert distance(noise_covariance(scan), level**2 * psi) < 0.15


def test_a_few_strong_signals_do_no_harm() -> None:
    psi = a_covariance(4)
    kspace = noise(psi, 192, 160)
    kspace[:, :, 78:82] += 100 * random_kspace(4, 1, 1, seed=2)
    scan = replace(object_acquisition(4, 192, 160), kspace=kspace)
    assert distance(noise_covariance(scan), psi) < 0.2
    assert distance(covariance_of_noise(kspace.flatten(1)), psi) > 10


def test_samples_that_the_scanner_left_empty_do_not_count() -> None:
    psi = a_covariance(3)
    kspace = noise(psi, 200, 160)
    kspace[:, -8:] = 0
    scan = replace(object_acquisition(3, 200, 160), kspace=kspace)
    assert distance(noise_covariance(scan), psi) < 0.2


def test_too_few_samples_are_told_in_a_sentence() -> None:
    full = object_acquisition(3, 100, 60)
    kspace = full.kspace.clone()
    kspace[:, :10] = kspace[:, -10:] = 0
    nothing = replace(full, mask=torch.zeros_like(full.mask))
    with pytest.raises(InputError, match="discs.h5: k-space holds too few samples without signal"):
        noise_covariance(nothing)


def test_what_cannot_be_whitened_is_refused() -> None:
    full = object_acquisition(3)
    with pytest.raises(InputError, match="not positive definite"):
        whitening_matrix(torch.ones(3, 3, dtype=torch.complex64))
    twice = random_kspace(3, 400)[[0, 1, 2, 1]]
    with pytest.raises(InputError, match="not positive definite"):
        whitening_matrix(covariance_of_noise(twice))
    with pytest.raises(InputError, match="of 2 coils does not fit 3 coils"):
        prewhiten(full, torch.eye(2, dtype=torch.complex64))
    with pytest.raises(InputError, match="fewer than its 3 coils"):
        covariance_of_noise(random_kspace(3, 2))
    with pytest.raises(InputError, match="without any signal"):
        covariance_of_noise(torch.zeros(3, 20, dtype=torch.complex64))
