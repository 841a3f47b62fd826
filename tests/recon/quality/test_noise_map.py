"""Noise maps come from a formula where there is one, and from replicas elsewhere."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from helpers.learned.networks import write_weights
from helpers.scans.objects import discs, object_acquisition
from recon.classical.grappa.grappa import Grappa
from recon.classical.zero_filled import ZeroFilled
from recon.data.acquisition import Acquisition
from recon.data.masks.kind import MaskKind
from recon.data.masks.sampling import Sampling
from recon.postprocessing.gain import Gain
from recon.quality.noise_map import g_factor_map, noise_map
from recon.quality.pseudo_replica import pseudo_replica
from recon.registry import create, method_names

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


def test_the_g_factor_of_a_full_scan_is_one() -> None:
    scan = object_acquisition(4, 32, 32)
    g = g_factor_map(noise_map(ZeroFilled(), scan, COVARIANCE, 100), scan, COVARIANCE)
    assert g[discs(32, 32) > 0.5].mean() == pytest.approx(1, abs=0.03)


def test_the_g_factor_of_any_method_agrees_with_grappas_formula() -> None:
    scan = Sampling(MaskKind.EQUISPACED, 3, 0.2)(object_acquisition(6, 48, 48, noise=1e-3))
    covariance = 1e-6 * torch.eye(6, dtype=torch.complex64)
    ratio = g_factor_map(noise_map(Grappa(), scan, covariance), scan, covariance) / Grappa().g_factor(
        scan, covariance
    )
    inside = discs(48, 48) > 0.5
    assert ratio[inside].median() == pytest.approx(1, abs=0.03)
    assert ratio[inside].sub(1).abs().quantile(0.9) < 0.1


def test_every_method_has_a_noise_map_and_a_g_factor(tmp_path: Path) -> None:
    scan = Sampling(MaskKind.EQUISPACED, 2, 0.3)(object_acquisition(4, 32, 32, noise=1e-3))
    for name in (name for name in method_names() if create(name).slab is None):
        learned = hasattr(create(name), "checkpoint")
        network = "varnet-general" if name == "varnet" else name
        settings = {"checkpoint": write_weights(tmp_path / f"{name}.safetensors", network)} if learned else {}
        sigma = noise_map(create(name, settings), scan, COVARIANCE, 2)
        for found in (sigma, g_factor_map(sigma, scan, COVARIANCE)):
            assert found.shape == (32, 32), name
            assert found.dtype == torch.float32, name
            assert found.isfinite().all(), name
            assert found.max() > 0, name


def test_a_stage_has_as_many_replicas_as_a_method(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0
    improve = Gain.__call__

    def counted(stage: Gain, image: Tensor, noise: Tensor, acquisition: Acquisition) -> Tensor:
        nonlocal calls
        calls += 1
        return improve(stage, image, noise, acquisition)

    monkeypatch.setattr(Gain, "__call__", counted)
    noise_map(create("zero-filled+gain"), object_acquisition(4, 32, 32, noise=1e-3), COVARIANCE, 5)
    assert calls == 5
