"""Reconstruct masks along both axes, which are the phase encodings of a 3-D scan."""

import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from helpers.scans.objects import object_acquisition, smooth_maps
from recon.classical.grappa.grappa import Grappa
from recon.classical.unfolding.plane import PlaneFolding, PlaneLattice, find_plane_lattice
from recon.classical.unfolding.sense_unfold import SenseUnfold
from recon.classical.zero_filled import ZeroFilled
from recon.coils import rss
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.experiments.commands.arguments.samplings import parse_sampling
from recon.fourier import ifft
from recon.quality.pseudo_replica import pseudo_replica
from recon.registry import create

MASKS = {"caipi:2x2:1": 4, "regular:2x2": 4, "caipi:1x3:1": 3, "poisson": 4, "poisson@1x1": 8}
METHODS: dict[str, dict[str, object]] = {
    "grappa": {},
    "sense": {},
    "cs-wavelet": {},
    "cs-tv": {},
    "varnet": {"checkpoint": "varnet-general"},
}
few = hypothesis_settings(max_examples=15)


def undersampled(mask: str, full: Acquisition, center_fraction: float | None = None) -> Acquisition:
    sampling = parse_sampling(mask, MASKS.get(mask, 4), center_fraction, 0)
    return sampling(full)


def error(image: torch.Tensor, truth: torch.Tensor) -> float:
    return float((image - truth).norm() / truth.norm())


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("method", METHODS)
def test_every_method_removes_most_of_the_aliasing(method: str, mask: str) -> None:
    full = object_acquisition(8, 60, 64, noise=3e-3)
    scan, truth = undersampled(mask, full), ZeroFilled()(full)
    image = create(method, METHODS[method])(scan)
    assert error(image, truth) < 0.6 * error(ZeroFilled()(scan), truth)
    assert error(image, truth) < 0.05


@pytest.mark.parametrize("mask", ["caipi:2x2:1", "regular:2x2", "caipi:1x3:1", "caipi:3x2:1"])
@pytest.mark.parametrize("matrix", [(60, 64), (61, 63)])
def test_unfolding_a_lattice_equals_iterating(mask: str, matrix: tuple[int, int]) -> None:
    full = object_acquisition(8, *matrix, noise=3e-3)
    scan, truth = undersampled(mask, full), ZeroFilled()(full)
    assert error(SenseUnfold()(scan), truth) < 1.3 * error(create("sense", {})(scan), truth)


@few
@given(
    st.tuples(st.integers(1, 3), st.integers(1, 4)),
    st.integers(0, 3),
    st.tuples(st.integers(0, 2), st.integers(0, 3)),
    st.tuples(st.sampled_from((24, 36)), st.sampled_from((24, 48))),
)
def test_without_noise_and_with_true_maps_the_image_is_unfolded(
    steps: tuple[int, int], shift: int, origin: tuple[int, int], matrix: tuple[int, int]
) -> None:
    lattice = PlaneLattice(steps, shift % steps[1], (origin[0] % steps[0], origin[1] % steps[1]))
    full = object_acquisition(16, *matrix)
    mask = lattice.mask(matrix, torch.device("cpu"))
    folding = PlaneFolding.of(smooth_maps(16, *matrix), lattice)
    predicted = folding.coil_kspace(folding.unfold(full.kspace * mask, 1e-6))
    kept = predicted * mask
    assert error(kept, full.kspace * mask) < 0.02
    if lattice.acceleration <= 4 and matrix[0] % 12 == 0 and matrix[1] % 12 == 0:
        assert error(predicted, full.kspace) < 0.02


@few
@given(
    st.sampled_from(["caipi:2x2:1", "caipi:2x3:1", "caipi:3x3:2", "regular:2x3", "caipi:1x2:1"]), st.integers(0, 99)
)
def test_the_lattice_is_found_beside_the_calibration_rectangle(mask: str, seed: int) -> None:
    sampling = parse_sampling(mask, 4, None, 0)
    sampled = sampling.mask((66, 60), seed)
    lattice = find_plane_lattice(sampled)
    assert lattice is not None
    assert sampling.steps is not None
    assert (*lattice.steps, lattice.shift) == sampling.steps
    points = lattice.mask((66, 60), sampled.device)
    assert torch.equal(points, points & sampled)


def test_corners_that_were_not_measured_leave_a_lattice_and_random_samples_are_none() -> None:
    rows, columns = (2 * (torch.arange(size) - size // 2) / size for size in (64, 60))
    within = torch.hypot(rows[:, None], columns) <= 1
    mask = parse_sampling("caipi:2x2:1", 4, None, 0).mask((64, 60), 3)
    lattice = find_plane_lattice(mask & within)
    assert lattice is not None
    assert torch.equal(lattice.mask((64, 60), mask.device) & ~mask, torch.zeros_like(mask))
    full = object_acquisition(8, 64, 60)
    with pytest.raises(InputError, match="samples along both axes, besides the calibration lines; use sense"):
        SenseUnfold()(undersampled("poisson", full))


def test_the_noise_map_of_unfolding_is_that_of_repeated_scans() -> None:
    full = object_acquisition(8, 48, 48, noise=1e-3)
    scan = undersampled("caipi:2x2:1", full, 0.1)
    sigma = 1e-2
    covariance = sigma**2 * torch.eye(8, dtype=torch.complex64)
    assert SenseUnfold().noise_map(scan, covariance).shape == (48, 48)
    lattice = find_plane_lattice(scan.mask)
    assert lattice is not None
    folding = PlaneFolding.of(smooth_maps(8, 48, 48), lattice)
    plain = folding.noise(covariance, 0.0)
    measured = pseudo_replica(
        lambda one: (folding.unfold(one.kspace, 0.0) * rss(folding.sens_maps)).real, scan, covariance, 200
    )
    torch.testing.assert_close(torch.fft.fftshift(measured).mean(), plain.mean(), rtol=0.05, atol=0)


def test_grappa_keeps_measured_samples_and_has_no_formula_for_its_noise() -> None:
    scan = undersampled("poisson", object_acquisition(6, 48, 50, noise=3e-3))
    filled = Grappa().fill(scan)
    assert torch.equal(filled[:, scan.mask], scan.kspace[:, scan.mask])
    assert Grappa().noise_map(scan, torch.eye(6, dtype=torch.complex64)) is None
    with pytest.raises(InputError, match="known for masks along phase only"):
        Grappa().g_factor(scan, torch.eye(6, dtype=torch.complex64))


def test_grappa_of_a_lattice_turns_with_the_object() -> None:
    full = object_acquisition(8, 60, 60, noise=3e-3)
    mask = undersampled("regular:2x2", full).mask
    image = Grappa()(full.undersample(mask))
    torch.testing.assert_close(rss(ifft(Grappa().fill(full.undersample(mask)))), image)
    turned = Acquisition(full.kspace.mT.contiguous(), full.mask, full.header, name="turned")
    torch.testing.assert_close(Grappa()(turned.undersample(mask.mT)).mT, image, atol=5e-3, rtol=0)
