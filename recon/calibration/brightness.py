"""Estimates where the object is bright before the image is reconstructed."""

import torch
from torch import Tensor

from recon.coils import rss
from recon.crop import center_crop, center_pad
from recon.fourier import hann, ifft

ROWS = 32
"""Number of readout points about DC that are used, so that brightness is as coarse along readout as along phase."""

FAINTEST = 1e-3
"""Lowest brightness, as a share of the brightest pixel."""


def brightness(lines: Tensor, matrix: tuple[int, int]) -> Tensor:
    """Return the root sum of squares of the calibration lines' low-resolution images, one at its maximum.

    Parameters
    ----------
    lines
        complex64 `(coils, readout, lines)` about DC; a Hann window keeps them from ringing.
    matrix
        Size of the image `(readout, phase)`, at any resolution over the same field of view.

    Returns
    -------
    Tensor
        float32 `(readout, phase)`, between 0.001 and 1.
    """
    shape = (min(ROWS, lines.shape[-2], matrix[0]), min(lines.shape[-1], matrix[1]))
    window = torch.outer(*(hann(size) for size in shape)).to(lines.device)
    image = rss(ifft(center_pad(window * center_crop(lines, shape), matrix)))
    return (image / image.amax()).nan_to_num().clamp(min=FAINTEST)
