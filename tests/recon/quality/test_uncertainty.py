from dataclasses import replace

import pytest
import torch

from helpers.scans.objects import object_acquisition
from recon.classical.sense import Sense
from recon.classical.zero_filled import ZeroFilled
from recon.coils import rss
from recon.contract import Predictors, UncertaintyCalibration
from recon.data.acquisition import Acquisition
from recon.data.masks.kind import MaskKind
from recon.data.masks.measured import center_lines
from recon.data.masks.sampling import Sampling
from recon.quality.uncertainty import LEFT_OUT, View, magnitude_noise, noise_level, spread, views


def undersampled(**values: object) -> Acquisition:
    return Sampling(MaskKind.RANDOM, 3, 0.16)(object_acquisition(noise=1e-3, **values))


def deviations(acquisition: Acquisition, method: object) -> torch.Tensor:
    seen = views(acquisition)
    return spread(method(acquisition), seen, [method(view.acquisition) for view in seen])


def unflipped(acquisition: Acquisition) -> list[Acquisition]:
    return [view.acquisition for view in views(acquisition) if not view.flipped]


def test_each_view_lacks_another_tenth_of_what_is_no_calibration_line() -> None:
    acquisition = undersampled(phase=90)
    center = center_lines(acquisition.mask)
    spare = int(acquisition.mask.sum()) - (center.stop - center.start)
    left_out = [acquisition.mask & ~view.mask for view in unflipped(acquisition)]
    for lines in left_out:
        assert int(lines.sum()) == max(1, round(LEFT_OUT * spare))
        assert not lines[center].any()
    assert not (left_out[0] & left_out[1]).any()


def test_mixed_coils_hold_what_was_measured_and_nothing_else() -> None:
    acquisition = undersampled()
    for view in unflipped(acquisition):
        torch.testing.assert_close(rss(view.kspace), rss(acquisition.kspace * view.mask))
        assert not torch.allclose(view.kspace, acquisition.kspace * view.mask)


@pytest.mark.parametrize("matrix", [(48, 60), (49, 60), (48, 61), (49, 61)])
@pytest.mark.parametrize("crop", [(40, 40), (41, 40), (40, 41), (33, 35), (99, 99)])
def test_views_of_a_full_scan_are_the_same_image(matrix: tuple[int, int], crop: tuple[int, int]) -> None:
    full = object_acquisition(3, *matrix, noise=1e-3, crop=crop)
    image = ZeroFilled()(full)
    seen = views(full)
    assert {view.flipped for view in seen} == {(), (-2,), (-1,), (-2, -1)}
    for view in seen:
        # A mirror about DC leaves the crop by one or two lines where it is smaller than the matrix.
        middle = (slice(2, -2), slice(2, -2))
        torch.testing.assert_close(
            view.undo(ZeroFilled()(view.acquisition))[middle], image[middle], rtol=1e-4, atol=1e-5
        )


def test_a_mask_of_points_keeps_its_middle() -> None:
    points = torch.rand(64, 60, generator=torch.Generator().manual_seed(0)) < 0.3
    points[28:37, 27:34] = True
    acquisition = object_acquisition().undersample(points)
    first = unflipped(acquisition)[0]
    assert first.mask[28:37, 27:34].all()
    assert 0 < int((acquisition.mask & ~first.mask).sum()) < 0.1 * acquisition.mask.sum()


def test_separate_calibration_lines_and_noise_are_seen_by_the_same_coils() -> None:
    full = object_acquisition()
    noise = torch.randn(6, 500, generator=torch.Generator().manual_seed(0), dtype=torch.complex64)
    acquisition = replace(undersampled(), calibration=full.kspace[..., 20:40], noise=noise)
    for view in unflipped(acquisition):
        torch.testing.assert_close(rss(view.calibration), rss(full.kspace[..., 20:40]))
        torch.testing.assert_close(view.noise.norm(dim=0), noise.norm(dim=0))
        mixing = torch.linalg.lstsq(noise.T, view.noise.T).solution.T
        expected = torch.einsum("vc,crp->vrp", mixing, full.kspace[..., 20:40])
        torch.testing.assert_close(view.calibration, expected, rtol=1e-3, atol=1e-2)


def test_it_is_larger_where_the_error_is_and_the_same_every_time() -> None:
    acquisition = Sampling(MaskKind.RANDOM, 4, 0.16)(object_acquisition(noise=1e-2))
    found = deviations(acquisition, Sense())
    squares = (Sense()(acquisition) - acquisition.target).square()
    low, high = found.quantile(torch.tensor([0.25, 0.75]))
    assert squares[found > high].mean() > 4 * squares[found < low].mean()
    assert torch.equal(found, deviations(acquisition, Sense()))


