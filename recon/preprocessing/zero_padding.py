"""Zero-pads k-space to the matrix of the image: finer pixels at the same resolution."""

from __future__ import annotations

import math
from dataclasses import replace

from torch import Tensor
from torch.nn.functional import pad

from recon.data.acquisition import Acquisition, Header, Size
from recon.data.errors import InputError
from recon.data.formats.header.reader import LARGEST_MATRIX


def zero_pad(acquisition: Acquisition) -> Acquisition:
    """Surround k-space with zeros until the image has the pixels of the header's reconstruction matrix.

    The image keeps its brightness. A target of another size is dropped.

    Parameters
    ----------
    acquisition
        One slice, k-space `(coils, readout, phase)`.
    """
    header, matrix = after_padding(acquisition.header, acquisition.matrix)
    if matrix == acquisition.matrix:
        return acquisition
    brightness = math.sqrt(math.prod(matrix) / math.prod(acquisition.matrix))
    calibration, noise, target = acquisition.calibration, acquisition.noise, acquisition.target
    finer = replace(
        acquisition,
        kspace=_padded(acquisition.kspace, matrix) * brightness,
        mask=_padded(acquisition.mask, matrix[-acquisition.mask.ndim :]),
        header=header,
        calibration=None
        if calibration is None
        else _padded(calibration, (matrix[0], calibration.shape[-1])) * brightness,
        noise=None if noise is None else noise * brightness,
    )
    return replace(finer, target=target if target is not None and target.shape[-2:] == finer.crop else None)


def after_padding(header: Header, matrix: Size) -> tuple[Header, Size]:
    """Return header and matrix after padding to the pixels of the image, over the encoded field of view.

    Raises
    ------
    InputError
        If the header's fields of view ask for an impossible matrix.
    """
    encoded, shown = header.encoded_field_of_view, header.field_of_view
    ratios = (1.0, 1.0) if encoded is None or shown is None else (encoded[0] / shown[0], encoded[1] / shown[1])
    finer = [crop * ratio for crop, ratio in zip(header.crop, ratios, strict=True)]
    if max(finer) > LARGEST_MATRIX:
        raise InputError(
            f"the header's fields of view ask for zero-padding to {finer[0]:g} x {finer[1]:g}; leave zero_pad out"
        )
    readout, phase = (max(size, round(wanted)) for size, wanted in zip(matrix, finer, strict=True))
    if (readout, phase) == matrix:
        return header, matrix
    front = phase // 2 - matrix[1] // 2
    first, last = header.padding
    return replace(header, padding=(first + front, min(last, matrix[1]) + front)), (readout, phase)


def _padded(values: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Pad the last axes so that index `N // 2` stays at the middle."""
    widths: list[int] = []
    for size, wanted in zip(values.shape[-len(shape) :], shape, strict=True):
        front = wanted // 2 - size // 2
        widths = [front, wanted - size - front, *widths]
    return pad(values, widths)
