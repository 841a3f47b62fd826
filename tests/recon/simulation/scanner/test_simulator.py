import numpy as np
import pytest
import torch

from recon.coils import rss
from recon.crop import center_crop
from recon.fourier import ifft
from recon.simulation.scanner.anatomy import Anatomy, draw_heads
from recon.simulation.scanner.scan_plan import Ranges
from recon.simulation.scanner.simulator import Simulator

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
    simulator = Simulator(heads, ranges=Ranges(MATRIX, COILS, snr=(1e6, 1e6), accelerations=(1, 1)))
    for seed in range(6):
        scan = simulator.scan(np.random.default_rng(seed))
        image = center_crop(rss(ifft(torch.where(scan.mask, scan.kspace, 0))), scan.target.shape)
        measured = scan.mask.float().mean()
        assert measured > 0.9
        assert (image - scan.target).norm() < (1e-3 if measured == 1 else 0.2) * scan.target.norm()


def test_noise_has_the_stated_strength(heads: list[Anatomy]) -> None:
    quiet, loud = (Simulator(heads, ranges=Ranges((64, 64), (4, 4), (snr, snr), (1, 1))) for snr in (1e6, 10))
    clean, noisy = (simulator.scan(np.random.default_rng(5)) for simulator in (quiet, loud))
    tissue = clean.target[clean.target > 0.1 * clean.target.amax()].mean()
    spread = torch.view_as_real((noisy.kspace - clean.kspace)[:, clean.mask[0, 0].expand(64, -1)]).std()
    assert spread == pytest.approx(float(tissue) / 10, rel=0.1)
