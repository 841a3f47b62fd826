"""Estimates the phase of an image whose coil maps come from another scan, which had a phase of its own."""

from __future__ import annotations

import torch
from torch import Tensor

from recon.solvers.bright_sense import bright_sense
from recon.solvers.encoding import Encoding

LAMDA, ITERATIONS = 3e-3, 12
"""Weight and number of iterations of the SENSE image whose phase is taken."""

LINES = 12
"""Number of lines about DC, and of rows, that show the phase: fewer miss it, more show aliasing as phase."""


@torch.no_grad()
def image_phase(encoding: Encoding, measured: Tensor, brightness: Tensor) -> Tensor:
    """Return the phase of a low-resolution SENSE image, as complex numbers of modulus one.

    Maps from calibration lines of the scan itself carry the phase of the image, which is nearly real through them:
    compressed sensing penalises its imaginary part, and networks were trained on it. A separate reference scan has
    another echo time and often another contrast, so its phase says nothing about that of the scan.

    Parameters
    ----------
    encoding
        Maps of the reference scan, the mask and the transform.
    measured
        complex `(batch, coils, readout, phase)`, zero where not measured.
    brightness
        real `(batch, readout, phase)`, above zero.

    Returns
    -------
    Tensor
        complex `(batch, sets, readout, phase)`; one where there is no signal.
    """
    image = bright_sense(encoding, measured, brightness, LAMDA, ITERATIONS)
    window = torch.outer(*(_low_pass(size) for size in image.shape[-2:])).to(image.device)
    coarse = torch.fft.ifft2(torch.fft.fft2(image) * window)
    return torch.where(coarse == 0, 1, torch.sgn(coarse))


def _low_pass(size: int) -> Tensor:
    """Return a Hann window over the lowest frequencies of an axis, DC first."""
    frequencies = torch.fft.fftfreq(size) * size
    return torch.where(frequencies.abs() < LINES / 2, torch.cos(torch.pi * frequencies / LINES).square(), 0)
