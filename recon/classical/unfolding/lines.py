"""Unfolds equally spaced lines: few pixels fold onto each other along phase, and few equations separate them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from einops import rearrange
from torch import Tensor

from recon.calibration.noise import mix_coils, whitening_matrix
from recon.coils import rss
from recon.data.masks.measured import center_lines

PHASE = (-1,)

LEAST_LAMDA = 1e-6
"""Smallest weight at which single precision can separate pixels on which the coils agree."""


@dataclass(frozen=True)
class Lattice:
    """Equally spaced lines of k-space.

    Attributes
    ----------
    phase
        Number of all lines.
    step
        Distance from one line to the next.
    first
        First line of this spacing, measured or not; less than `step`.
    """

    phase: int
    step: int
    first: int

    @property
    def count(self) -> int:
        """Number of lines."""
        return len(range(self.first, self.phase, self.step))


def find_lattice(mask: Tensor) -> Lattice | None:
    """Find the spacing of the lines of a mask `(phase,)` outside the centre; None if they are not equally spaced."""
    measured = torch.nonzero(mask).flatten().tolist()
    center = center_lines(mask)
    outer = [line for line in measured if not center.start <= line < center.stop]
    if not outer:
        return Lattice(len(mask), 1, 0) if mask.all() else None
    step = min((after - before for before, after in pairwise(outer)), default=0)
    if step < 2:
        return None
    expected = range(outer[0], outer[-1] + 1, step)
    if set(outer) <= set(expected) <= set(measured):
        return Lattice(len(mask), step, outer[0] % step)
    return None


@dataclass(frozen=True, eq=False)
class Folding:
    """Pixels that fold onto each other, and the sensitivity of each coil to them.

    The image has `step * count` pixels along phase, so that whole pixels fold onto each other. That is the matrix
    itself if `step` divides it, and otherwise a slightly different resolution over the same field of view.

    Attributes
    ----------
    lattice
        Lines to unfold.
    sens_maps
        complex64 `(coils, readout, step, count)`: pixels from the centre on; those that fold share their last index.
    """

    lattice: Lattice
    sens_maps: Tensor

    @classmethod
    def of(cls, sens_maps: Tensor, lattice: Lattice) -> Folding:
        """Resample maps `(coils, readout, phase)` to the pixels that fold."""
        pixels = lattice.step * lattice.count
        maps = torch.fft.ifftshift(resample(sens_maps, pixels), dim=PHASE)
        return cls(lattice, rearrange(maps, "coil x (step count) -> coil x step count", step=lattice.step))

    def unfold(self, kspace: Tensor, lamda: float = 0.0, covariance: Tensor | None = None) -> Tensor:
        """Solve `(S^H Psi^-1 S + lamda R) x = S^H Psi^-1 a` for every set of pixels folded into one value `a`.

        Parameters
        ----------
        kspace
            complex64 `(coils, readout, phase)`, in image space along readout.
        lamda
            Weight of the regularisation.
        covariance
            complex `(coils, coils)` covariance `Psi` of the noise; the identity if None.

        Returns
        -------
        Tensor
            complex64 `x`, `(readout, step, count)`, with pixels ordered as in the maps.
        """
        aliased = torch.fft.ifft(kspace[..., self.lattice.first :: self.lattice.step]) / self._scale
        maps, aliased = self._whitened(covariance), _whiten(aliased, covariance)
        matched = torch.einsum("cxsn,cxn->xns", maps.conj(), aliased)
        solved = torch.linalg.solve(self._normal(maps, lamda), matched)
        return rearrange(solved, "x count step -> x step count") * self._modulation().conj()

    def coil_kspace(self, image: Tensor) -> Tensor:
        """Encode an image `(readout, step, count)` to all lines `(coils, readout, phase)`, readout in image space."""
        coil_images = rearrange(self.sens_maps * image, "coil x step count -> coil x (step count)")
        spectrum = torch.fft.fft(coil_images) * self._scale
        pixels = spectrum.shape[-1]
        lines = torch.arange(self.lattice.phase, device=image.device) - self.lattice.phase // 2
        resolved = (lines >= -(pixels // 2)) & (lines < pixels - pixels // 2)
        return torch.where(resolved, spectrum[..., lines % pixels], 0)

    def noise(self, covariance: Tensor, lamda: float) -> Tensor:
        """Return the standard deviation of the image's noise where all of it comes from the lattice.

        `var x = B S^H Psi S B` with `B = (S^H S + lamda R)^-1`, for a solution that does not whiten. The magnitude
        takes on only the noise in phase with the signal, half of the complex variance.

        Parameters
        ----------
        covariance
            complex `(coils, coils)` covariance of the noise of k-space.
        lamda
            As in `unfold`.

        Returns
        -------
        Tensor
            float32 `(readout, phase)`, of the root sum of squares over the coils.
        """
        inverse = torch.linalg.inv(self._normal(self.sens_maps, lamda))
        color = torch.einsum(
            "cxsn,cd,dxtn->xnst", self.sens_maps.conj(), covariance.to(self.sens_maps), self.sens_maps
        )
        variance = (inverse @ color @ inverse).diagonal(dim1=-2, dim2=-1).real / (2 * self.lattice.count)
        deviation = rearrange(variance.clamp(min=0).sqrt() / self._scale, "x count step -> x step count")
        return self.image(
            deviation
            * rss(rearrange(self.sens_maps, "coil x step count -> coil x (step count)")).reshape(deviation.shape)
        )

    def image(self, solution: Tensor) -> Tensor:
        """Order the pixels of `(readout, step, count)` as an image and resample it to `(readout, phase)`."""
        ordered = rearrange(solution, "x step count -> x (step count)")
        return resample(torch.fft.fftshift(ordered, dim=PHASE), self.lattice.phase)

    def g_factor(self, covariance: Tensor | None = None, lamda: float = 0.0) -> Tensor:
        """Return `g = sqrt([H^-1]_ii [H]_ii)` with `H = S^H Psi^-1 S` (Pruessmann et al. 1999, eq. 23).

        With regularisation `H^-1` becomes `B H B` with `B = (H + lamda R)^-1`: the variance of the smaller, biased
        solution, with which g may fall below one.

        Parameters
        ----------
        covariance
            complex `(coils, coils)` covariance of the noise; the identity if None.
        lamda
            As in `unfold`.

        Returns
        -------
        Tensor
            float32 `(readout, phase)`.
        """
        maps = self._whitened(covariance)
        normal = self._normal(maps, 0.0)
        inverse = torch.linalg.inv(self._normal(maps, lamda))
        variance = (inverse @ normal @ inverse).diagonal(dim1=-2, dim2=-1).real
        squared = variance * normal.diagonal(dim1=-2, dim2=-1).real
        return self.image(rearrange(squared.clamp(min=0).sqrt(), "x count step -> x step count"))

    @property
    def _scale(self) -> float:
        """Factor from sums over the pixels that fold to orthonormal transforms over all phase-encoding steps."""
        return self.lattice.phase**0.5 / (self.lattice.step * self.lattice.count)

    def _modulation(self) -> Tensor:
        """Return the phase `(step, count)` of the pixels that comes from the distance of the first line to DC."""
        step, count = self.sens_maps.shape[-2:]
        pixels = torch.fft.fftfreq(step * count, device=self.sens_maps.device).reshape(step, count)
        angles = -2 * torch.pi * (self.lattice.first - self.lattice.phase // 2) * pixels
        return torch.polar(torch.ones_like(angles), angles)

    def _whitened(self, covariance: Tensor | None) -> Tensor:
        flat = rearrange(self.sens_maps, "coil x step count -> coil x (step count)")
        return _whiten(flat, covariance).reshape(self.sens_maps.shape)

    def _normal(self, maps: Tensor, lamda: float) -> Tensor:
        """Return `S^H S + lamda R`, `(readout, count, step, step)`."""
        normal = torch.einsum("cxsn,cxtn->xnst", maps.conj(), maps)
        ridge = max(lamda, LEAST_LAMDA) * self.lattice.step
        normal.diagonal(dim1=-2, dim2=-1).add_(ridge)
        return normal


def resample(values: Tensor, pixels: int) -> Tensor:
    """Interpolate `(..., phase)` linearly to another number of pixels over the same field of view."""
    phase = values.shape[-1]
    if pixels == phase:
        return values
    centered = torch.arange(pixels, device=values.device) - pixels // 2
    positions = (centered * (phase / pixels) + phase // 2).clamp(0, phase - 1)
    below = positions.floor().long()
    above = (below + 1).clamp(max=phase - 1)
    return torch.lerp(values[..., below], values[..., above], (positions - below).to(values.dtype))


def _whiten(coils: Tensor, covariance: Tensor | None) -> Tensor:
    """Whiten the noise of `(coils, ...)`, on average over the coils to the variance it had."""
    if covariance is None:
        return coils
    scale = covariance.diagonal().real.mean().sqrt()
    return mix_coils(whitening_matrix(covariance).to(coils) * scale, coils)
