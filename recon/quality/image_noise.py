"""Estimates the noise in every pixel of a magnitude image from the image alone."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import conv2d, interpolate, pad, unfold

from recon.data.errors import InputError

WINDOW = 32
"""Width in pixels of the windows in which the noise is measured."""

STEP = 8
"""Distance in pixels between windows."""

SECOND_DIFFERENCE = (1.0, -2.0, 1.0)

MEDIAN = 0.6745
"""Median of the absolute value of normal noise, in standard deviations."""


def image_noise(image: Tensor) -> Tensor:
    """Estimate the standard deviation of an image's noise.

    Second differences along both axes remove what is smooth and straight edges (Immerkaer 1996). The median of their
    absolute values in a window is hardly moved by the details that are left (Donoho & Johnstone 1994). The noise of
    parallel imaging varies slowly, so windows of 32 pixels follow it.

    Parameters
    ----------
    image
        float32 `(rows, columns)`.

    Returns
    -------
    Tensor
        float32 `(rows, columns)`, in the image's units; in the air beside the object it is that of the magnitude,
        two thirds of that of the complex image. Where the scanner blackened the air it is zero.

    Raises
    ------
    InputError
        If the image has less than three rows or columns.
    """
    line = torch.tensor(SECOND_DIFFERENCE).to(image)
    rows, columns = image.shape
    if min(rows, columns) < len(line):
        raise InputError(f"an image of {rows} x {columns} pixels is too small to estimate its noise")
    differences = conv2d(image[None, None], torch.outer(line, line)[None, None]).abs() / line.square().sum()
    sides = [_padding(columns), _padding(rows)]
    full = pad(differences, [side for both in sides for side in both], mode="replicate")
    windows = unfold(full, WINDOW, stride=STEP)
    grid = ((full.shape[-2] - WINDOW) // STEP + 1, (full.shape[-1] - WINDOW) // STEP + 1)
    found = (windows.median(dim=1).values / MEDIAN).reshape(1, 1, *grid)
    fine = interpolate(found, scale_factor=STEP, mode="bilinear", align_corners=False)
    return fine[0, 0, :rows, :columns]


def _padding(size: int) -> tuple[int, int]:
    """Return how far to continue an axis, so that there is a window around every step of pixels."""
    windows = -(-size // STEP)
    before = (WINDOW - STEP) // 2
    return before + 1, (windows - 1) * STEP + WINDOW - size - before + 1  # one more for the second differences
