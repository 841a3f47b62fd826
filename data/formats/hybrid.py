"""Holds the k-space of 3-D scans with the readout transformed, in a temporary file where it is large."""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from recon.data.errors import InputError

Complex = NDArray[np.complex64]

LARGEST_IN_MEMORY = 2**28
"""Largest number of bytes that are held in memory."""


class HybridSpace:
    """The last image that was transformed; it is not copied to worker processes, which transform it again."""

    def __init__(self) -> None:
        self._image: int | None = None
        self._values: Complex | None = None

    def of(self, image: int, shape: tuple[int, ...], fill: Callable[[Complex], None]) -> Complex:
        """Return an image, which `fill` transforms if it is not the last one.

        Parameters
        ----------
        image
            Number of the image.
        shape
            Its shape `(positions, coils, first phase encoding, second phase encoding)`.
        fill
            Function that fills an array of this shape.

        Raises
        ------
        InputError
            If the folder of temporary files has too little space.
        """
        if self._values is None or self._image != image:
            self._image = self._values = None
            values = _array(shape)
            fill(values)
            self._image, self._values = image, values
        return self._values

    def __getstate__(self) -> dict[str, None]:
        return {"_image": None, "_values": None}


def _array(shape: tuple[int, ...]) -> Complex:
    """Return an array in memory or, if it is large, in a temporary file without a name."""
    size = 8 * math.prod(shape)
    if size <= LARGEST_IN_MEMORY:
        return np.empty(shape, np.complex64)
    try:
        with tempfile.TemporaryFile() as file:
            os.posix_fallocate(file.fileno(), 0, size)  # a disk that is full later would end the process
            return np.memmap(file, np.complex64, "r+", shape=shape)
    except OSError as error:
        raise InputError(
            f"{tempfile.gettempdir()}: there is no room for {size / 2**30:.1f} GiB of temporary k-space "
            f"({error.strerror}); name another folder in the environment variable TMPDIR"
        ) from error


def image_of_readout(kspace: Complex, axis: int, kept: int) -> Complex:
    """Transform k-space along its readout, and cut the middle out of it; index `N // 2` is the centre of both."""
    import scipy.fft  # noqa: PLC0415 - reading a file's header takes no scipy

    shifted = scipy.fft.ifftshift(kspace, axes=axis)
    image = scipy.fft.fftshift(scipy.fft.ifft(shifted, axis=axis, norm="ortho", overwrite_x=True), axes=axis)
    first = image.shape[axis] // 2 - kept // 2
    cut: Complex = image[(slice(None),) * axis + (slice(first, first + kept),)]
    return cut


def thinnest_mask(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return a mask `(readout, phase)` as `(phase,)` if all rows are alike: then the first axis is not encoded."""
    return np.array(mask[0]) if (mask == mask[:1]).all() else mask
