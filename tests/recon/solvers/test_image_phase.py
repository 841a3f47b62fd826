from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from helpers.scans.objects import object_acquisition
from recon.classical.compressed_sensing import CSWavelet
from recon.data.acquisition import Acquisition
from recon.fourier import fft, ifft
from recon.registry import create
from recon.solvers.problem import Problem

READOUT, PHASE = 64, 60

Phase = Callable[[Tensor, Tensor], Tensor]


def with_reference(phase: Phase, axes: int = 1) -> Acquisition:
    """Undersample an object threefold, without lines of its own; its reference scan has another phase."""
    full = object_acquisition(coils=6, readout=READOUT, phase=PHASE)
    y, x = torch.meshgrid(torch.linspace(-1, 1, READOUT), torch.linspace(-1, 1, PHASE), indexing="ij")
    reference = fft(ifft(full.kspace) * torch.polar(torch.ones(READOUT, PHASE), phase(y, x)))
    mask = torch.arange(PHASE) % 3 == 0
    mask = mask if axes == 1 else mask.expand(READOUT, PHASE).clone()
    if axes == 2:
        mask[1::2] = mask[1::2].roll(1, -1)
    return replace(full, kspace=full.kspace * mask, mask=mask, calibration=reference[..., 18:42].contiguous())


PHASES: dict[str, Phase] = {
    "smooth": lambda y, x: 2 * torch.cos(2 * y) + 3 * (x**2 - y * x),
    "a line off": lambda _y, x: torch.pi * x,
    "opposite": lambda _y, x: torch.pi + 0 * x,
}


def error(image: Tensor, acquisition: Acquisition) -> float:
    return float((image - acquisition.target).norm() / acquisition.target.norm())


@pytest.mark.parametrize("axes", [1, 2])
@pytest.mark.parametrize("phase", PHASES.values(), ids=PHASES)
def test_the_image_is_real_through_maps_of_any_phase(phase: Phase, axes: int) -> None:
    problem = Problem.of_slices([with_reference(phase, axes)])
    solution = CSWavelet().solve(problem)
    assert solution.imag.norm() < 0.12 * solution.norm()


@pytest.mark.parametrize("method", ["cs-wavelet", "cs-tv"])
@pytest.mark.parametrize("phase", PHASES.values(), ids=PHASES)
def test_the_phase_of_a_reference_scan_does_not_matter(phase: Phase, method: str) -> None:
    reconstruct = create(method)
    same = with_reference(lambda _y, x: 0 * x)
    other = with_reference(phase)
    assert error(reconstruct(other), other) < 1.25 * error(reconstruct(same), same) + 1e-3


def test_slices_with_and_without_a_reference_scan_may_share_a_batch() -> None:
    reference = with_reference(PHASES["smooth"])
    mask = reference.mask | (torch.arange(PHASE) // 8 == 3)
    full = object_acquisition(coils=6, readout=READOUT, phase=PHASE)
    own = replace(full, kspace=full.kspace * mask, mask=mask)
    together = CSWavelet().batch([reference, own])
    for image, alone in zip(together, [reference, own], strict=True):
        torch.testing.assert_close(image, CSWavelet()(alone), rtol=1e-3, atol=1e-4 * float(image.max()))
