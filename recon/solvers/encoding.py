"""The encoding operator of Cartesian parallel imaging, over the axes on which it mixes pixels and no others."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

ROWS_AT_A_TIME = 64
"""Coil images of so many rows take little memory, which the allocator keeps, and mostly fit into the cache."""


@dataclass(frozen=True, eq=False)
class Encoding:
    """`A = M F S`: images to measured multi-coil k-space (Pruessmann et al. 1999).

    Where the mask is the same for all points of the readout, the Fourier transform along readout is unitary on
    both sides of the equation and cancels: then `F` is along phase alone and `M` is one value a line. Indices are
    in the order of the fast Fourier transform, DC first, so that nothing is shifted while iterating.

    Attributes
    ----------
    sens_maps
        complex64 `S`, `(sets, coils, readout, phase)`; if the sum of their squares is at most one everywhere, so
        are the eigenvalues of `A^H A`.
    mask
        float32 `M`, `(phase,)` or `(readout, phase)`: one where measured, zero elsewhere.
    axes
        Those of `F`.
    """

    sens_maps: Tensor
    mask: Tensor
    axes: tuple[int, ...]

    def coil_images(self, image: Tensor) -> Tensor:
        """Apply `S`: complex `(sets, readout, phase)` to `(coils, readout, phase)`."""
        coil_images = image[0] * self.sens_maps[0]
        for part, maps in zip(image[1:], self.sens_maps[1:], strict=True):
            coil_images.addcmul_(part, maps)
        return coil_images

    def coil_kspace(self, image: Tensor) -> Tensor:
        """Apply `F S`: complex `(sets, readout, phase)` to `(coils, readout, phase)`, not yet masked."""
        return torch.fft.fftn(self.coil_images(image), dim=self.axes, norm="ortho")

    def forward(self, image: Tensor) -> Tensor:
        """Apply `A`: complex `(sets, readout, phase)` to `(coils, readout, phase)`."""
        return self.coil_kspace(image).mul_(self.mask)

    def adjoint(self, kspace: Tensor) -> Tensor:
        """Apply `A^H`: complex `(coils, readout, phase)` to `(sets, readout, phase)`."""
        return _combine(kspace * self.mask, self.sens_maps, self.axes)

    def normal(self, image: Tensor) -> Tensor:
        """Apply `A^H A` on complex `(sets, readout, phase)`, a few rows at a time where rows do not mix."""
        step = ROWS_AT_A_TIME if self.mask.ndim == 1 else image.shape[-2]
        result = torch.empty_like(image)
        for first in range(0, image.shape[-2], step):
            rows = (..., slice(first, first + step), slice(None))
            some = replace(self, sens_maps=self.sens_maps[rows])
            result[rows] = _combine(some.forward(image[rows]), some.sens_maps, self.axes)
        return result


def _combine(kspace: Tensor, sens_maps: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Apply `S^H F^H`.

    The conjugate of `S` would be as large as `S` itself: that of the coil images is taken in place instead.
    """
    conjugate = torch.fft.ifftn(kspace, dim=axes, norm="ortho").conj_physical_()
    return torch.stack([(maps * conjugate).sum(0) for maps in sens_maps]).conj_physical_()
