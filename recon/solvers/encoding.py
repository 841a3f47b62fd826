"""The encoding operator of Cartesian parallel imaging: `A = M F S`, batched, with a set axis for soft maps."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from recon.blocking import in_blocks
from recon.coils import COIL_AXIS, coil_expand
from recon.kernels import kernels

SET_AXIS = -3
"""Axis of an image that numbers the sets of maps it belongs to; of the maps themselves it is one further left."""

LOOPS = "recon.solvers.encoding_loops"

BLOCK_BYTES, FEWEST_ROWS = 2**21, 16
"""Bytes of the coil images of the rows that each thread treats at once in `normal`: its cache; and fewest rows."""


@dataclass(frozen=True, eq=False)
class Encoding:
    """`A = M F S`: images to measured multi-coil k-space (Pruessmann et al. 1999).

    `F` and the order of indices along its axes are those of `Measured`. Any leading axes are batches.

    Attributes
    ----------
    sens_maps
        complex64 `S`, `(..., sets, coils, readout, phase)`. If the sum of their squares is at most one everywhere,
        so are the eigenvalues of `A^H A`.
    mask
        bool `M`, which broadcasts against `(..., coils, readout, phase)`: True where measured.
    axes
        Axes of `F`.
    """

    sens_maps: Tensor
    mask: Tensor
    axes: tuple[int, ...]

    def coil_kspace(self, image: Tensor) -> Tensor:
        """Apply `F S`: complex `(..., sets, readout, phase)` to unmasked `(..., coils, readout, phase)`."""
        loops = kernels(LOOPS, image, self.sens_maps)
        if loops is not None and loops.fits(self.sens_maps, image):
            return torch.fft.fftn(loops.expand(self.sens_maps, image), dim=self.axes, norm="ortho")
        first, *others = zip(image.unbind(SET_AXIS), self.sens_maps.unbind(SET_AXIS - 1), strict=True)
        coil_images = coil_expand(*first)
        for part, maps in others:
            coil_images.addcmul_(part.unsqueeze(COIL_AXIS), maps)
        return torch.fft.fftn(coil_images, dim=self.axes, norm="ortho")

    def combine(self, kspace: Tensor) -> Tensor:
        """Apply `S^H F^H`: complex `(..., coils, readout, phase)` to `(..., sets, readout, phase)`."""
        coil_images = torch.fft.ifftn(kspace, dim=self.axes, norm="ortho")
        loops = kernels(LOOPS, coil_images, self.sens_maps)
        if loops is not None and loops.fits(self.sens_maps, coil_images):
            return loops.combine(self.sens_maps, coil_images)
        # The conjugate of S would be as large as S: the coil images are conjugated in place instead.
        conjugate = coil_images.conj_physical_()
        images = [(maps * conjugate).sum(COIL_AXIS) for maps in self.sens_maps.unbind(SET_AXIS - 1)]
        return torch.stack(images, SET_AXIS).conj_physical_()

    def forward(self, image: Tensor) -> Tensor:
        """Apply `A`: complex `(..., sets, readout, phase)` to `(..., coils, readout, phase)`."""
        return self.coil_kspace(image).mul_(self.mask)

    def adjoint(self, kspace: Tensor) -> Tensor:
        """Apply `A^H`: complex `(..., coils, readout, phase)` to `(..., sets, readout, phase)`."""
        return self.combine(kspace * self.mask)

    def normal(self, image: Tensor) -> Tensor:
        """Apply `A^H A` to complex `(..., sets, readout, phase)`, in blocks of rows on a CPU unless rows mix."""
        if len(self.axes) > 1 or not in_blocks(image):
            return self.combine(self.forward(image))
        result = torch.empty_like(image)
        coil_images = image[..., 0, 0, :].numel() * self.sens_maps.shape[COIL_AXIS]
        step = max(FEWEST_ROWS, torch.get_num_threads() * BLOCK_BYTES // (coil_images * image.element_size()))
        if step >= image.shape[-2]:
            return self.combine(self.forward(image))
        for first in range(0, image.shape[-2], step):
            rows = (..., slice(first, first + step), slice(None))
            some = replace(self, sens_maps=self.sens_maps[rows])
            result[rows] = some.combine(some.forward(image[rows]))
        return result
