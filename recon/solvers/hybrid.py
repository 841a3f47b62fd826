"""K-space as an unrolled network walks through it: no transform that cancels, no index shifted on the way."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from recon.fourier import ifft

READOUT, PHASE = -2, -1


@dataclass(frozen=True, eq=False)
class Hybrid:
    """Measured k-space, transformed once to where iterating is cheapest.

    Where the mask is the same for all points of the readout, the Fourier transform along readout is unitary and
    cancels in every step: the samples go to hybrid space (x, ky) once and only the transform along phase is left.
    Along the axes that remain, k-space stands in the order of the fast Fourier transform, DC first, and is
    multiplied by the phase ramp `exp(-2 pi i k (N // 2) / N)`, whose inverse transform is the shift that brings
    the image's centre back to its place. Thus an image is in natural order, k-space is not, and nothing is ever
    copied to be shifted. Masking and subtracting do not notice; both hold for even and odd sizes.

    Attributes
    ----------
    samples
        complex `(batch, coils, readout, phase)`, zero where not measured.
    mask
        bool `(batch or 1, 1, 1 or readout, phase)`.
    axes
        Those that are still to be transformed.
    """

    samples: Tensor
    mask: Tensor
    axes: tuple[int, ...]

    @classmethod
    def of(cls, kspace: Tensor, mask: Tensor) -> Hybrid:
        """Transform centred k-space.

        Parameters
        ----------
        kspace
            complex `(batch, coils, readout, phase)`.
        mask
            bool `(batch or 1, 1, 1 or readout, phase)`.
        """
        if mask.shape[READOUT] > 1 and torch.equal(mask, mask[..., :1, :].expand_as(mask)):
            mask = mask[..., :1, :]
        axes: tuple[int, ...] = (READOUT, PHASE)
        if mask.shape[READOUT] == 1:
            kspace, axes = ifft(kspace, (READOUT,)), (PHASE,)
        samples = torch.fft.ifftshift(kspace, dim=axes)
        for axis in axes:
            samples = samples * _ramp(samples.shape[axis], samples).reshape(-1, *[1] * (-1 - axis))
        return cls(samples, torch.fft.ifftshift(mask, dim=axes), axes)

    def image(self, samples: Tensor) -> Tensor:
        """Transform samples in this space to natural images: unitary."""
        return torch.fft.ifftn(samples, dim=self.axes, norm="ortho")

    def kspace(self, image: Tensor) -> Tensor:
        """Transform natural images to samples in this space: the inverse and the adjoint of `image`."""
        return torch.fft.fftn(image, dim=self.axes, norm="ortho")


def _ramp(size: int, like: Tensor) -> Tensor:
    """`exp(-2 pi i k (N // 2) / N)` for every index `k`, in the precision and on the device of `like`."""
    steps = torch.arange(size, dtype=torch.float64) * (size // 2) % size
    return torch.polar(torch.ones_like(steps), -2 * torch.pi * steps / size).to(like)
