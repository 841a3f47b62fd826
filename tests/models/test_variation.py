import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
import torch

from helpers.scans.objects import object_acquisition
from helpers.scans.slices import line_mask
from recon.models.networks.general_varnet import GeneralVarNet, Start
from recon.models.networks.kspace_network import UndersampledBatch
from recon.models.variation import can_mirror, conjugate, join, mirror, rotate_phase

VARIATIONS = [partial(rotate_phase, angle=2.1), conjugate, mirror]
NETWORK = GeneralVarNet(num_cascades=1, chans=4, pools=2, start_iterations=8)


def start(mask: torch.Tensor, readout: int = 32, phase: int = 24) -> Start:
    kspace = object_acquisition(4, readout, phase).kspace[None]
    with torch.no_grad():
        return NETWORK.begin(UndersampledBatch(torch.where(mask, kspace, 0), mask))


def plane_mask() -> torch.Tensor:
    mask = torch.rand(1, 1, 32, 24, generator=torch.Generator().manual_seed(0)) < 0.5
    mask[..., 10:22, 8:16] = True
    return mask


def misfit(started: Start) -> torch.Tensor:
    """Return by how much the first estimate misses the measured samples, relative to their size."""
    encoding = started.problem.encoding
    images = started.images[:, : encoding.sens_maps.shape[1]]
    missed = encoding.forward(images) - started.problem.measured * encoding.mask
    return missed.norm() / started.problem.measured.norm()


@pytest.mark.parametrize("vary", VARIATIONS)
@pytest.mark.parametrize("phase", [24, 25])
def test_a_varied_start_fits_its_samples_as_well(vary: Callable[[Start], Start], phase: int) -> None:
    plain = start(line_mask(phase), phase=phase)
    varied = vary(plain)
    torch.testing.assert_close(misfit(varied), misfit(plain), rtol=1e-4, atol=1e-5)
    assert misfit(plain) < 0.2
    assert not torch.equal(varied.images, plain.images)


@pytest.mark.parametrize("vary", [partial(rotate_phase, angle=2.1), conjugate])
def test_samples_of_two_phase_axes_vary_likewise(vary: Callable[[Start], Start]) -> None:
    plain = start(plane_mask())
    torch.testing.assert_close(misfit(vary(plain)), misfit(plain), rtol=1e-4, atol=1e-5)
    assert not can_mirror(plain)


@pytest.mark.parametrize("vary", VARIATIONS)
def test_the_magnitude_stays_or_is_mirrored(vary: Callable[[Start], Start]) -> None:
    plain = start(line_mask(24))
    magnitude, varied = (one.problem.image(_encoded(one)) for one in (plain, vary(plain)))
    expected = magnitude.flip(-2) if vary is mirror else magnitude
    torch.testing.assert_close(varied, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("vary", [partial(rotate_phase, angle=math.pi), conjugate, mirror])
def test_varying_twice_gives_the_start_back(vary: Callable[[Start], Start]) -> None:
    plain = start(line_mask(24))
    again = vary(vary(plain))
    torch.testing.assert_close(again.images, plain.images)
    torch.testing.assert_close(again.problem.measured, plain.problem.measured)
    torch.testing.assert_close(again.problem.encoding.sens_maps, plain.problem.encoding.sens_maps)
    assert torch.equal(again.problem.encoding.mask, plain.problem.encoding.mask)


def _encoded(started: Start) -> torch.Tensor:
    encoding = started.problem.encoding
    return started.images[:, : encoding.sens_maps.shape[1]]


def test_joined_starts_give_the_images_of_each() -> None:
    kspaces = [object_acquisition(4, 32, 24, noise=noise).kspace[None] for noise in (0, 0.1, 0.3)]
    mask = line_mask(24, batch=3)
    with torch.no_grad():
        starts = [
            NETWORK.begin(UndersampledBatch(torch.where(one, kspace, 0), one))
            for kspace, one in zip(kspaces, mask.split(1), strict=True)
        ]
        fewer = [_without_last_coil(starts[0]), *starts[1:]]
        images = NETWORK.finish(join(fewer))
        expected = torch.cat([NETWORK.finish(one) for one in fewer])
    torch.testing.assert_close(images, expected, rtol=1e-4, atol=1e-5)


def _without_last_coil(started: Start) -> Start:
    problem = started.problem
    encoding = replace(problem.encoding, sens_maps=problem.encoding.sens_maps[:, :, :-1])
    few = {"measured": problem.measured[:, :-1], "compression": problem.compression[..., :-1]}
    return replace(started, problem=replace(problem, encoding=encoding, **few))
