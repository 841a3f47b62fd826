from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest
import torch

from helpers.scans.heads import folded
from helpers.scans.objects import object_acquisition, padded
from helpers.scans.slices import random_kspace
from recon.blocking import as_on_gpu
from recon.calibration.acs import calibration_lines
from recon.classical.sense import Sense
from recon.data.acquisition import Acquisition
from recon.data.masks.kind import MaskKind
from recon.data.masks.sampling import Sampling
from recon.registry import create
from recon.solvers.problem import Problem


def undersampled(acquisition: Acquisition) -> Acquisition:
    return Sampling(MaskKind.EQUISPACED, 3, 0.3)(acquisition)


def test_two_maps_are_used_where_the_object_is_folded_and_only_there() -> None:
    full = object_acquisition(coils=8, readout=64, phase=96)
    assert len(Problem.of_slices([undersampled(full)]).encoding.sens_maps[0]) == 1
    assert len(Problem.of_slices([undersampled(folded(full, 52))]).encoding.sens_maps[0]) == 2


def test_a_folded_object_is_reconstructed() -> None:
    scan = folded(object_acquisition(coils=8, readout=64, phase=96), 52)
    image = Sense(lamda=1e-3)(undersampled(scan))
    assert (image - scan.target).norm() < 0.06 * scan.target.norm()


def test_readout_oversampling_is_removed_without_changing_the_image() -> None:
    full = object_acquisition(readout=64, crop=(40, 60))
    problem = Problem.of_slices([undersampled(full)])
    assert problem.measured.shape[-2] == 40
    whole = Sense()(undersampled(object_acquisition(readout=64)))
    assert (Sense()(undersampled(full)) - whole[12:52]).norm() < 0.02 * whole.norm()


@pytest.mark.parametrize("width", [96, 52])
def test_the_largest_step_that_gradient_descent_may_take_is_one(width: int) -> None:
    scan = folded(object_acquisition(coils=8, readout=64, phase=96), width)
    encoding = Problem.of_slices([undersampled(scan)]).encoding
    sets = encoding.sens_maps.shape[1]
    assert sets == (1 if width == 96 else 2)
    image = torch.randn(1, sets, 64, width, generator=torch.Generator().manual_seed(0), dtype=torch.complex64)
    for _ in range(30):
        image = encoding.normal(image)
        growth = image.norm()
        image = image / growth
    assert growth < 1.0001


def test_a_mask_in_two_dimensions_gives_the_image_of_the_same_mask_along_phase() -> None:
    scan = undersampled(object_acquisition())
    spelled_out = Acquisition(scan.kspace, scan.mask.expand(64, 60), scan.header)
    torch.testing.assert_close(Sense()(spelled_out), Sense()(scan), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("place", [nullcontext, as_on_gpu])
@pytest.mark.parametrize("name", ["sense", "cs-wavelet", "cs-tv"])
def test_slices_of_a_batch_are_reconstructed_as_they_are_alone(name: str, place: Callable[[], Any]) -> None:
    full = object_acquisition(coils=10, readout=48, phase=52)
    wrapped = folded(object_acquisition(coils=10, readout=48, phase=96), 52)
    dark = replace(full, kspace=torch.zeros_like(full.kspace), name="dark.h5")
    scans = [
        Sampling(MaskKind.EQUISPACED, 3, fraction)(replace(scan, name=f"{number}.h5"))
        for number, (scan, fraction) in enumerate(
            [(full, 0.3), (wrapped, 0.3), (full, 0.1), (dark, 0.2), (wrapped, 0.2)]
        )
    ]
    scans[2] = replace(scans[2], calibration=full.kspace[..., 20:32])
    scans.append(undersampled(object_acquisition(coils=3, readout=40, phase=44)))
    method = create(name)
    with place():
        together = method.batch(scans)
    for image, scan in zip(together, scans, strict=True):
        alone = method(scan)
        torch.testing.assert_close(image, alone, rtol=1e-3, atol=1e-3 * float(alone.max()))


def test_only_folded_slices_of_a_batch_have_two_maps() -> None:
    full = undersampled(object_acquisition(coils=8, readout=64, phase=52))
    wrapped = undersampled(folded(object_acquisition(coils=8, readout=64, phase=96), 52))
    together = Problem.of_slices([full, wrapped])
    assert together.sets_present.tolist() == [[True, False], [True, True]]
    assert not together.encoding.sens_maps[0, 1].any()


def test_slices_of_a_batch_may_differ_in_their_number_of_virtual_coils() -> None:
    few = undersampled(object_acquisition(coils=14, noise=0.2))
    many = replace(few, kspace=torch.linspace(4, 1, 14)[:, None, None] * random_kspace(14, 64, 60) * few.mask)
    scans = [few, many]
    counts = [Problem.of_slices([scan]).compression.shape[-1] for scan in scans]
    together = Problem.of_slices(scans)
    assert counts[0] < counts[1] == together.compression.shape[-1]
    images = together.image(Sense(tolerance=0).solve(together))
    for image, scan in zip(images, scans, strict=True):
        torch.testing.assert_close(image, Sense(tolerance=0)(scan), rtol=1e-3, atol=1e-3 * float(image.max()))


def test_padding_counts_for_the_acceleration_unless_the_header_marks_it_as_not_measured() -> None:
    scan = padded(undersampled(object_acquisition(phase=60)), 90)
    assert float(Problem.of_slices([scan]).acceleration) == pytest.approx(scan.acceleration)
    acs = [calibration_lines(scan)]
    of_mask = Problem.of(scan.kspace[None], scan.mask.reshape(1, 1, 1, 90), acs).acceleration
    assert float(of_mask) == pytest.approx(1.5 * scan.acceleration)


def test_frames_of_a_series_share_maps_and_scale_and_a_series_of_one_frame_is_a_slice() -> None:
    full = object_acquisition(coils=8, readout=48, phase=64)
    brighter = replace(full, kspace=2 * full.kspace)
    series = Problem.of_series([undersampled(full), undersampled(brighter)])
    slice_ = Problem.of_slices([undersampled(full)])
    assert (series.scale == series.scale[0]).all()
    assert torch.equal(series.encoding.sens_maps[0], series.encoding.sens_maps[1])
    images = series.image(Sense().solve(series))
    assert torch.allclose(2 * images[0], images[1], rtol=1e-3, atol=1e-3 * float(images.max()))
    alone = Problem.of_series([undersampled(full)])
    assert torch.equal(alone.measured, slice_.measured)
    assert torch.equal(alone.encoding.sens_maps, slice_.encoding.sens_maps)
