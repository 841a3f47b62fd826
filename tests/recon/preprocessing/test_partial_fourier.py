from dataclasses import replace

import pytest
import torch

from helpers.scans.objects import object_acquisition
from helpers.scans.slices import line_mask
from recon.coils import rss
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.fourier import fft, ifft
from recon.preprocessing.partial_fourier import homodyne, pocs

METHODS = [pocs, homodyne]


def partial(missing: int, axis: int, late: bool = False) -> tuple[Acquisition, Acquisition]:
    """Give a scan and the one that lacks its first, or last, samples along readout (0) or phase (1)."""
    full = object_acquisition(coils=3, readout=64, phase=60)
    kept = torch.ones(64, 60, dtype=torch.bool)
    kept.narrow(axis, kept.shape[axis] - missing if late else 0, missing).fill_(False)
    mask = kept.any(dim=0)
    padding = (int(mask.nonzero()[0]), int(mask.nonzero()[-1]) + 1)
    return full, replace(full, kspace=full.kspace * kept, mask=mask, header=replace(full.header, padding=padding))


def error(found: Acquisition, full: Acquisition) -> float:
    wanted = rss(ifft(full.kspace))
    return float((rss(ifft(found.kspace)) - wanted).norm() / wanted.norm())


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("axis", [0, 1])
def test_it_is_nearer_to_the_full_scan_than_zeros_are(method: type, axis: int, late: bool) -> None:
    full, lacking = partial(18, axis, late)
    completed = method(lacking)
    assert error(completed, full) < (0.6 if method is pocs else 0.9) * error(lacking, full)
    assert completed.mask.all()
    assert completed.header.padding == (0, 60)


def test_an_image_whose_phase_is_known_is_found_exactly_by_homodyne() -> None:
    image = torch.rand(1, 64, 60) + 1
    full = replace(object_acquisition(coils=1), kspace=fft(image.to(torch.complex64)), target=None)
    kspace = full.kspace.clone()
    kspace[..., :20] = 0
    found = homodyne(replace(full, kspace=kspace, mask=torch.arange(60) >= 20))
    torch.testing.assert_close(found.kspace[..., 1:], full.kspace[..., 1:], atol=2e-4, rtol=0)


def test_pocs_keeps_what_was_measured() -> None:
    _, lacking = partial(18, 1)
    torch.testing.assert_close(pocs(lacking).kspace[..., 18:], lacking.kspace[..., 18:], rtol=0, atol=0)


@pytest.mark.parametrize("method", METHODS)
def test_a_full_scan_stays_as_it_is(method: type) -> None:
    full = object_acquisition()
    assert method(full) is full


@pytest.mark.parametrize("method", METHODS)
def test_gaps_and_too_short_sides_are_told(method: type) -> None:
    with pytest.raises(InputError, match="left out inside"):
        method(object_acquisition().undersample(line_mask(60).reshape(60)))
    with pytest.raises(InputError, match="fewer than 4 samples"):
        method(partial(28, 1)[1])


def test_homodyne_refuses_two_partial_axes_and_pocs_does_both() -> None:
    full, lacking = partial(14, 0)
    both = replace(lacking, kspace=lacking.kspace * (torch.arange(60) >= 14), mask=torch.arange(60) >= 14)
    with pytest.raises(InputError, match="both axes"):
        homodyne(both)
    assert error(pocs(both), full) < 0.8 * error(both, full)
