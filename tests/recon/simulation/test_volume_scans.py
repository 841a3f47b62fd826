from pathlib import Path

import numpy as np
import pytest
import torch

from recon.coils import rss
from recon.data.errors import InputError
from recon.fourier import ifft
from recon.simulation.scanner.subject.anatomy import Anatomy
from recon.simulation.volume_scans import VolumePlan, simulate_scan

PLAN = VolumePlan((40, 36), positions=2, coils=4, snr=30.0)


def discs(slices: int) -> Anatomy:
    rows, columns = np.mgrid[-1:1:60j, -1:1:60j]
    plane = (np.hypot(rows, columns) < 0.7).astype(np.float32)
    return Anatomy(Path("discs.npz"), np.stack([plane] * slices), 1.0, tuple(range(slices)))


def test_positions_are_full_scans_whose_targets_have_their_noise() -> None:
    scan = simulate_scan(discs(5), (), PLAN, np.random.default_rng(1))
    assert [one.slice for one in scan] == [0, 1]
    for one in scan:
        assert one.kspace.shape == (4, 40, 36)
        assert one.header.volumetric
        torch.testing.assert_close(one.target, rss(ifft(one.kspace)))


def test_noise_has_the_signal_to_noise_ratio() -> None:
    noisy, clean = (
        simulate_scan(discs(3), (), VolumePlan((40, 36), 2, 4, snr), np.random.default_rng(1))[0]
        for snr in (30.0, 1e9)
    )
    assert clean.target is not None
    signal = clean.target[clean.target > 0.1 * clean.target.max()].mean()
    noise = (noisy.kspace - clean.kspace).real.std()
    assert float(signal / noise) == pytest.approx(30, rel=0.1)


def test_measured_maps_and_slices_must_suffice() -> None:
    maps = np.ones((2, 20, 20), np.complex64)
    with pytest.raises(InputError, match="at most 2 coils, fewer than the 4"):
        simulate_scan(discs(3), [maps], PLAN, np.random.default_rng(0))
    with pytest.raises(InputError, match="shows 1 slices, fewer than 2 positions"):
        simulate_scan(discs(1), (), PLAN, np.random.default_rng(0))
