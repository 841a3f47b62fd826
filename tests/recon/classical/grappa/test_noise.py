from dataclasses import replace

import pytest
import torch

from helpers.scans.objects import discs, object_acquisition
from recon.calibration.noise import mix_coils
from recon.classical.grappa.grappa import Grappa
from recon.coils import rss
from recon.data.masks.kind import LINES, MaskKind
from recon.data.masks.sampling import Sampling
from recon.fourier import ifft
from recon.preprocessing.oversampling import without_oversampling
from recon.quality.pseudo_replica import pseudo_replica


def correlated(coils: int) -> torch.Tensor:
    distance = (torch.arange(coils)[:, None] - torch.arange(coils)).abs()
    return torch.complex(0.4**distance, torch.zeros(coils, coils)) * torch.linspace(1, 2, coils).outer(
        torch.linspace(1, 2, coils)
    )


@pytest.mark.parametrize("kind", LINES)
def test_the_formula_agrees_with_replicas(kind: MaskKind) -> None:
    replicas, noise = 150, 1e-3
    covariance = correlated(10)
    acquisition = Sampling(kind, 3, 0.15)(object_acquisition(10, 33, 40, noise=1e-3, crop=(27, 36)))
    kernels = Grappa().kernels(without_oversampling(acquisition))

    def fixed_weights(scan: object) -> torch.Tensor:
        return rss(coil_images(scan))[:, 2:38]

    def coil_images(scan: object) -> torch.Tensor:
        return ifft(kernels.fill(ifft(without_oversampling(scan).kspace, (-2,))), (-1,))

    measured = pseudo_replica(fixed_weights, acquisition, noise**2 * covariance, replicas)
    images = coil_images(acquisition)[..., 2:38]
    roots = mix_coils(torch.linalg.cholesky(covariance).mH, images / rss(images))
    full = noise * rss(roots) / 2**0.5  # the magnitude takes only the noise along the signal
    ratio = measured / (full * acquisition.acceleration**0.5) / Grappa().g_factor(acquisition, covariance)
    inside = (discs(33, 40) > 0.4)[3:30, 2:38]
    assert abs(ratio[inside].mean() - 1) < 0.02
    assert ratio[inside].std() < 1.3 / (2 * replicas) ** 0.5
    formula = Grappa().noise_map(acquisition, noise**2 * covariance)
    torch.testing.assert_close((measured / formula)[inside], ratio[inside], rtol=1e-4, atol=0)


def test_a_full_scan_has_no_amplification() -> None:
    full = object_acquisition(4, noise=1e-3)
    g = Grappa().g_factor(full, torch.eye(4, dtype=torch.complex64))
    torch.testing.assert_close(g, torch.ones_like(g), rtol=1e-3, atol=1e-3)


def test_the_scale_of_the_covariance_does_not_matter() -> None:
    acquisition = Sampling(MaskKind.RANDOM, 3, 0.2)(object_acquisition(4, 33, 40, noise=1e-3))
    small, large = (Grappa().g_factor(acquisition, scale * correlated(4)) for scale in (1e-8, 1e4))
    torch.testing.assert_close(small, large, rtol=1e-3, atol=1e-4)


def test_padding_amplifies_nothing() -> None:
    full = object_acquisition(8, 32, 40)
    columns = torch.arange(40)
    padded = replace(full, header=replace(full.header, padding=(6, 34))).undersample((columns >= 6) & (columns < 34))
    found = Grappa().g_factor(padded, correlated(8))[discs(32, 40) > 0.4]
    torch.testing.assert_close(found, torch.ones_like(found), rtol=1e-3, atol=0)
