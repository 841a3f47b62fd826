"""Estimates the uncertainty of an image from reconstructions of slightly altered data."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import conv2d

from recon.calibration.noise import mix_coils, noise_variance
from recon.data.acquisition import Acquisition
from recon.data.masks.measured import center_lines
from recon.quality.noise_floor import acquired_share

LEFT_OUT = 0.1
"""Share of the samples outside the calibration lines that each view leaves out."""

FLIPS: tuple[tuple[int, ...], ...] = ((), (-2,), (-1,), (-2, -1), (), (-1,))
"""Axes along which each view is mirrored; -2 is readout, -1 phase."""

SMOOTHING = 2.0
"""Standard deviation in pixels of the Gaussian over which squared deviations are averaged."""


@dataclass(frozen=True, eq=False)
class View:
    """An altered slice for a method to reconstruct again.

    Attributes
    ----------
    acquisition
        The slice with samples left out, its coils mixed, possibly mirrored.
    flipped
        Axes along which it is mirrored.
    """

    acquisition: Acquisition
    flipped: tuple[int, ...]

    def undo(self, image: Tensor) -> Tensor:
        """Mirror an image `(rows, columns)` back; its middle, index `N // 2`, is that of the matrix."""
        for axis in self.flipped:
            image = image.flip(axis).roll(1 - image.shape[axis] % 2, axis)
        return image


def views(acquisition: Acquisition) -> list[View]:
    """Alter a slice in several ways, which are the same every time.

    Each view leaves out a different tenth of the samples that are not calibration lines. A random unitary matrix
    mixes the coils, which keeps the information and the root sum of squares. Some views are mirrored. Only the
    missing samples change the result of a method that is linear and equivariant.

    Parameters
    ----------
    acquisition
        One slice, k-space `(coils, readout, phase)`.
    """
    generator = torch.Generator().manual_seed(0)
    spare = _spare(acquisition.mask).nonzero()
    spare = spare[torch.randperm(len(spare), generator=generator).to(spare.device)]
    each = min(max(1, round(LEFT_OUT * len(spare))), len(spare) // 2)
    found = []
    for number, flipped in enumerate(FLIPS):
        kept = torch.ones_like(acquisition.mask)
        gone = spare[number * each : (number + 1) * each]
        kept[tuple(gone.T)] = False
        mixed = _mixed(acquisition.undersample(kept), _unitary(acquisition.coils, generator))
        found.append(View(_mirrored(mixed, flipped), flipped))
    return found


def spread(image: Tensor, seen: Sequence[View], others: Iterable[Tensor]) -> Tensor:
    """Return the root mean square deviation of the views' images; squares are averaged over a few pixels as well.

    In linear methods three times this is the jackknife's standard deviation of what noise does to the image: with a
    share `p` left out the variance is `(1 - p) / p` times the mean square deviation (Shao & Wu 1989). Errors from
    missing samples grow by other factors, which a calibration finds.

    Parameters
    ----------
    image
        `(rows, columns)`, reconstructed from all samples.
    seen, others
        The views, and the image that the same method reconstructed from each.
    """
    squares = torch.stack([(view.undo(other) - image).square() for view, other in zip(seen, others, strict=True)])
    return smooth(squares.mean(dim=0), SMOOTHING).sqrt()


def noise_level(acquisition: Acquisition) -> float:
    """Estimate the standard deviation of the noise in a fully sampled magnitude image, where there is signal.

    It comes from the noise scan if there is one, else from the air, as the mean over the coils.

    Parameters
    ----------
    acquisition
        One slice, k-space `(coils, readout, phase)`.
    """
    return float((noise_variance(acquisition).mean() * acquired_share(acquisition) / 2).sqrt())


def magnitude_noise(image: Tensor, level: float, coils: int) -> Tensor:
    """Return the standard deviation of the noise in each pixel of a root sum of squares: less where it is dark.

    With `N = 2 coils level^2`, the power of the noise in all coils, the power of a pixel has the mean
    `I^2 = s^2 + N` and the variance `4 level^2 s^2 + 4 coils level^4` of a non-central chi-squared distribution, and
    its root the variance `level^2 (1 - N / (2 I^2))` to first order: half of `level^2` in the air (Constantinides et
    al. 1997).

    Parameters
    ----------
    image
        real `(rows, columns)`, whose values are taken for `I`; squares below `N` count as `N`.
    level
        Standard deviation of the noise where there is signal.
    coils
        Number of coils.
    """
    power = 2 * coils * level**2
    if not power:
        return torch.zeros_like(image)
    return level * torch.sqrt(1 - power / (2 * image.square().clamp(min=power)))


def _spare(mask: Tensor) -> Tensor:
    """Mark the measured samples that calibration does not need."""
    spare = mask.clone()
    if mask.ndim == 1:
        spare[center_lines(mask)] = False
    else:  # points: the middle eighth of either axis
        rows, columns = (slice(size // 2 - size // 16, size // 2 + size // 16 + 1) for size in mask.shape)
        spare[rows, columns] = False
    return spare


def _mixed(acquisition: Acquisition, matrix: Tensor) -> Acquisition:
    matrix = matrix.to(acquisition.kspace)
    calibration = acquisition.calibration
    return replace(
        acquisition,
        kspace=mix_coils(matrix, acquisition.kspace),
        calibration=None if calibration is None else mix_coils(matrix, calibration),
        noise=None if acquisition.noise is None else matrix @ acquisition.noise,
    )


def _unitary(size: int, generator: torch.Generator) -> Tensor:
    normal = torch.randn(size, size, generator=generator, dtype=torch.complex64)
    return torch.linalg.qr(normal).Q


def _mirrored(acquisition: Acquisition, axes: Sequence[int]) -> Acquisition:
    """Mirror the object about the index of DC, which stays in place."""
    kspace, mask, calibration = acquisition.kspace, acquisition.mask, acquisition.calibration
    header = acquisition.header
    for axis in axes:
        kspace = _mirror(kspace, axis)
        calibration = None if calibration is None else _mirror(calibration, axis)
        if axis == -1 or mask.ndim == 2:
            mask = _mirror(mask, axis)
        if axis == -1:
            header = replace(header, padding=_mirrored_range(header.padding, kspace.shape[-1]))
    return replace(acquisition, kspace=kspace, mask=mask, calibration=calibration, header=header)


def _mirror(values: Tensor, axis: int) -> Tensor:
    return values.flip(axis).roll(1 - values.shape[axis] % 2, axis)


def _mirrored_range(columns: tuple[int, int], size: int) -> tuple[int, int]:
    """Return where the columns `[first, last)` lie after `_mirror`; the one without a partner stays in place."""
    if columns == (0, size):
        return columns
    first, last = (size - column + 1 - size % 2 for column in reversed(columns))
    return max(first, 0), min(last, size)


def smooth(image: Tensor, sigma: float) -> Tensor:
    """Average `(rows, columns)` by a Gaussian, truncated at the edges of the image."""
    reach = math.ceil(3 * sigma)
    line = torch.exp(-0.5 * (torch.arange(-reach, reach + 1, device=image.device) / sigma).square())
    kernel = torch.outer(line, line).expand(1, 1, -1, -1)
    held = torch.stack([image, torch.ones_like(image)]).unsqueeze(1)
    averaged, weight = conv2d(held, kernel, padding=reach).squeeze(1)
    return averaged / weight
