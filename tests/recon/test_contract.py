"""Every method gives the same image in any units, and a better one than doing nothing."""

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helpers.scans.objects import object_acquisition
from recon.contract import Reconstruction
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.data.masks.kind import MaskKind
from recon.data.masks.sampling import Sampling
from recon.registry import create, method_names

CLASSICAL = [
    *(name for name in method_names() if not create(name).trained and create(name).slab is None),
    "sense+gain",
]
"""Methods that take single 2-D slices."""

SOLVERS = [name for name in CLASSICAL if name != "zero-filled"]

every_method = pytest.mark.parametrize("method", [create(name) for name in CLASSICAL], ids=CLASSICAL)
every_solver = pytest.mark.parametrize("method", [create(name) for name in SOLVERS], ids=SOLVERS)


def undersampled(full: Acquisition) -> Acquisition:
    return Sampling(MaskKind.EQUISPACED, acceleration=3, center_fraction=0.16)(full)


def error(image: torch.Tensor, acquisition: Acquisition) -> float:
    return float((image - acquisition.target).norm() / acquisition.target.norm())


@every_method
def test_a_full_scan_gives_the_target(method: Reconstruction) -> None:
    full = object_acquisition()
    assert error(method(full), full) < 0.03


@every_method
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
@given(exponent=st.integers(-7, 7))
def test_units_do_not_matter(method: Reconstruction, exponent: int) -> None:
    acquisition = undersampled(object_acquisition(noise=1e-3))
    scaled = undersampled(scale(object_acquisition(noise=1e-3), 10.0**exponent))
    torch.testing.assert_close(
        method(scaled), method(acquisition) * 10.0**exponent, rtol=2e-3, atol=2e-4 * 10.0**exponent
    )


@every_solver
def test_the_image_is_closer_to_the_target_than_the_zero_filled_one(method: Reconstruction) -> None:
    acquisition = undersampled(object_acquisition(noise=1e-3))
    assert error(method(acquisition), acquisition) < 0.8 * error(create("zero-filled")(acquisition), acquisition)


@every_method
@pytest.mark.parametrize("matrix", [(49, 60), (64, 61), (47, 63)])
def test_odd_sizes_are_reconstructed(method: Reconstruction, matrix: tuple[int, int]) -> None:
    acquisition = undersampled(object_acquisition(4, *matrix))
    image = method(acquisition)
    assert image.shape == matrix
    assert error(image, acquisition) < 0.35


@every_method
def test_the_image_is_cropped_to_the_header(method: Reconstruction) -> None:
    full = object_acquisition(crop=(32, 40))
    image = method(undersampled(full))
    assert image.shape == (32, 40)
    assert image.dtype == torch.float32


@every_method
def test_one_coil_is_enough(method: Reconstruction) -> None:
    image = method(undersampled(object_acquisition(coils=1)))
    assert torch.isfinite(image).all()
    assert image.amax() > 0


@every_method
def test_silence_gives_a_black_image(method: Reconstruction) -> None:
    silent = scale(object_acquisition(), 0.0)
    assert not method(undersampled(silent)).any()


@every_method
def test_the_order_of_the_coils_does_not_matter(method: Reconstruction) -> None:
    full = object_acquisition(noise=1e-3)
    order = torch.tensor([3, 1, 5, 0, 2, 4])
    reordered = Acquisition(full.kspace[order], full.mask, full.header, full.target, name=full.name)
    image, other = method(undersampled(full)), method(undersampled(reordered))
    assert (image - other).norm() < 0.03 * image.norm()


@every_solver
def test_too_few_calibration_lines_are_told_in_a_sentence(method: Reconstruction) -> None:
    full = object_acquisition(phase=60)
    with pytest.raises(InputError, match="discs.h5: only 1 neighbouring lines .* calibration needs"):
        method(full.undersample(torch.arange(60) % 3 == 0))


def scale(acquisition: Acquisition, factor: float) -> Acquisition:
    return Acquisition(acquisition.kspace * factor, acquisition.mask, acquisition.header, name=acquisition.name)
