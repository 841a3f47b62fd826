"""Completes partial Fourier k-space, measured mostly on one side of its centre, by the phase of the image."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.fourier import fft, ifft

FEWEST = 4
"""Smallest number of samples beyond DC on the short side from which the phase of the image can be estimated."""


@dataclass(frozen=True)
class MeasuredRange:
    """The measured range of one axis.

    Attributes
    ----------
    size
        Size of the axis.
    first, last
        Measured range `[first, last)`.
    """

    size: int
    first: int
    last: int

    @property
    def short(self) -> int:
        """Number of samples from DC to the nearer end."""
        return min(self.size // 2 - self.first, self.last - 1 - self.size // 2)

    @property
    def partial(self) -> bool:
        """Whether one side is shorter than the other by more than the odd sample of an even size."""
        return (self.size // 2 - self.first) - (self.last - 1 - self.size // 2) not in {0, 1}

    def window(self, device: torch.device) -> Tensor:
        """Return a Hann window `(size,)` over the samples that were measured on both sides of DC."""
        window = torch.zeros(self.size, device=device)
        width = 2 * self.short + 1
        start = self.size // 2 - self.short
        window[start : start + width] = torch.hann_window(width + 2, periodic=False, device=device)[1:-1]
        return window

    def homodyne_weights(self, device: torch.device) -> Tensor:
        """Return the weights of homodyne reconstruction (Noll et al. 1991), 1 everywhere if nothing is missing.

        They are 2 where the mirrored sample is missing, 0 where the sample itself is, with a ramp in between.
        """
        if not self.partial:
            return torch.ones(self.size, device=device)
        place = torch.arange(self.size, device=device) - self.size // 2
        to_long_side = 1 if self.last - 1 - self.size // 2 > self.short else -1
        weights = (1 + to_long_side * place / (self.short + 1)).clamp(0, 2)
        inside = torch.zeros(self.size, device=device)
        inside[self.first : self.last] = 1
        return weights * inside


def pocs(acquisition: Acquisition, iterations: int = 12) -> Acquisition:
    """Complete k-space by projections onto the measured samples and the low-resolution phase (Haacke et al. 1991).

    The estimated samples count as measured afterwards.

    Parameters
    ----------
    acquisition
        One slice, k-space `(coils, readout, phase)`, without gaps.
    iterations
        Number of times both projections are applied.

    Raises
    ------
    InputError
        If lines were left out inside of what was measured, or too few lie beyond DC on the short side.
    """
    axes = _measured(acquisition)
    if axes is None:
        return acquisition
    kspace = acquisition.kspace
    inside = torch.zeros(acquisition.matrix, dtype=torch.bool, device=kspace.device)
    inside[axes[0].first : axes[0].last, axes[1].first : axes[1].last] = True
    phase = _low_resolution_phase(kspace, axes)
    completed = kspace
    for _ in range(iterations):
        real = (ifft(completed) * phase.conj()).real.clamp(min=0)
        completed = torch.where(inside, kspace, fft(real * phase))
    return _completed(acquisition, completed)


def homodyne(acquisition: Acquisition) -> Acquisition:
    """Complete k-space in one step by the conjugate symmetry of an image of known phase (Noll et al. 1991).

    The estimated samples count as measured afterwards.

    Parameters
    ----------
    acquisition
        One slice, k-space `(coils, readout, phase)`, without gaps and partial along one axis only.

    Raises
    ------
    InputError
        As `pocs`, and if both axes are partial.
    """
    axes = _measured(acquisition)
    if axes is None:
        return acquisition
    if all(axis.partial for axis in axes):
        raise InputError(f"{acquisition.name}: is partial along both axes; use POCS, homodyne completes only one")
    kspace = acquisition.kspace
    weights = torch.outer(*(axis.homodyne_weights(kspace.device) for axis in axes))
    phase = _low_resolution_phase(kspace, axes)
    return _completed(acquisition, fft((ifft(weights * kspace) * phase.conj()).real * phase))


def _measured(acquisition: Acquisition) -> tuple[MeasuredRange, MeasuredRange] | None:
    """Return the measured ranges of readout and phase; None if neither is partial."""
    samples = acquisition.kspace.any(dim=0)
    axes = tuple(_extent(acquisition.name, samples.any(dim=1 - axis)) for axis in range(2))
    if not any(axis.partial for axis in axes):
        return None
    if min(axis.short for axis in axes if axis.partial) < FEWEST:
        raise InputError(
            f"{acquisition.name}: fewer than {FEWEST} samples beyond the centre of k-space were measured on its "
            "short side; partial Fourier needs them for the phase of the image"
        )
    return axes[0], axes[1]


def _extent(name: str, measured: Tensor) -> MeasuredRange:
    found = measured.nonzero().flatten()
    first, last = (int(found[0]), int(found[-1]) + 1) if len(found) else (0, 0)
    if last - first != len(found) or not first <= len(measured) // 2 < last:
        raise InputError(
            f"{name}: lines were left out inside of what was measured; partial Fourier completes scans without gaps, "
            "so leave it out or reconstruct those lines first"
        )
    return MeasuredRange(len(measured), first, last)


def _low_resolution_phase(kspace: Tensor, axes: tuple[MeasuredRange, MeasuredRange]) -> Tensor:
    """Return the phase `exp(i phi)` of the image from samples on both sides of DC, `(coils, readout, phase)`."""
    window = torch.outer(*(axis.window(kspace.device) for axis in axes))
    image = ifft(kspace * window)
    return torch.polar(torch.ones_like(image.real), image.angle())


def _completed(acquisition: Acquisition, kspace: Tensor) -> Acquisition:
    phase = acquisition.matrix[1]
    return replace(
        acquisition,
        kspace=kspace,
        mask=torch.ones(phase, dtype=torch.bool, device=kspace.device),
        header=replace(acquisition.header, padding=(0, phase)),
    )
