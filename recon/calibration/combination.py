"""Combines coil images to one complex image along the coil sensitivities, so that its noise stays complex normal."""

from __future__ import annotations

import torch
from torch import Tensor

from recon.calibration.acs import Acs, calibration_lines
from recon.calibration.espirit import espirit, second_weight
from recon.coils import coil_combine
from recon.data.acquisition import Acquisition

MOST_LINES = 24
"""Number of lines, and of rows, about DC from which maps are estimated; maps from more would follow the noise."""


def combine(coil_images: Tensor, acquisition: Acquisition) -> Tensor:
    """Return `s^H c`, the optimal linear combination of coil images for unit-norm maps `s` (Roemer et al. 1990).

    The maps are ESPIRiT's. Where the object folds over in its own field of view there are two; the result then
    has the root sum of squares of both combinations as magnitude, and the phase of the first.

    Parameters
    ----------
    coil_images
        complex64 `(coils, readout, phase)`.
    acquisition
        The slice, with k-space of the same size.

    Returns
    -------
    Tensor
        complex64 `(readout, phase)`.

    Raises
    ------
    InputError
        If there are too few calibration lines.
    """
    if acquisition.coils == 1:
        return coil_images[0]
    found = espirit([_middle(calibration_lines(acquisition))], acquisition.matrix, sets=2)
    first = coil_combine(coil_images, found.maps[0, 0])
    power = torch.zeros_like(first.real)
    for number in range(1, found.maps.shape[1]):
        weight = second_weight(found.eigenvalues[0, number]) * found.present[0, number]
        power += (weight * coil_combine(coil_images, found.maps[0, number]).abs()).square()
    if not power.any():
        return first
    return torch.sgn(first) * (first.abs().square() + power).sqrt()


def _middle(acs: Acs) -> Acs:
    """Cut calibration lines to the `MOST_LINES` lines and rows about DC."""
    row, reach = acs.lines.shape[1] // 2, MOST_LINES // 2
    first, top = max(0, acs.dc - reach), max(0, row - reach)
    lines = acs.lines[:, top : row + reach, first : acs.dc + reach]
    return Acs(lines, acs.dc - first, acs.separate)
