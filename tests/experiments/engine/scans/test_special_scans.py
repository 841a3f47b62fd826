"""Folded heads, many coils of high SNR and separate reference scans, held to what was reached once."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from torch.nn.functional import pad

from helpers.scans.heads import IMPLANTS, folded, simulated_head, spots
from recon.data.acquisition import Acquisition
from recon.data.masks.kind import MaskKind
from recon.data.masks.sampling import sample_mask
from recon.experiments.engine.scores.metrics import score
from recon.fourier import fft
from recon.quality.false_details import DetailCounts, count_details
from recon.registry import create
from recon.simulation.raw_files import simulate_volume
from recon.solvers.problem import Problem

CONTRAST = 0.3


def undersampled(scan: Acquisition) -> Acquisition:
    mask = sample_mask(MaskKind.EQUISPACED_FRACTION, scan.matrix[1], 4, 0.08, 1)
    return replace(scan, kspace=scan.kspace * mask, mask=mask)


@cache
def folded_head(implants: bool) -> Acquisition:
    details = pad(spots((192, 116), IMPLANTS, 0.8), (30, 30)) if implants else None
    return folded(simulated_head((192, 176), 8, 60, 2, details), 116)


@cache
def reconstructed(name: str, implants: bool) -> torch.Tensor:
    return create(name)(undersampled(folded_head(implants)))


def psnr(image: torch.Tensor, scan: Acquisition) -> float:
    return score(scan.target.numpy()[None], image.numpy()[None]).psnr


def counts(name: str, implants: bool) -> DetailCounts:
    return count_details(reconstructed(name, implants), folded_head(implants).target, CONTRAST)


@pytest.mark.parametrize("implants", [False, True])
@pytest.mark.parametrize(("name", "invented", "decibels"), [("varnet", 2, 32.0), ("cs-tv", 5, 31.6)])
def test_a_folded_head_has_no_false_details(name: str, invented: int, decibels: float, implants: bool) -> None:
    """With six of nine calibration lines and maps weighted twice by their eigenvalue, `varnet` invented 49."""
    assert counts(name, implants).invented <= invented
    assert psnr(reconstructed(name, implants), folded_head(implants)) > decibels


@pytest.mark.parametrize("name", ["varnet", "cs-tv"])
def test_implants_of_one_to_four_pixels_stay_in_a_folded_head(name: str) -> None:
    plain, detailed = folded_head(False), folded_head(True)
    assert count_details(plain.target, detailed.target, CONTRAST).lost == len(IMPLANTS)
    assert counts(name, True).lost <= counts(name, False).lost + 2


@pytest.mark.parametrize(("coils", "virtual", "decibels"), [(16, 9, 29.0), (32, 12, 32.0)])
def test_more_virtual_coils_are_used_where_the_snr_is_high(coils: int, virtual: int, decibels: float) -> None:
    scan = simulated_head((128, 112), coils, 200, 4)
    measured = undersampled(scan)
    assert virtual <= Problem.of_slices([measured]).compression.shape[-1] <= 16
    assert psnr(create("cs-wavelet")(measured), scan) > decibels


def test_a_separate_reference_scan_of_high_snr_gives_exact_maps() -> None:
    """With a null space of .04 it is 52.3 dB."""
    scan = simulated_head((128, 128), 16, 500, 23)
    volume = simulate_volume((128, 128), 1, 16, 500, np.random.default_rng(23))
    noiseless = fft(torch.from_numpy(volume.sens_maps[0] * volume.image[0]))
    noise = torch.randn(noiseless.shape, dtype=torch.complex64, generator=torch.Generator().manual_seed(1))
    reference = noiseless + volume.noise * 2**0.5 * noise
    mask = torch.arange(128) % 3 == 0
    measured = replace(scan, kspace=scan.kspace * mask, mask=mask, calibration=reference[..., 52:76])
    assert psnr(create("cs-wavelet")(measured), scan) > 53.2
