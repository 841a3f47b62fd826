"""Estimates where the object is bright before the image is reconstructed."""

from collections.abc import Sequence

import torch
from torch import Tensor

from recon.calibration.acs import stack_lines
from recon.coils import rss
from recon.crop import center_crop, center_pad
from recon.fourier import IMAGE_AXES, hann, ifft

ROWS = 32
"""Number of readout points about DC that are used, so that brightness is as coarse along readout as along phase."""

FAINTEST = 1e-3
"""Lowest brightness, as a share of the brightest pixel."""


def brightness(lines: Sequence[Tensor], matrix: tuple[int, int]) -> Tensor:
    """Return the root sum of squares of the calibration lines' low-resolution images, one at its maximum.

    Parameters
    ----------
    lines
        Lines about DC of each slice, complex64 `(coils, readout, lines)`; a Hann window keeps them from ringing.
    matrix
        Size of the image `(readout, phase)`, at any resolution over the same field of view.

    Returns
    -------
    Tensor
        float32 `(batch, readout, phase)`, between 0.001 and 1.
    """
    tapered = []
    for one in lines:
        shape = (min(ROWS, one.shape[-2], matrix[0]), min(one.shape[-1], matrix[1]))
        window = torch.outer(*(hann(size) for size in shape)).to(one.device)
        tapered.append(window * center_crop(one, shape))
    # Lines that lie elsewhere in k-space have another phase, which the root sum of squares does not see.
    image = rss(ifft(center_pad(stack_lines(tapered), matrix)))
    return (image / image.amax(IMAGE_AXES, keepdim=True)).nan_to_num().clamp(min=FAINTEST)
