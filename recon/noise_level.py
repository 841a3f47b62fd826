"""How noisy the k-space is, told from its own edge."""

import torch
from torch import Tensor

from data.acquisition import Acquisition

EDGE_SHARE = 0.06
"""Share of the readout, half at either end, where the object's signal is taken to have died away."""
RAYLEIGH_MEDIAN = 1.1774
"""Median of the magnitude of complex noise over the standard deviation of its real part."""


def noise_level(acquisition: Acquisition) -> Tensor:
    """Estimate the noise of one k-space sample.

    Parameters
    ----------
    acquisition
        One slice, k-space `(coils, readout, phase)`.

    Returns
    -------
    Tensor
        float32 scalar: standard deviation of the real part, the median over coils and lines; in the units of the
        k-space, and as the transform is unitary also of the coil images. Zero if nothing was measured.
    """
    readout = acquisition.matrix[0]
    rows = max(1, round(readout * EDGE_SHARE / 2))
    edge = torch.cat([acquisition.kspace[:, :rows], acquisition.kspace[:, -rows:]], dim=1)
    mask = acquisition.mask.expand(acquisition.matrix)
    measured = torch.cat([mask[:rows], mask[-rows:]])
    samples = edge[:, measured].abs()
    return samples.median() / RAYLEIGH_MEDIAN if samples.numel() else samples.new_zeros(())
