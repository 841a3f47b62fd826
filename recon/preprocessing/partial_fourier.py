"""Partial Fourier: k-space that was measured on one side of its centre only, completed by the phase of the image."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.fourier import fft, ifft

FEWEST = 4
"""Samples beyond DC on the short side; with fewer the phase of the image cannot be told."""


@dataclass(frozen=True)
class Measured:
    """What was measured along one axis.

    Attributes
    ----------
    size
        Of the axis.
    first, last
        Measured are `[first, last)`.
    """

    size: int
    first: int
    last: int

    @property
    def short(self) -> int:
        """Samples from DC to the nearer end."""
        return min(self.size // 2 - self.first, self.last - 1 - self.size // 2)

    @property
    def partial(self) -> bool:
        """Whether one side is shorter than the other by more than the odd sample of an even size."""
        return (self.size // 2 - self.first) - (self.last - 1 - self.size // 2) not in {0, 1}

    def window(self, device: torch.device) -> Tensor:
        """Hann window over the samples that were measured on both sides, `(size,)`."""
        window = torch.zeros(self.size, device=device)
        width = 2 * self.short + 1
        start = self.size // 2 - self.short
        window[start : start + width] = torch.hann_window(width + 2, periodic=False, device=device)[1:-1]
        return window

    def homodyne_weights(self, device: torch.device) -> Tensor:
        """Two where the mirrored sample is missing, none where the sample is, a ramp between (Noll et al. 1991).

        One everywhere if nothing is missing.
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
    """Complete k-space by projection onto the measured samples and the phase of the low resolution.

    Haacke et al. 1991. The samples it estimates count as measured afterwards.

    Parameters
    ----------
    acquisition
        One slice, k-space `(coils, readout, phase)`, without gaps.
    iterations
        Of both projections.

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

    The samples it estimates count as measured afterwards.

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


def _measured(acquisition: Acquisition) -> tuple[Measured, Measured] | None:
    """Find what was measured along readout and phase; None if neither is partial."""
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


def _extent(name: str, measured: Tensor) -> Measured:
    found = measured.nonzero().flatten()
    first, last = (int(found[0]), int(found[-1]) + 1) if len(found) else (0, 0)
    if last - first != len(found) or not first <= len(measured) // 2 < last:
        raise InputError(
            f"{name}: lines were left out inside of what was measured; partial Fourier completes scans without gaps, "
            "so leave it out or reconstruct those lines first"
        )
    return Measured(len(measured), first, last)


def _low_resolution_phase(kspace: Tensor, axes: tuple[Measured, Measured]) -> Tensor:
    """Phase factors `(coils, readout, phase)` of the image of what was measured on both sides of DC."""
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
