"""Brings measured k-space to where iterating is cheapest. The readout transform cancels here, and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from recon.fourier import ifft

READOUT, PHASE = -2, -1


@dataclass(frozen=True, eq=False)
class Measured:
    """Measured samples, the mask, and the part `F` of the Fourier transform that is left to do.

    Where the mask is the same for all points of the readout, the transform along readout is unitary on both sides of
    `y = M F S x` and cancels: the samples go to hybrid space (x, ky) once, and `F` is along phase alone. Along the
    axes of `F`, k-space stands in the order of the fast Fourier transform, DC first, so no step of an iteration
    copies data only to shift it.

    Attributes
    ----------
    samples
        complex `(batch, coils, readout, phase)`, zero where not measured.
    mask
        bool `(batch or 1, 1, 1 or readout, phase)`, True where measured.
    axes
        Axes of `F`.
    """

    samples: Tensor
    mask: Tensor
    axes: tuple[int, ...]

    @classmethod
    def of(cls, kspace: Tensor, mask: Tensor) -> Measured:
        """Do the part of the transform of centred k-space that is needed only once.

        Samples are multiplied by `exp(-2 pi i k (N // 2) / N)`, whose inverse transform is the shift of the image's
        centre to its place, for even and odd sizes.

        Parameters
        ----------
        kspace
            complex `(batch, coils, readout, phase)`, zero where not measured.
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
            samples *= _ramp(samples.shape[axis], samples).reshape(-1, *[1] * (-1 - axis))
        return cls(samples, torch.fft.ifftshift(mask, dim=axes), axes)

    def image(self, kspace: Tensor) -> Tensor:
        """Apply `F^H`, which is unitary: k-space in this order to images of the same shape."""
        return torch.fft.ifftn(kspace, dim=self.axes, norm="ortho")

    def kspace(self, image: Tensor) -> Tensor:
        """Apply `F`, the inverse and the adjoint of `image`."""
        return torch.fft.fftn(image, dim=self.axes, norm="ortho")


def _ramp(size: int, like: Tensor) -> Tensor:
    """Return `exp(-2 pi i k (N // 2) / N)` for every index `k`, in the precision and on the device of `like`."""
    steps = torch.arange(size, dtype=torch.float64) * (size // 2) % size
    return torch.polar(torch.ones_like(steps), -2 * torch.pi * steps / size).to(like)
