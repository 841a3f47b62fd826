"""GRAPPA for any mask: missing samples as linear combinations of their measured neighbours."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from recon.calibration.acs import calibration_lines
from recon.calibration.compression import compress, compression_matrix
from recon.calibration.covariance import kspace_covariance
from recon.calibration.noise import air_variance
from recon.classical.coil_images import CoilImageReconstruction
from recon.classical.grappa.kernels import Kernels, find_gaps, learn_kernels
from recon.classical.grappa.noise import noise_variances
from recon.classical.grappa.plane import fill_plane, plane_covariance, plane_noise_share
from recon.classical.grappa.plane import find_gaps as find_gaps_of_plane
from recon.classical.grappa.readout_grid import ReadoutGrid
from recon.crop import center_crop
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.fourier import fft, ifft
from recon.preprocessing.oversampling import without_oversampling
from recon.registry import register

READOUT, PHASE = (-2,), (-1,)

LEAST_LAMDA = 1e-6
"""Smallest weight at which single precision can invert the covariance."""


@register("grappa")
@dataclass(frozen=True)
class Grappa(CoilImageReconstruction):
    """Each missing sample is a sum `w y` over its measured neighbours in all coils (Griswold et al. 2002, eq. 1).

    The weights minimise the expected square error, `w = R_ts (R_ss + lamda I)^-1`, from the covariances `R` of
    targets and sources. Griswold counts them on the calibration lines, shift by shift, which takes more lines than
    the kernel is wide. Here `kspace_covariance` derives them for any distance from the same lines, so that every gap
    of any mask is filled from the lines around it. K-space is first transformed along readout, and each position has
    its own weights (Brau et al. 2008), which amounts to a kernel as long as the readout.

    With a mask along both axes, those of a 3-D scan's phase encodings, the kernels are two-dimensional.

    Attributes
    ----------
    lamda
        Share of a line's energy that counts as error of `R`; the share of its noise is added.
    neighbours
        Largest number of measured lines to combine, half of them on either side of a gap.
    virtual_coils
        Largest number of coils after compression; measured lines are kept in all coils.
    samples
        Largest number of measured samples to combine where the mask varies along both axes.
    """

    lamda: float = 5e-3
    neighbours: Annotated[int, Field(ge=2, multiple_of=2)] = 4
    virtual_coils: Annotated[int, Field(ge=1)] = 8
    samples: Annotated[int, Field(ge=1)] = 8

    def fill(self, acquisition: Acquisition) -> Tensor:
        """Fill the missing samples.

        Parameters
        ----------
        acquisition
            One slice.

        Returns
        -------
        Tensor
            complex64 `(coils, readout, phase)`; measured samples are unchanged, gaps of 48 lines and more, or 23
            samples along both axes, stay empty.

        Raises
        ------
        InputError
            If there are too few calibration lines.
        """
        if _is_plane(acquisition):
            return self._fill_plane(acquisition)
        lines = self.kernels(acquisition).fill(ifft(acquisition.kspace, READOUT))
        return torch.where(acquisition.mask, acquisition.kspace, fft(lines, READOUT))

    def kernels(self, acquisition: Acquisition) -> Kernels:
        """Learn the weights for every gap of the mask.

        Parameters
        ----------
        acquisition
            One slice, mask `(phase,)`.

        Raises
        ------
        InputError
            If the mask varies along readout or there are too few calibration lines.
        """
        _check(acquisition)
        gaps = find_gaps(acquisition.mask, acquisition.header.padding, self.neighbours)
        lines = calibration_lines(acquisition).lines
        compression = compression_matrix(lines, self.virtual_coils)
        share = noise_share(compress(acquisition.kspace, compression), acquisition.mask)
        lamdas = [self._lamda(min(share[line] for line in gap.sources)) for gap in gaps]
        covariance = kspace_covariance(compress(lines, compression))
        return Kernels(
            mask=acquisition.mask,
            kernels=learn_kernels(covariance, gaps, lamdas),
            compression=compression,
            grid=ReadoutGrid.of(len(covariance.values), acquisition.matrix[0], lines.device),
        )

    def noise_map(self, acquisition: Acquisition, covariance: Tensor) -> Tensor | None:
        """Return the standard deviation of the noise `(rows, columns)`, exact for fixed weights (Breuer et al. 2009).

        The magnitude takes on only the noise in phase with the signal: half of the complex variance. There is no
        formula for masks along both axes.
        """
        if _is_plane(acquisition):
            return None
        accelerated, _ = self._variances(acquisition, covariance)
        return center_crop((accelerated / 2).sqrt(), acquisition.crop)

    def g_factor(self, acquisition: Acquisition, covariance: Tensor) -> Tensor:
        """Return `g = sigma_accelerated / (sigma_full sqrt(R))` (Breuer et al. 2009).

        Parameters
        ----------
        acquisition
            One slice, k-space `(coils, readout, phase)`, mask `(phase,)`.
        covariance
            complex `(coils, coils)` covariance of the noise; its scale does not matter.

        Returns
        -------
        Tensor
            float32 `(rows, columns)`; `R` counts all measured lines, including those for calibration.

        Raises
        ------
        InputError
            If the mask varies along readout or there are too few calibration lines.
        """
        accelerated, full = self._variances(acquisition, covariance)
        ratio = accelerated / torch.where(full > 0, full, torch.inf)
        return center_crop((ratio / acquisition.acceleration).sqrt(), acquisition.crop)

    def coil_images(self, acquisition: Acquisition) -> tuple[Acquisition, Tensor]:
        """Return the slice without readout oversampling, and its coil images `(coils, readout, phase)`."""
        if _is_plane(acquisition):
            return acquisition, ifft(self._fill_plane(acquisition))
        acquisition = without_oversampling(acquisition)
        lines = self.kernels(acquisition).fill(ifft(acquisition.kspace, READOUT))
        return acquisition, ifft(lines, PHASE)

    def _fill_plane(self, acquisition: Acquisition) -> Tensor:
        """Fill the missing samples of a mask along both axes, complex64 `(coils, readout, phase)`."""
        gaps = find_gaps_of_plane(acquisition.mask, acquisition.header.padding, self.samples)
        lines = calibration_lines(acquisition).lines
        compression = compression_matrix(lines, self.virtual_coils)
        share = plane_noise_share(compress(acquisition.kspace, compression), acquisition.mask)
        near = share[gaps.targets[:, 0], gaps.targets[:, 1]]
        least = max(self.lamda, LEAST_LAMDA)
        lamdas = least * 2.0 ** torch.log2(1 + near / least).round()
        covariance = plane_covariance(compress(lines, compression))
        return fill_plane(acquisition.kspace, gaps, covariance, compression, lamdas)

    def _variances(self, acquisition: Acquisition, covariance: Tensor) -> tuple[Tensor, Tensor]:
        cropped = without_oversampling(acquisition)
        kernels = self.kernels(cropped)
        coil_images = ifft(kernels.fill(ifft(cropped.kspace, READOUT)), PHASE)
        return noise_variances(kernels, coil_images, covariance, acquisition.header.padding)

    def _lamda(self, noise: float) -> float:
        """Add the share of the noise, in steps of a factor of two, so that many gaps share their weights."""
        least = max(self.lamda, LEAST_LAMDA)
        return least * 2.0 ** round(math.log2(1 + noise / least))


def noise_share(kspace: Tensor, mask: Tensor) -> list[float]:
    """Return the noise variance of one coil over the mean energy of all coils, one number for every line.

    Takes k-space `(coils, readout, phase)` and a mask `(phase,)`.

    Far from DC, where hardly any signal is left, it approaches one over the number of coils.
    """
    noise = air_variance(kspace, mask).mean()
    energy = (kspace.real.square() + kspace.imag.square()).sum(dim=0).mean(dim=0)
    return (noise / torch.where(energy > 0, energy, torch.inf)).tolist()


def _is_plane(acquisition: Acquisition) -> bool:
    return acquisition.mask.ndim == 2


def _check(acquisition: Acquisition) -> None:
    if _is_plane(acquisition):
        raise InputError(f"{acquisition.name}: the noise of GRAPPA is known for masks along phase only")
