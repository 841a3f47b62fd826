"""Cuts a scan that measured only the centre of k-space to a full scan of low resolution."""

from __future__ import annotations

import math
from dataclasses import replace

from torch import Tensor

from recon.crop import center_crop
from recon.data.acquisition import Acquisition, Header, Size

WORTH = 0.9
"""Measured share of an axis from which on it is not cut: sampling patterns may lack lines at their ends."""


def measured_centre(acquisition: Acquisition) -> Acquisition:
    """Cut k-space to the smallest rectangle about DC that holds all measured samples.

    The image of the result has the same field of view and the same brightness, on larger pixels. An axis that was
    measured almost to its ends is not cut. The result has no target.

    Parameters
    ----------
    acquisition
        One slice, k-space `(coils, readout, phase)`.

    Returns
    -------
    Acquisition
        The slice itself if neither axis is cut.
    """
    matrix, mask = acquisition.matrix, acquisition.mask.reshape(-1, acquisition.matrix[1])
    rows = matrix[0] if len(mask) == 1 else _kept(mask.any(dim=1))
    size = rows, _kept(mask.any(dim=0))
    if size == matrix or not mask.any():
        return acquisition
    brightness = math.sqrt(math.prod(size) / math.prod(matrix))
    calibration, noise = acquisition.calibration, acquisition.noise
    kept = center_crop(mask, (min(len(mask), rows), size[1]))
    if calibration is not None:
        inside = min(calibration.shape[-2], rows), min(calibration.shape[-1], size[1])
        calibration = center_crop(calibration, inside) * brightness
    return replace(
        acquisition,
        kspace=center_crop(acquisition.kspace, size) * brightness,
        mask=_lines(kept),
        header=_header(acquisition, size),
        target=None,
        calibration=calibration,
        noise=None if noise is None else noise * brightness,
    )


def _kept(measured: Tensor) -> int:
    """Return the smallest size about index `N // 2` that holds all measured samples of an axis `(N,)`."""
    size = len(measured)
    places = measured.nonzero().flatten() - size // 2
    if not len(places):
        return size
    before, behind = max(-int(places[0]), 0), max(int(places[-1]) + 1, 0)
    kept = max(2 * before, 2 * behind - 1)  # N // 2 samples lie before DC, the others from DC on
    return kept if kept < WORTH * size else size


def _lines(mask: Tensor) -> Tensor:
    """Return a mask `(readout, phase)` as `(phase,)` if all its rows are the same, so that methods can use it."""
    return mask[0] if (mask == mask[:1]).all() else mask


def _header(acquisition: Acquisition, size: Size) -> Header:
    """Return the header of the cut scan, whose image covers the same field of view."""
    header, matrix, shown = acquisition.header, acquisition.matrix, acquisition.crop
    crop = tuple(
        max(round(pixels * kept / whole), 1) for pixels, kept, whole in zip(shown, size, matrix, strict=True)
    )
    field = header.field_of_view
    encoded = None
    if field is not None and header.encoded_field_of_view is not None:
        encoded = (field[0] * size[0] / crop[0], field[1] * size[1] / crop[1])
    front = matrix[1] // 2 - size[1] // 2
    first, last = (min(max(column - front, 0), size[1]) for column in header.padding)
    return replace(
        header, crop=(crop[0], crop[1]), padding=(first, last), encoded_field_of_view=encoded, fastmri=False
    )
