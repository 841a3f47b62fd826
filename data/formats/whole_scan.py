"""Holds a whole scan in memory, to convert it from one file format to another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recon.data.acquisition import Header
from recon.data.errors import InputError
from recon.data.masks.measured import prospective_mask
from recon.data.storage.limits import check_size
from recon.data.volume import Volume

Complex = NDArray[np.complex64]


@dataclass(frozen=True, eq=False)
class WholeScan:
    """Everything that a file holds.

    Attributes
    ----------
    name
        Name of the file that was read.
    kspace
        complex64 `(slices, coils, readout, phase)`.
    masks
        bool `(slices, phase)` or `(slices, readout, phase)`.
    header
        Matrix, padding, field of view, contrast, geometry.
    calibration
        complex64 `(slices, coils, readout, lines)`: calibration lines of a separate scan.
    noise
        complex64 `(coils, samples)`: scan without excitation, scaled to the noise level of `kspace`.
    target
        float32 `(slices, rows, columns)`: reference images.
    """

    name: str
    kspace: Complex
    masks: NDArray[np.bool_]
    header: Header
    calibration: Complex | None = None
    noise: Complex | None = None
    target: NDArray[np.float32] | None = None

    @classmethod
    def of(cls, volume: Volume) -> WholeScan:
        """Read all slices of a volume.

        Raises
        ------
        InputError
            If a slice cannot be read, the volume is too large, or its slices have different calibration lines.
        """
        check_size(volume.path, "the k-space", volume.shape, 8)
        kspace = np.empty(volume.shape, np.complex64)
        masks, calibration, noise = [], [], None
        for index in range(len(volume)):
            acquisition = volume.read(index)
            kspace[index] = acquisition.kspace.numpy()
            masks.append(acquisition.mask.numpy())
            if acquisition.calibration is not None:
                calibration.append(acquisition.calibration.numpy())
            noise = acquisition.noise
        if len({mask.ndim for mask in masks}) > 1:
            masks = [np.broadcast_to(mask, volume.shape[-2:]) for mask in masks]
        if calibration and (len(calibration) < len(volume) or len({part.shape for part in calibration}) > 1):
            raise InputError(f"{volume.path}: its slices have different calibration lines, which cannot be converted")
        return cls(
            name=volume.name,
            kspace=kspace,
            masks=np.stack(masks),
            header=volume.header,
            calibration=np.stack(calibration) if calibration else None,
            noise=None if noise is None else noise.numpy(),
            target=volume.read_target(),
        )

    @property
    def mask(self) -> NDArray[np.bool_] | None:
        """Mask that all images share, or one of each with an axis of rows; None if all were fully sampled."""
        if (self.masks == self.masks[0]).all():
            return prospective_mask(self.masks[0], self.header.padding)
        return self.masks if self.masks.ndim == 3 else self.masks[:, None]
