"""From an acquisition to a least-squares problem of unit scale, and from its solution to the image."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from recon.calibration.acs import calibration_lines, dc_line
from recon.calibration.brightness import brightness
from recon.calibration.compression import compress, compression_matrix, expand
from recon.calibration.espirit import espirit, low_resolution_maps, trust
from recon.coils import rss
from recon.crop import center_crop
from recon.data.acquisition import Acquisition
from recon.fourier import ifft
from recon.preprocessing.oversampling import without_oversampling
from recon.solvers.encoding import Encoding

ALONG_PHASE: tuple[int, ...] = (-1,)
ALONG_BOTH: tuple[int, ...] = (-2, -1)

VIRTUAL_COILS = 8


@dataclass(frozen=True, eq=False)
class Problem:
    """`y = A x + noise`, with a small `A`: no readout transform, no readout oversampling, few virtual coils.

    Attributes
    ----------
    encoding
        `A`, on virtual coils.
    measured
        complex64 `y`, `(virtual, readout, phase)`, in the index order of the encoding.
    brightness
        float32 `(readout, phase)`: of the low-resolution image, one at its maximum, in the same order.
    kspace
        complex64 `(coils, readout, phase)`: what was measured by all coils, for the last data consistency.
    compression
        complex64 `(coils, virtual)`.
    scale
        Largest value of the zero-filled image in the scanner's units; here it is one.
    crop
        Size of the image.
    """

    encoding: Encoding
    measured: Tensor
    brightness: Tensor
    kspace: Tensor
    compression: Tensor
    scale: Tensor
    crop: tuple[int, int]

    @classmethod
    def of(cls, acquisition: Acquisition) -> Problem:
        """Set up the problem of one slice, k-space `(coils, readout, phase)`.

        Raises
        ------
        InputError
            If there are too few calibration lines.
        """
        if acquisition.mask.ndim == 1:
            acquisition = without_oversampling(acquisition)
            kspace, axes = ifft(acquisition.kspace, axes=(-2,)), ALONG_PHASE
        else:
            kspace, axes = acquisition.kspace, ALONG_BOTH
        scale = _largest(acquisition)
        kspace = torch.fft.ifftshift(kspace, dim=axes) / scale
        lines = calibration_lines(acquisition)
        compression = compression_matrix(lines, VIRTUAL_COILS)
        virtual = compress(lines, compression).to(torch.complex64)
        sens_maps = soft_maps(virtual, acquisition.matrix, dc_line(acquisition, lines)).to(kspace.dtype)
        return cls(
            encoding=Encoding(
                sens_maps=torch.fft.ifftshift(sens_maps, dim=axes),
                mask=torch.fft.ifftshift(acquisition.mask, dim=axes).float(),
                axes=axes,
            ),
            measured=compress(kspace, compression),
            brightness=torch.fft.ifftshift(brightness(lines, acquisition.matrix), dim=axes),
            kspace=kspace,
            compression=compression,
            scale=scale,
            crop=acquisition.crop,
        )

    def image(self, solution: Tensor) -> Tensor:
        """Turn a solution into the image: coil images, with what was measured put back, to root sum of squares.

        Parameters
        ----------
        solution
            complex64 `(sets, readout, phase)`.

        Returns
        -------
        Tensor
            float32 `(rows, columns)` in the scanner's units.
        """
        image = torch.fft.fftshift(rss(self._consistent(solution)), dim=self.encoding.axes)
        return center_crop(image, self.crop) * self.scale

    def coil_images(self, solution: Tensor) -> Tensor:
        """Turn a solution into the images of all coils, complex `(coils, readout, phase)`, not cropped."""
        return torch.fft.fftshift(self._consistent(solution), dim=self.encoding.axes) * self.scale

    def _consistent(self, solution: Tensor) -> Tensor:
        """Give the images of all coils, in the order of the encoding."""
        estimate = expand(self.encoding.coil_kspace(solution), self.compression)
        consistent = torch.where(self.encoding.mask > 0, self.kspace, estimate)
        return torch.fft.ifftn(consistent, dim=self.encoding.axes, norm="ortho")


def soft_maps(lines: Tensor, matrix: tuple[int, int], dc: int) -> Tensor:
    """Estimate maps `(sets, coils, readout, phase)` that claim no more signal than the calibration lines explain.

    In the object a map is weighted by its eigenvalue (soft SENSE, Uecker et al. 2014); where there is no signal
    the first keeps its full weight, else the noise of the background, which the target has, would be lost. A
    second map is used where the object is folded into its own field of view.
    """
    if len(lines) == 1:
        return low_resolution_maps(lines, matrix, dc).unsqueeze(0)
    found = espirit(lines, matrix, sets=2, dc=dc)
    first = 1 - trust(found.eigenvalues[0]) * (1 - found.eigenvalues[0])
    others = trust(found.eigenvalues[1:]) * found.eigenvalues[1:]
    return found.maps.mul_(torch.cat([first[None], others]).unsqueeze(1))


def _largest(acquisition: Acquisition) -> Tensor:
    """Largest value of the zero-filled image, one if it is black."""
    largest = rss(ifft(acquisition.kspace)).amax()
    return torch.where(largest > 0, largest, 1)
