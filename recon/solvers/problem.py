"""Poses the least-squares problem of unit scale behind a batch of slices, and turns its solution into images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from recon.calibration.acs import Acs, slices_calibration_lines
from recon.calibration.compression import compress, expand
from recon.coils import rss
from recon.crop import center_crop
from recon.data.acquisition import Acquisition
from recon.fourier import IMAGE_AXES, ifft
from recon.preprocessing.oversampling import without_oversampling
from recon.preprocessing.time_average import check_series, time_average
from recon.solvers.coil_model import CoilModel
from recon.solvers.encoding import Encoding
from recon.solvers.image_phase import image_phase
from recon.solvers.measured import Measured


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

    Images are in natural order, so that sparsity priors, which act differently at borders, do so at those of the
    image. K-space is in the order of `Measured`.

    Attributes
    ----------
    sets_present
        bool `(batch, sets)`: which sets of maps each slice has; the maps of the others are zero.
    brightness
        float32 `(batch, readout, phase)`: brightness of the low-resolution image, one at its maximum.
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
        *,
        common_scale: bool = False,
    ) -> Problem:
        """Pose the problems of a batch of slices.

        Parameters
        ----------
        kspace
            complex `(batch, coils, readout, phase)`, zero where not measured.
        mask
            bool `(batch or 1, 1, 1 or readout, phase)`.
        acs
            Calibration lines of each slice, or of the one series that the slices are frames of, which then have
            maps, virtual coils and scale in common.
        acceleration
            real `(batch,)`; that of the mask if None, as if nothing of k-space were padding.
        crop
            Size of the image; the matrix if None.
        common_scale
            Whether slices with calibration lines of their own have their scale in common as well.
        """
        batch, _, *matrix = kspace.shape
        size = matrix[0], matrix[1]
        scale = _largest(kspace)
        if common_scale or len(acs) < batch:
            scale = scale.amax().expand(batch)
        measured = Measured.of(kspace, mask)
        samples = measured.samples.div_(scale[:, None, None, None])
        coils = CoilModel.of(acs, size)
        bright = coils.brightness.expand(batch, -1, -1)
        if acceleration is None:
            acceleration = mask.expand(batch, *mask.shape[1:]).float().mean((-3, -2, -1)).reciprocal()
        maps = coils.sens_maps.to(kspace.dtype).expand(batch, -1, -1, -1, -1)
        encoding = Encoding(maps, measured.mask, measured.axes)
        few_samples = compress(samples, coils.compression)
        return cls(
            encoding=_with_image_phase(encoding, few_samples, bright, [one.separate for one in acs]),
            measured=few_samples,
            sets_present=coils.sets_present.expand(batch, -1),
            brightness=bright,
            kspace=samples,
            compression=coils.compression.expand(batch, -1, -1),
            scale=scale,
            acceleration=acceleration,
            crop=crop or size,
        )

    @classmethod
    def of_slices(cls, acquisitions: Sequence[Acquisition]) -> Problem:
        """Pose the problems of slices without their readout oversampling.

        Parameters
        ----------
        acquisitions
            K-space `(coils, readout, phase)`, masks and images of the same size.

        Raises
        ------
        InputError
            If there are too few calibration lines.
        """
        acquisitions = _without_oversampling(acquisitions)
        return cls._of(acquisitions, slices_calibration_lines(acquisitions))

    @classmethod
    def of_series(cls, acquisitions: Sequence[Acquisition]) -> Problem:
        """Pose the problems of the frames of one series without their readout oversampling.

        They have maps, virtual coils and scale in common. Calibration lines are those of the mean over time.

        Parameters
        ----------
        acquisitions
            Frames in the order of time, k-space `(coils, readout, phase)`, masks and images of the same size.

        Raises
        ------
        InputError
            If there are too few calibration lines in all frames together, or frames differ in size.
        """
        check_series(acquisitions)
        acquisitions = _without_oversampling(acquisitions)
        return cls._of(acquisitions, slices_calibration_lines([time_average(acquisitions)]))

    @classmethod
    def of_slab(cls, acquisitions: Sequence[Acquisition]) -> Problem:
        """Pose the problems of neighbouring positions of one 3-D scan, which have their scale in common.

        Every position has maps of its own; their phase makes the images of all positions nearly real.

        Parameters
        ----------
        acquisitions
            Positions in their order, k-space `(coils, readout, phase)`, masks and images of the same size.

        Raises
        ------
        InputError
            If there are too few calibration lines.
        """
        return cls._of(acquisitions, slices_calibration_lines(acquisitions), common_scale=True)

    @classmethod
    def _of(cls, acquisitions: Sequence[Acquisition], acs: Sequence[Acs], *, common_scale: bool = False) -> Problem:
        masks = torch.stack([acquisition.mask for acquisition in acquisitions])
        return cls.of(
            torch.stack([acquisition.kspace for acquisition in acquisitions]),
            masks.reshape(len(masks), 1, -1, masks.shape[-1]),
            acs,
            accelerations(acquisitions),
            acquisitions[0].crop,
            common_scale=common_scale,
        )

    @staticmethod
    def prepare_coils(acquisition: Acquisition) -> None:
        """Do the part of `of_slices` for one slice that depends on its calibration lines alone, see `CoilModel`.

        Raises
        ------
        InputError
            If there are too few calibration lines.
        """
        (acquisition,) = _without_oversampling([acquisition])
        CoilModel.of(slices_calibration_lines([acquisition]), acquisition.matrix)

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
        return center_crop(rss(self._consistent(solution)), self.crop) * self.scale[:, None, None]

    def coil_images(self, solution: Tensor) -> Tensor:
        """Turn solutions into uncropped images of all coils, complex `(batch, coils, readout, phase)`."""
        return self._consistent(solution) * self.scale[:, None, None, None]

    def _consistent(self, solution: Tensor) -> Tensor:
        """Return images of all coils at unit scale, complex `(batch, coils, readout, phase)`."""
        estimate = expand(self.encoding.coil_kspace(solution), self.compression)
        consistent = torch.where(self.encoding.mask, self.kspace, estimate)
        return torch.fft.ifftn(consistent, dim=self.encoding.axes, norm="ortho")


def _without_oversampling(acquisitions: Sequence[Acquisition]) -> Sequence[Acquisition]:
    if acquisitions[0].mask.ndim > 1:
        return acquisitions
    return [without_oversampling(acquisition) for acquisition in acquisitions]


def _with_image_phase(encoding: Encoding, measured: Tensor, bright: Tensor, separate: Sequence[bool]) -> Encoding:
    """Give maps that come from separate reference scans the phase of the image."""
    if not any(separate):
        return encoding
    phase = image_phase(encoding, measured, bright)
    foreign = torch.tensor(separate, device=phase.device)[:, None, None, None]
    return replace(encoding, sens_maps=encoding.sens_maps * torch.where(foreign, phase, 1).unsqueeze(2))


def accelerations(acquisitions: Sequence[Acquisition]) -> Tensor:
    """Return the acceleration of each slice, float32 `(batch,)`, on their device and without waiting for it."""
    paddings = [one.header.padding for one in acquisitions]
    acquirable = [one.mask[..., first:last] for one, (first, last) in zip(acquisitions, paddings, strict=True)]
    measured = torch.stack([mask.sum() for mask in acquirable])
    sizes = torch.tensor([float(mask.numel()) for mask in acquirable], device=measured.device)
    return sizes / measured.clamp(min=1)


def _largest(kspace: Tensor) -> Tensor:
    """Return the largest value of each slice's zero-filled image `(batch,)`, one where it is black."""
    largest = rss(ifft(kspace)).amax(IMAGE_AXES)
    return torch.where(largest > 0, largest, 1)
