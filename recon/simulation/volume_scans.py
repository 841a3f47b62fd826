"""Simulates 3-D scans of real anatomy: neighbouring positions along the readout, whose axes are phase encodings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from recon.coils import rss
from recon.data.acquisition import Acquisition, Header
from recon.data.errors import InputError
from recon.fourier import fft, ifft
from recon.simulation.biot_savart import Maps
from recon.simulation.phantom.coil_maps import head_coil_maps
from recon.simulation.scanner.effects import TISSUE, truncate
from recon.simulation.scanner.measured_maps import vary_maps
from recon.simulation.scanner.subject.anatomy import Anatomy
from recon.simulation.scanner.subject.phase import smooth_phase
from recon.simulation.scanner.subject.placement import ObjectPlacement

FINER = 2
"""Factor by which the object is drawn finer than the image, so that k-space is truncated as by a scanner."""

SCALE = 0.95
"""Size of the object relative to the one that just fits into the field of view."""

ALONG = 0.1
"""Change of the phase from one position to the next, in radians at most."""


@dataclass(frozen=True)
class VolumePlan:
    """Shapes and noise of a 3-D scan.

    Attributes
    ----------
    matrix
        Samples along both phase encodings.
    positions, coils
        Number of positions along the readout, those in the middle of the anatomy, and of coils.
    snr
        Mean of the noiseless root sum of squares over tissue, divided by the standard deviation of the real part of
        the noise in a coil's image.
    """

    matrix: tuple[int, int] = (128, 128)
    positions: int = 3
    coils: int = 8
    snr: float = 40.0


def simulate_scan(
    anatomy: Anatomy, maps: Sequence[Maps], plan: VolumePlan, rng: np.random.Generator
) -> list[Acquisition]:
    """Simulate the fully sampled positions of one scan; targets are root sums of squares with noise.

    Parameters
    ----------
    anatomy
        Volume whose slices are positions along the readout.
    maps
        Measured coil maps to choose from, complex64 `(coils, rows, columns)`, the same at all positions; without any,
        loops around the head are simulated.
    plan
        Shapes and noise.
    rng
        Source of everything else.

    Raises
    ------
    InputError
        If the anatomy has too few slices, or no measured maps have enough coils.
    """
    if len(anatomy) < plan.positions:
        raise InputError(f"{anatomy.name}: shows {len(anatomy)} slices, fewer than {plan.positions} positions")
    first = (len(anatomy) - plan.positions) // 2
    fine = FINER * plan.matrix[0], FINER * plan.matrix[1]
    placement = ObjectPlacement(math.radians(rng.normal(0, 3)), False, SCALE, (0.0, 0.0))
    phase, change = smooth_phase(fine, rng, torch.device("cpu")), rng.uniform(-ALONG, ALONG)
    planes = []
    for number in range(plan.positions):
        image = torch.from_numpy(anatomy.slice(first + number)).clamp(min=0)
        drawn = placement.render(image, fine, plan.matrix[1] / plan.matrix[0])
        planes.append(truncate(torch.polar(drawn, phase + number * change), plan.matrix))
    coil_images = torch.from_numpy(_coil_maps(maps, plan, rng)) * torch.stack(planes)[:, None]
    clean = rss(coil_images)
    coil_images, clean = coil_images / clean.amax(), clean / clean.amax()
    noise = float(clean[clean > TISSUE].mean()) / plan.snr
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    white = torch.randn(coil_images.shape, generator=generator, dtype=coil_images.dtype)
    kspace = fft(coil_images) + math.sqrt(2) * noise * white
    header = Header(crop=plan.matrix, padding=(0, plan.matrix[1]), volumetric=True)
    full = torch.ones(plan.matrix[1], dtype=torch.bool)
    return [
        Acquisition(one, full, header, _target(one), name=anatomy.name, slice=number)
        for number, one in enumerate(kspace)
    ]


def _target(kspace: Tensor) -> Tensor:
    return rss(ifft(kspace))


def _coil_maps(measured: Sequence[Maps], plan: VolumePlan, rng: np.random.Generator) -> Maps:
    """Return maps, complex64 `(positions or 1, coils, rows, columns)`."""
    enough = [maps for maps in measured if len(maps) >= plan.coils]
    if enough:
        return vary_maps(enough[int(rng.integers(len(enough)))], plan.matrix, plan.coils, rng)[None]
    if measured:
        most = max(map(len, measured))
        raise InputError(f"the measured coil maps have at most {most} coils, fewer than the {plan.coils} asked for")
    return head_coil_maps(plan.matrix, plan.positions, plan.coils, rng)
