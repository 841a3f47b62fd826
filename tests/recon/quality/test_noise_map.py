"""Noise maps come from a formula where there is one, and from replicas elsewhere."""

from dataclasses import replace

import torch

from helpers.objects import object_acquisition
from recon.classical.grappa import Grappa
from recon.classical.zero_filled import ZeroFilled
from recon.data.masks import MaskKind, Sampling
from recon.quality.noise_map import noise_map
from recon.quality.pseudo_replica import pseudo_replica

COVARIANCE = 1e-6 * torch.eye(4, dtype=torch.complex64)


def test_a_formula_is_used_where_there_is_one() -> None:
    scan = Sampling(MaskKind.EQUISPACED, 2, 0.2)(object_acquisition(4, 32, 32, noise=1e-3))
    assert torch.equal(noise_map(Grappa(), scan, COVARIANCE), Grappa().noise_map(scan, COVARIANCE))


def test_replicas_are_used_elsewhere() -> None:
    scan = object_acquisition(4, 32, 32)
    expected = pseudo_replica(ZeroFilled(), scan, COVARIANCE, 5)
    assert torch.equal(noise_map(ZeroFilled(), scan, COVARIANCE, 5), expected)


def test_a_noise_scan_gives_the_covariance() -> None:
    noise = 1e-3 * torch.randn(4, 4096, dtype=torch.complex64, generator=torch.Generator().manual_seed(1))
    scan = replace(object_acquisition(4, 32, 32), noise=noise)
    torch.testing.assert_close(
        noise_map(ZeroFilled(), scan, replicas=20), noise_map(ZeroFilled(), scan, COVARIANCE, 20), rtol=0.1, atol=0
    )
