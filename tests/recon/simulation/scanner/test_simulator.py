from dataclasses import replace

import numpy as np
import pytest
import torch

from recon.calibration.acs import acs_window
from recon.coils import rss
from recon.crop import center_crop
from recon.data.training.datasets import Slice
from recon.fourier import ifft
from recon.preprocessing.echo import centre_echo, echo_offset
from recon.preprocessing.oversampling import without_oversampling
from recon.simulation.scanner.scan_plan import Ranges, ScanPlan
from recon.simulation.scanner.shares import PLAIN
from recon.simulation.scanner.simulator import Simulator, draw_mask
from recon.simulation.scanner.subject.anatomy import Anatomy, draw_heads

MATRIX, COILS = (48, 64), (1, 6)


@pytest.fixture(scope="module")
def heads() -> list[Anatomy]:
    return draw_heads(1, seed=3)


def test_missing_samples_are_zero_and_all_samples_are_finite(heads: list[Anatomy]) -> None:
    simulator = Simulator(heads, ranges=Ranges(MATRIX, COILS))
    for seed in range(12):
        scan = simulator.scan(np.random.default_rng(seed))
        assert not torch.where(scan.mask, 0, scan.kspace).any()
        assert scan.kspace.isfinite().all()
        assert scan.target.amax() == scan.maximum > 0


def test_noiseless_and_nearly_full_kspace_gives_the_target(heads: list[Anatomy]) -> None:
    simulator = Simulator(heads, ranges=Ranges(MATRIX, COILS, snr=(1e6, 1e6), accelerations=(1, 1), shares=PLAIN))
    for seed in range(6):
        scan = simulator.scan(np.random.default_rng(seed))
        image = center_crop(rss(ifft(torch.where(scan.mask, scan.kspace, 0))), scan.target.shape)
        measured = scan.mask.float().mean()
        assert measured > 0.9
        assert (image - scan.target).norm() < (1e-3 if measured == 1 else 0.2) * scan.target.norm()


def test_noise_has_the_stated_strength(heads: list[Anatomy]) -> None:
    quiet, loud = (
        Simulator(heads, ranges=Ranges((64, 64), (4, 4), (snr, snr), (1, 1), shares=PLAIN)) for snr in (1e6, 10)
    )
    clean, noisy = (simulator.scan(np.random.default_rng(5)) for simulator in (quiet, loud))
    tissue = clean.target[clean.target > 0.1 * clean.target.amax()].mean()
    spread = torch.view_as_real((noisy.kspace - clean.kspace)[:, clean.mask[0, 0].expand(64, -1)]).std()
    assert spread == pytest.approx(float(tissue) / 10, rel=0.1)


def test_the_readout_oversampling_of_every_scan_can_be_removed_whatever_its_reference(heads: list[Anatomy]) -> None:
    shares = replace(PLAIN, oversampled=1, reference=1, folded=0.5, off_centre=0.5, partial_fourier=0.5)
    ranges = Ranges((32, 96), (1, 2), shares=shares)
    simulator = Simulator(heads, ranges=ranges)
    for seed in range(40):
        rng = np.random.default_rng(seed)
        plan = ScanPlan.draw(ranges, rng)
        full, _ = simulator.full_scan(plan, rng)
        scan = without_oversampling(centre_echo(full.undersample(draw_mask(plan, rng))))
        reference = scan.reference_kspace()
        assert reference is not None
        assert reference.shape == scan.kspace.shape == (plan.coils, plan.readout, plan.phase)


def test_a_full_scan_is_what_the_undersampled_one_was_taken_from(heads: list[Anatomy]) -> None:
    ranges = Ranges(MATRIX, COILS, shares=replace(PLAIN, folded=0.5, reference=0.5))
    simulator = Simulator(heads, ranges=ranges)
    for seed in range(4):
        rng = np.random.default_rng(seed)
        full, target = simulator.full_scan(ScanPlan.draw(ranges, rng), rng)
        scan = simulator.scan(np.random.default_rng(seed))
        assert full.mask.all()
        assert torch.equal(target, scan.target)
        assert torch.equal(torch.where(scan.mask, full.kspace, 0), scan.kspace)


def scans(heads: list[Anatomy], count: int = 8, **shares: float) -> list[Slice]:
    ranges = Ranges((64, 96), (4, 8), (200, 200), (2, 4), shares=replace(PLAIN, **shares))
    return [Simulator(heads, ranges=ranges).scan(np.random.default_rng(seed)) for seed in range(count)]


def test_an_echo_off_centre_is_centred_before_the_network_sees_it(heads: list[Anatomy]) -> None:
    for scan in scans(heads, off_centre=1):
        assert echo_offset(scan.kspace, scan.mask[0]) == (0, 0)
        assert acs_window(scan.mask[None])[0, 0, 0, scan.mask.shape[-1] // 2]


def test_a_reference_scan_has_the_maps_of_the_scan_and_another_phase(heads: list[Anatomy]) -> None:
    for scan in scans(heads, reference=1):
        assert scan.calibration is not None
        measured = (scan.calibration != 0).any(0)
        lines = int(measured.any(0).sum())
        assert 16 <= lines <= 40
        assert measured.any(1)[scan.kspace.shape[-2] // 2]
        low, own = (ifft(scan.calibration), ifft(torch.where(measured, scan.kspace, 0)))
        strongest = rss(low).flatten().topk(200).indices
        ours, theirs = (values.flatten(1)[:, strongest] for values in (own, low))
        assert not torch.allclose((ours * theirs.conj()).sum(0).angle().std(), torch.zeros(()), atol=0.1)


def test_two_phase_axes_have_a_mask_of_both(heads: list[Anatomy]) -> None:
    for scan in scans(heads, planes=1):
        assert scan.mask.shape == (1, *scan.kspace.shape[1:])
        assert scan.acceleration == pytest.approx(1 / float(scan.mask.float().mean()))


def test_partial_fourier_leaves_out_lines_of_one_side(heads: list[Anatomy]) -> None:
    for scan in scans(heads, partial_fourier=1):
        lines = scan.mask[0, 0]
        assert not lines[int(0.9 * len(lines)) + 1 :].any()
        assert lines[: len(lines) // 2].any()