@pytest.mark.parametrize("scale", [1e-7, 1e5])
def test_it_has_the_units_of_the_image(scale: float) -> None:
    acquisition = undersampled()
    scaled = replace(acquisition, kspace=acquisition.kspace * scale)
    torch.testing.assert_close(
        deviations(scaled, Sense()) / scale, deviations(acquisition, Sense()), rtol=1e-2, atol=1e-5
    )


def test_the_spread_of_a_constant_deviation_is_constant_to_the_edge() -> None:
    image = torch.rand(20, 15)
    seen = [View(object_acquisition(), ())] * 2
    torch.testing.assert_close(spread(image, seen, [image + 3, image - 3]), torch.full((20, 15), 3.0))


def test_of_noise_in_a_sum_of_lines_three_times_the_spread_is_the_standard_deviation() -> None:
    full = object_acquisition(coils=1, readout=96, phase=96)
    kspace = torch.randn(full.kspace.shape, generator=torch.Generator().manual_seed(0), dtype=torch.complex64)
    kspace[..., 40:56] = 0
    kspace[..., 48, 48] = 1e5  # a bright image of one grey, whose magnitude feels the real part of the noise
    lines = torch.arange(96)
    acquisition = replace(full, kspace=kspace).undersample((lines != 39) & (lines != 57))
    true = ZeroFilled()(acquisition).std()
    assert float(3 * deviations(acquisition, ZeroFilled()).mean() / true) == pytest.approx(1, abs=0.1)


def test_the_noise_is_told_by_the_ends_of_the_readout_or_by_a_noise_scan() -> None:
    acquisition = Sampling(MaskKind.RANDOM, 2, 0.16)(object_acquisition(readout=128, noise=0.5))
    true = 0.5 / 2**0.5  # of the helper's complex numbers, whose variance is that of both parts together
    assert noise_level(acquisition) == pytest.approx(true, rel=0.2)
    scan = 2 * torch.randn(6, 4000, generator=torch.Generator().manual_seed(0), dtype=torch.complex64)
    assert noise_level(replace(acquisition, noise=scan)) == pytest.approx(2 / 2**0.5, rel=0.05)


@pytest.mark.parametrize("coils", [1, 4, 16])
def test_the_noise_of_a_magnitude_is_less_where_it_is_dark(coils: int) -> None:
    normal = torch.randn(2, coils, 40_000, generator=torch.Generator().manual_seed(0))
    for signal in (0.0, 30.0):
        magnitude = rss((torch.complex(normal[0], normal[1]) + signal / coils**0.5).unsqueeze(-1))
        expected = magnitude_noise(magnitude.square().mean().sqrt().reshape(1, 1), 1.0, coils)
        assert float(magnitude.std() / expected) == pytest.approx(1, abs=0.09 if coils == 1 else 0.04)
    assert not magnitude_noise(torch.ones(3, 3), 0.0, coils).any()


def test_deviations_and_noise_add_as_variances_and_deviations_grow_with_the_acceleration() -> None:
    predictors = Predictors(torch.tensor([0.0, 2.0]), torch.tensor([6.0, 6.0]), 4.0)
    sigma = UncertaintyCalibration(spread=1.0, acceleration=0.5, noise=0.5)(predictors)
    torch.testing.assert_close(sigma, torch.tensor([3.0, 5.0]))
    torch.testing.assert_close(UncertaintyCalibration()(predictors), torch.tensor([0.0, 6.0]))


@pytest.mark.parametrize("phase", [60, 61])
@pytest.mark.parametrize("padding", [(16, 60), (0, 50), (10, 45)])
def test_mirrored_lines_stay_inside_of_what_a_full_scan_measures(phase: int, padding: tuple[int, int]) -> None:
    full = object_acquisition(phase=phase)
    columns = torch.arange(phase)
    inside = (columns >= padding[0]) & (columns < padding[1])
    acquisition = replace(full, header=replace(full.header, padding=padding)).undersample(inside)
    for view in views(acquisition):
        first, last = view.acquisition.header.padding
        lines = view.acquisition.mask.nonzero().flatten()
        assert int((lines < first).sum() + (lines >= last).sum()) <= 1  # the line without a partner
        assert abs((last - first) - (padding[1] - padding[0])) <= 1
