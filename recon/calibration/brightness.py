"""Where the object is bright: the little that is known of the image before it is reconstructed."""

import torch
from torch import Tensor

from recon.coils import rss
from recon.crop import center_crop, center_pad
from recon.fourier import ifft
from recon.window import hann

ROWS = 32
"""Points of the readout about DC that are used; brightness is as coarse along readout as it is along phase."""

FAINTEST = 1e-3
"""Nothing is taken as darker than this share of the brightest pixel."""


def brightness(lines: Tensor, matrix: tuple[int, int]) -> Tensor:
    """Root sum of squares of the low-resolution images that the calibration lines give, one at its maximum.

    Parameters
    ----------
    lines
        complex64 `(coils, readout, lines)` about DC; a Hann window keeps them from ringing.
    matrix
        Size of the image `(readout, phase)`, of any resolution over the same field of view.

    Returns
    -------
    Tensor
        float32 `(readout, phase)`, between 0.001 and 1.
    """
    shape = (min(ROWS, lines.shape[-2], matrix[0]), min(lines.shape[-1], matrix[1]))
    window = torch.outer(*(hann(size) for size in shape)).to(lines.device)
    image = rss(ifft(center_pad(window * center_crop(lines, shape), matrix)))
    return (image / image.amax()).nan_to_num().clamp(min=FAINTEST)
