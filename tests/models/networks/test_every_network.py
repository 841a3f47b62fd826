"""Properties that every network of the zoo has."""

import pytest
import torch
from torch import nn

from helpers.learned.networks import SMALL
from helpers.scans.objects import object_acquisition
from helpers.scans.slices import line_mask, random_kspace
from recon.coils import rss
from recon.fourier import fft
from recon.models.networks.sense_network import SenseNetwork
from recon.models.networks.series.series_network import takes_series
from recon.models.zoo import NETWORKS, build

SENSE_NETWORKS = [name for name, cls in NETWORKS.items() if issubclass(cls, SenseNetwork)]


@pytest.fixture(params=NETWORKS)
def network(request: pytest.FixtureRequest) -> nn.Module:
    torch.manual_seed(0)
    return build(request.param, SMALL[request.param])


def batch(count: int = 2, coils: int = 3, matrix: tuple[int, int] = (33, 40)) -> tuple[torch.Tensor, torch.Tensor]:
    mask = line_mask(matrix[1], batch=count)
    return torch.where(mask, random_kspace(count, coils, *matrix), 0), mask


@pytest.mark.parametrize("scale", [1e-7, 1e5])
def test_the_image_scales_with_the_kspace(network: nn.Module, scale: float) -> None:
    kspace, mask = batch()
    image = network(kspace, mask)
    assert image.shape == (2, 33, 40)
    assert image.dtype == torch.float32
    torch.testing.assert_close(network(kspace * scale, mask) / scale, image, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", [name for name, cls in NETWORKS.items() if not takes_series(cls)])
def test_slices_of_a_batch_are_independent(name: str) -> None:
    torch.manual_seed(0)
    network = build(name, SMALL[name])
    kspace, mask = batch(3)
    kspace[1] *= 100
    alone = torch.cat([network(kspace[index : index + 1], mask[index : index + 1]) for index in range(3)])
    together = network(kspace, mask)
    for index in range(3):
        torch.testing.assert_close(  # single precision of ESPIRiT
            together[index] / alone[index].amax(), alone[index] / alone[index].amax(), rtol=0, atol=1e-4
        )


def test_mixed_precision_changes_the_image_little(network: nn.Module) -> None:
    kspace, mask = batch()
    image = network(kspace, mask)
    with torch.autocast("cpu", torch.bfloat16):
        rough = network(kspace, mask)
    assert 0 < (rough - image).norm() < 0.01 * image.norm()
    rough.sum().backward()


def test_double_precision_is_kept(network: nn.Module) -> None:
    kspace, mask = batch()
    image = network.double()(kspace.to(torch.complex128), mask)
    assert image.dtype == torch.float64
    torch.testing.assert_close(network.float()(kspace, mask), image.float(), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("coils", [1, 3])
def test_every_weight_has_a_finite_nonzero_gradient(network: nn.Module, coils: int) -> None:
    kspace, mask = batch(coils=coils)
    network(kspace, mask).square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        # The first estimate is the measured k-space, so the first data consistency has no effect; neither has a map
        # network for one coil, whose map is one everywhere.
        assert parameter.grad.any() or name == "cascades.0.dc_weight" or (coils == 1 and "sens_net" in name), name


def test_an_empty_slice_stays_empty_with_finite_gradients(network: nn.Module) -> None:
    image = network(torch.zeros(1, 3, 24, 24, dtype=torch.complex64), line_mask(24))
    image.sum().backward()
    assert torch.equal(image, torch.zeros(1, 24, 24))
    assert all(parameter.grad.isfinite().all() for parameter in network.parameters() if parameter.grad is not None)


def test_a_slice_with_nan_gives_an_image_with_nan_and_no_exception(network: nn.Module) -> None:
    kspace, mask = batch()
    kspace[0, 0, 3, 20] = torch.nan
    assert network(kspace, mask)[0].isnan().any()


@pytest.mark.parametrize("name", SENSE_NETWORKS)
def test_checkpointing_changes_neither_the_image_nor_the_gradients(name: str) -> None:
    kspace, mask = batch()
    network = build(name, SMALL[name])
    results = []
    for checkpointing in (False, True):
        network.checkpointing = checkpointing
        image = network(kspace, mask)
        results.append((image, *torch.autograd.grad(image.square().sum(), list(network.parameters()))))
    for plain, saved in zip(*results, strict=True):
        torch.testing.assert_close(saved, plain)


@pytest.mark.parametrize("name", SENSE_NETWORKS)
def test_coil_images_keep_measured_samples_and_combine_to_the_image(name: str) -> None:
    network = build(name, SMALL[name])
    full = object_acquisition(noise=1e-3)
    mask = line_mask(60)
    kspace = torch.where(mask, full.kspace[None], 0)
    coil_images = network.coil_images(kspace, mask)
    torch.testing.assert_close(rss(coil_images), network(kspace, mask))
    kept = torch.where(mask, fft(coil_images), 0)
    torch.testing.assert_close(kept, kspace, rtol=1e-3, atol=1e-3 * float(kspace.abs().max()))
