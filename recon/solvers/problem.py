"""Poses the least-squares problem of unit scale behind a batch of slices, and turns its solution into images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from recon.calibration.acs import Acs, calibration_lines
from recon.calibration.brightness import brightness
from recon.calibration.compression import compress, compression_matrix, expand
from recon.calibration.espirit import espirit, low_resolution_maps, trust
from recon.coils import rss
from recon.crop import center_crop
from recon.data.acquisition import Acquisition
from recon.fourier import IMAGE_AXES, ifft
from recon.preprocessing.oversampling import without_oversampling
from recon.solvers.encoding import Encoding
from recon.solvers.measured import Measured

VIRTUAL_COILS = 8


@dataclass(frozen=True, eq=False)
class LeastSquares:
    """`y = A x + noise`.

    Attributes
    ----------
    encoding
        `A`.
    measured
        complex `y`, `(batch, coils, readout, phase)`, zero where not measured, in the order of the encoding.
    """

    encoding: Encoding
    measured: Tensor


@dataclass(frozen=True, eq=False)
class Problem(LeastSquares):
    """`y = A x + noise` with a small `A`: no readout transform where it cancels, soft maps, few virtual coils.

    Images are in the order of the fast Fourier transform along the axes of the encoding: the borders at which
    sparsity priors act differently lie there.

    Attributes
    ----------
    sets_present
        bool `(batch, sets)`: which sets of maps each slice has; the maps of the others are zero.
    brightness
        float32 `(batch, readout, phase)`: brightness of the low-resolution image, one at its maximum, in the order
        of the encoding.
    kspace
        complex `(batch, coils, readout, phase)`: samples of all coils, for the last data consistency.
    compression
        complex `(batch, coils, virtual)`.
    scale
        real `(batch,)`: largest value of the zero-filled image in the scanner's units; here it is one.
    acceleration
        real `(batch,)`: how many times fewer samples were measured than a full scan has.
    crop
        Size `(rows, columns)` of the image.
    """

    sets_present: Tensor
    brightness: Tensor
    kspace: Tensor
    compression: Tensor
    scale: Tensor
    acceleration: Tensor
    crop: tuple[int, int]

    @classmethod
    def of(
        cls,
        kspace: Tensor,
        mask: Tensor,
        acs: Sequence[Acs],
        acceleration: Tensor | None = None,
        crop: tuple[int, int] | None = None,
    ) -> Problem:
        """Pose the problems of a batch of slices.

        Parameters
        ----------
        kspace
            complex `(batch, coils, readout, phase)`, zero where not measured.
        mask
            bool `(batch or 1, 1, 1 or readout, phase)`.
        acs
            Calibration lines of each slice.
        acceleration
            real `(batch,)`; that of the mask if None, as if nothing of k-space were padding.
        crop
            Size of the image; the matrix if None.
        """
        batch, _, *matrix = kspace.shape
        size = matrix[0], matrix[1]
        scale = _largest(kspace)
        measured = Measured.of(kspace, mask, centred=False)
        samples = measured.samples / scale[:, None, None, None]
        compression = torch.stack([compression_matrix(one.lines, VIRTUAL_COILS) for one in acs])
        virtual = [
            compress(one.lines, matrix).to(torch.complex64) for one, matrix in zip(acs, compression, strict=True)
        ]
        maps = [soft_maps(Acs(lines, one.dc), size) for lines, one in zip(virtual, acs, strict=True)]
        counts = torch.tensor([len(one) for one in maps], device=kspace.device)
        stacked = pad_sequence(maps, batch_first=True).to(kspace.dtype)  # missing sets are zero
        bright = torch.stack([brightness(one.lines, size) for one in acs])
        if acceleration is None:
            acceleration = mask.expand(batch, *mask.shape[1:]).float().mean((-3, -2, -1)).reciprocal()
        return cls(
            encoding=Encoding(torch.fft.ifftshift(stacked, dim=measured.axes), measured.mask, measured.axes),
            measured=compress(samples, compression),
            sets_present=torch.arange(stacked.shape[1], device=kspace.device) < counts[:, None],
            brightness=torch.fft.ifftshift(bright, dim=measured.axes),
            kspace=samples,
            compression=compression,
            scale=scale,
            acceleration=acceleration,
            crop=crop or size,
        )

    @classmethod
    def of_slice(cls, acquisition: Acquisition) -> Problem:
        """Pose the problem of one slice, k-space `(coils, readout, phase)`, without its readout oversampling.

        Raises
        ------
        InputError
            If there are too few calibration lines.
        """
        if acquisition.mask.ndim == 1:
            acquisition = without_oversampling(acquisition)
        return cls.of(
            acquisition.kspace[None],
            acquisition.mask.reshape(1, 1, -1, acquisition.matrix[1]),
            [calibration_lines(acquisition)],
            torch.tensor([acquisition.acceleration], device=acquisition.kspace.device),
            acquisition.crop,
        )

    def image(self, solution: Tensor) -> Tensor:
        """Turn solutions into images: root sum of squares of coil images, with the measured samples put back.

        Parameters
        ----------
        solution
            complex64 `(batch, sets, readout, phase)`.

        Returns
        -------
        Tensor
            float32 `(batch, rows, columns)` in the scanner's units.
        """
        image = torch.fft.fftshift(rss(self._consistent(solution)), dim=self.encoding.axes)
        return center_crop(image, self.crop) * self.scale[:, None, None]

    def coil_images(self, solution: Tensor) -> Tensor:
        """Turn solutions into uncropped images of all coils, complex `(batch, coils, readout, phase)`."""
        shifted = torch.fft.fftshift(self._consistent(solution), dim=self.encoding.axes)
        return shifted * self.scale[:, None, None, None]

    def _consistent(self, solution: Tensor) -> Tensor:
        """Return images of all coils, in the order of the encoding."""
        estimate = expand(self.encoding.coil_kspace(solution), self.compression)
        consistent = torch.where(self.encoding.mask, self.kspace, estimate)
        return torch.fft.ifftn(consistent, dim=self.encoding.axes, norm="ortho")


def soft_maps(acs: Acs, matrix: tuple[int, int]) -> Tensor:
    """Estimate maps `(sets, coils, readout, phase)` that claim no more signal than the calibration lines explain.

    In the object the first map is weighted by its eigenvalue (soft SENSE, Uecker et al. 2014). Where there is no
    signal it keeps its full weight; otherwise the noise of the background, which the target has, would be lost.

    A second map is used where the object is folded into its own field of view. It is orthogonal to the first, and its
    weight is one as soon as its eigenvalue shows signal: few calibration lines lower the eigenvalue of a folded pixel
    to .7 or .9, and as a weight that would leave part of its signal unexplained.
    """
    if len(acs.lines) == 1:
        return low_resolution_maps(acs, matrix).unsqueeze(0)
    found = espirit(acs, matrix, sets=2)
    first, *others = found.maps
    weights = 1 - trust(found.eigenvalues[0]) * (1 - found.eigenvalues[0])
    second = [trust(found.eigenvalues[1]) * (other - (first.conj() * other).sum(0) * first) for other in others]
    return torch.stack([weights * first, *second])


def _largest(kspace: Tensor) -> Tensor:
    """Return the largest value of each slice's zero-filled image `(batch,)`, one where it is black."""
    largest = rss(ifft(kspace)).amax(IMAGE_AXES)
    return torch.where(largest > 0, largest, 1)
