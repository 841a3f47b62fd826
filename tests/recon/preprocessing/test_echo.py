"""Where the echo lies does not matter: it is found from calibration samples alone, and moved to the middle."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.scans.objects import object_acquisition, padded
from helpers.scans.slices import random_acquisition
from recon.data.acquisition import Acquisition
from recon.data.masks.kind import MaskKind
from recon.data.masks.measured import center_lines
from recon.data.masks.sampling import Sampling
from recon.fourier import ifft
from recon.preprocessing.echo import centre_echo, echo_offset

offsets = st.integers(-16, 16).filter(lambda offset: abs(offset) != 1)


def shifted(acquisition: Acquisition, readout: int, phase: int) -> Acquisition:
    """Move the echo, and the mask with it where it varies, by whole samples."""
    axes = (readout, phase)[-acquisition.mask.ndim :]
    return replace(
        acquisition,
        kspace=acquisition.kspace.roll((readout, phase), (-2, -1)),
        mask=acquisition.mask.roll(axes, tuple(range(-len(axes), 0))),
    )


def by_lines(full: Acquisition) -> Acquisition:
    return Sampling(MaskKind.RANDOM, acceleration=3, center_fraction=0.16)(full)


def by_points(full: Acquisition) -> Acquisition:
    mask = torch.rand(full.matrix, generator=torch.Generator().manual_seed(0)) < 0.3
    rows, columns = (slice(size // 2 - 6, size // 2 + 6) for size in full.matrix)
    mask[rows, columns] = True
    return full.undersample(mask)


def not_at_all(full: Acquisition) -> Acquisition:
    return full


@pytest.mark.parametrize("undersample", [by_lines, by_points, not_at_all])
@pytest.mark.parametrize(("coils", "matrix"), [(6, (64, 60)), (1, (47, 63)), (3, (64, 61))])
@settings(max_examples=10)
@given(readout=offsets, phase=offsets)
def test_a_shifted_echo_is_moved_back(undersample, coils, matrix, readout, phase):
    scan = undersample(object_acquisition(coils, *matrix, noise=1e-3))
    centred = centre_echo(shifted(scan, readout, phase))
    assert torch.equal(centred.kspace, scan.kspace)
    assert torch.equal(centred.mask, scan.mask)


@pytest.mark.parametrize("offset", [-1, 0, 1])
def test_a_slice_that_is_centred_to_within_a_sample_is_left_alone(offset):
    scan = shifted(by_lines(object_acquisition()), offset, -offset)
    assert centre_echo(scan) is scan


@given(readout=offsets, phase=offsets)
def test_only_the_phase_of_the_image_changes_and_it_changes_linearly(readout, phase):
    scan = object_acquisition()
    moved = shifted(scan, readout, phase)
    image, before = ifft(centre_echo(moved).kspace), ifft(moved.kspace)
    torch.testing.assert_close(image.abs(), before.abs(), atol=1e-4, rtol=1e-4)
    rows, columns = (torch.arange(size) - size // 2 for size in scan.matrix)
    angles = 2 * torch.pi * (readout * rows[:, None] / len(rows) + phase * columns / len(columns))
    torch.testing.assert_close(image * torch.polar(torch.ones(scan.matrix), angles), before, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("missing", [8, 16, 24])
def test_an_asymmetric_echo_stays_where_it_is(missing):
    scan = object_acquisition()
    kspace = scan.kspace.clone()
    kspace[:, :missing] = 0
    scan = replace(scan, kspace=kspace)
    assert centre_echo(scan) is scan
    assert echo_offset(kspace.flip(-2).roll(1, -2), scan.mask) == (0, 0)


@pytest.mark.parametrize("missing", [8, 16, 24])
def test_partial_fourier_along_phase_stays_where_it_is(missing):
    scan = object_acquisition().undersample(torch.arange(60) >= missing)
    assert centre_echo(scan) is scan


@given(seed=st.integers(0, 1000))
def test_noise_does_not_move_the_echo_of_one_coil(seed):
    scan = object_acquisition(coils=1)
    noise = torch.randn(scan.kspace.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.complex64)
    noisy = replace(scan, kspace=scan.kspace + 0.4 * noise)  # the disc has a signal of one
    assert echo_offset(by_lines(noisy).kspace, by_lines(noisy).mask) == (0, 0)


@pytest.mark.parametrize("seed", range(20))
def test_noise_alone_has_no_echo(seed):
    for coils in (1, 4):
        scan = random_acquisition(coils=coils, seed=seed)
        assert centre_echo(scan) is scan


@given(exponent=st.integers(-7, 7))
def test_units_do_not_matter(exponent):
    scan = shifted(by_lines(object_acquisition()), 5, -3)
    assert echo_offset(scan.kspace * 10.0**exponent, scan.mask) == (5, -3)


def test_a_coil_without_signal_does_not_matter():
    scan = shifted(by_lines(object_acquisition()), 5, -3)
    silent = torch.cat([torch.zeros_like(scan.kspace[:2]), scan.kspace])
    assert echo_offset(silent, scan.mask) == (5, -3)


def test_a_spike_is_no_echo():
    scan = shifted(object_acquisition(), 5, -3)
    kspace = scan.kspace.clone()
    kspace[:, 10, 50] = kspace.abs().amax()
    assert echo_offset(kspace, scan.mask) == (5, -3)


@pytest.mark.parametrize("matrix", [(1, 1), (2, 7), (5, 4)])
def test_slices_without_signal_and_tiny_ones_are_left_alone(matrix):
    scan = object_acquisition(2, 8, 8)
    tiny = replace(scan, kspace=torch.ones(2, *matrix), mask=torch.ones(matrix[1], dtype=torch.bool))
    for factor in (0.0, 1.0, float("nan")):
        one = replace(tiny, kspace=tiny.kspace * factor)
        assert centre_echo(one).kspace.shape == one.kspace.shape


def test_without_calibration_lines_only_the_readout_is_centred():
    lattice = object_acquisition().undersample(torch.arange(60) % 3 == 0)
    centred = centre_echo(shifted(lattice, 8, 1))
    assert torch.equal(centred.kspace, lattice.kspace.roll(1, -1))


@pytest.mark.parametrize("phase", range(-10, 11))
def test_half_of_the_calibration_lines_stay_symmetric_about_the_middle(phase):
    scan = object_acquisition()
    moved = replace(scan, kspace=scan.kspace.roll((8, phase), (-2, -1)))
    centred = centre_echo(moved.undersample((torch.arange(60) - 30).abs() <= 6))
    lines = center_lines(centred.mask)
    assert min(30 - lines.start, lines.stop - 30) >= 3
    assert echo_offset(centred.kspace, centred.mask)[0] == 0


def test_padding_moves_with_the_echo():
    scan = padded(object_acquisition(), 80)
    header = replace(scan.header, padding=(13, 73))
    moved = replace(shifted(scan, 0, 3), header=header)
    assert centre_echo(moved).header.padding == scan.header.padding


def test_lines_next_to_the_end_do_not_wrap_into_the_padding():
    scan = padded(object_acquisition(), 64)
    last = scan.header.padding[1]
    moved = replace(shifted(scan, 4, -5), header=replace(scan.header, padding=(0, last)))
    centred = centre_echo(moved)
    assert torch.equal(centred.kspace, shifted(scan, 0, -5).kspace)
    assert centred.header == moved.header


@pytest.mark.parametrize(("beyond", "kept"), [(0, 24), (2, 20), (4, 16), (-3, 19)])
def test_a_reference_scan_is_centred_by_itself(beyond, kept):
    full = object_acquisition()
    scan = full.undersample(torch.arange(60) % 3 == 0)
    lines = full.kspace.roll(5, -2)[..., 30 - 12 - beyond : 30 + 12 - beyond]
    centred = centre_echo(replace(scan, calibration=lines))
    assert torch.equal(centred.kspace, scan.kspace)
    assert torch.equal(centred.calibration, full.kspace[..., 30 - kept // 2 :][..., :kept])
