"""Computes ESPIRiT's operator in every pixel: the projection onto the row space of the calibration matrix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor

from recon.blocking import in_blocks
from recon.calibration.acs import stack_lines

KERNEL = 6
CALIBRATION_ROWS = 64
"""Number of readout rows about DC that are used; more cost time and change nothing."""
SMALLEST, LARGEST = 0.02, 0.04
"""Bounds of the share of the largest singular value below which the others count as noise."""
ABOVE_FLOOR = 12.0
"""Multiple of the median singular value, which is the floor of the noise, that is taken between these bounds."""
MAPS = 2
"""Maps per pixel, in the mean over the field of view, that singular values below the upper bound may bring."""


@dataclass(frozen=True)
class Axis:
    """An axis of the image, and the distance of the pixels along it at which maps are computed.

    Attributes
    ----------
    size
        Number of pixels of the image.
    stride
        Distance between computed pixels; the last one may lie outside of the image.
    """

    size: int
    stride: int = 1

    def __len__(self) -> int:
        return -(-(self.size - 1) // self.stride) + 1

    @property
    def covered(self) -> int:
        """Number of pixels from the first to the last."""
        return self.stride * (len(self) - 1) + 1

    def transform(self, frequencies: Tensor) -> Tensor:
        """Make the matrix `(pixels, frequencies)` of the inverse Fourier transform to these pixels."""
        pixels = torch.arange(0, self.covered, self.stride, device=frequencies.device) - self.size // 2
        angles = pixels.outer(frequencies) * (2 * torch.pi / self.size)
        return torch.polar(torch.ones_like(angles), angles)


@dataclass(frozen=True, eq=False)
class Projection:
    """Hermitian `G(x, y)` before its transform along readout, because all pixels at once take too much memory.

    Attributes
    ----------
    down
        complex64 `(pixels of readout, frequencies)`: the transform along readout.
    half
        complex64 `(batch, pairs, frequencies, pixels of phase)`: one for each pair of coils in the upper triangle.
    pairs
        int64 `(2, pairs)`.
    coils
        Number of coils.
    """

    down: Tensor
    half: Tensor
    pairs: Tensor
    coils: int

    @classmethod
    def of(cls, lines: Sequence[Tensor], axes: Sequence[Axis], null_space: float | None = None) -> Projection:
        """Correlate the kernels of each slice with each other (Uecker et al. 2014, eqs. 15-17).

        Parameters
        ----------
        lines
            Calibration lines of each slice, complex64 `(coils, readout, lines)`.
        axes
            Readout and phase of the image.
        null_space
            Singular values of the calibration matrix below this share of the largest count as noise; chosen if None.
        """
        device, coils = lines[0].device, len(lines[0])
        kernels, areas = _row_space(lines, null_space)
        height, width = kernels.shape[-2:]
        spectrum = torch.fft.fft2(kernels, s=(2 * height - 1, 2 * width - 1))
        upper = torch.triu_indices(coils, coils, device=device)
        products = torch.einsum("bnc...,bnd...->bcd...", spectrum, spectrum.conj())[:, upper[0], upper[1]]
        correlation = torch.fft.ifft2(products) / areas[:, None, None, None]
        down, across = (
            axis.transform(torch.fft.fftfreq(2 * size - 1, 1 / (2 * size - 1), device=device))
            for axis, size in zip(axes, (height, width), strict=True)
        )
        return cls(down, correlation @ across.mT, upper, coils)

    def rows(self, rows: slice) -> Tensor:
        """Return `G` at some pixels of the readout, complex64 `(batch, coils, coils, rows, phase)`."""
        values = self.down[rows] @ self.half
        operator = values.new_empty(len(values), self.coils, self.coils, *values.shape[-2:])
        operator[:, self.pairs[1], self.pairs[0]] = values.conj()
        operator[:, self.pairs[0], self.pairs[1]] = values
        return operator


def espirit_operator(lines: Tensor, matrix: tuple[int, int], null_space: float | None = None) -> Tensor:
    """Return the projection onto the row space of the calibration matrix, by pixel (Uecker et al. 2014, eqs. 15-17).

    Parameters
    ----------
    lines
        complex64 `(coils, readout, lines)` about DC.
    matrix
        Size of the image `(readout, phase)`.
    null_space
        Singular values of the calibration matrix below this share of the largest count as noise; chosen if None.

    Returns
    -------
    Tensor
        Hermitian `G`, complex64 `(coils, coils, readout, phase)`, eigenvalues in [0, 1].
    """
    return Projection.of([lines], [Axis(size) for size in matrix], null_space).rows(slice(None))[0]


def _row_space(lines: Sequence[Tensor], null_space: float | None) -> tuple[Tensor, Tensor]:
    """Find kernels that span the patches of the calibration lines of each slice.

    Returns
    -------
    tuple
        Kernels, complex `(batch, kernel, coils, height, width)`, and the number of pixels of each slice's kernels,
        real `(batch,)`. Slices with few lines have smaller and fewer kernels: the others are zero.
    """
    coils = len(lines[0])
    centers = [_center_rows(one) for one in lines]
    sides = [tuple(min(KERNEL, most) for most in _largest_kernel(one)) for one in centers]
    height, width = (max(lengths) for lengths in zip(*sides, strict=True))
    patches = stack_lines(centers).unfold(2, height, 1).unfold(3, width, 1)
    if len({one.shape for one in centers}) > 1:
        rows = _inside(patches, [(one.shape[1], side[0]) for one, side in zip(centers, sides, strict=True)], 2)
        columns = _inside(patches, [(one.shape[2], side[1]) for one, side in zip(centers, sides, strict=True)], 3)
        patches = patches * (rows[:, None, :, None, :, None] & columns[:, None, None, :, None, :])
    patches = rearrange(patches, "batch coils r l height width -> batch (r l) (coils height width)")
    products = patches.mH @ patches
    energies, vectors = _eigenvectors(products)
    areas = torch.tensor([side[0] * side[1] for side in sides], device=energies.device)
    columns = (products.diagonal(dim1=-2, dim2=-1).real > 0).sum(-1)
    share = _noise_share(energies, areas, columns) if null_space is None else null_space**2
    kept = energies >= share * energies[:, -1:]
    if in_blocks(kept):
        first = int((~kept).sum(dim=1).min())  # a GPU would have to wait for this number
        kept, vectors = kept[:, first:], vectors[..., first:]
    kernels = (vectors * kept.unsqueeze(1)).conj()
    order = "batch (coils height width) kernel -> batch kernel coils height width"
    return rearrange(kernels, order, coils=coils, height=height), areas


def _eigenvectors(products: Tensor) -> tuple[Tensor, Tensor]:
    """Return eigenvalues in ascending order and eigenvectors of Hermitian matrices.

    In single precision LAPACK now and then gives up on matrices of low rank, such as those padded with zeros.
    """
    try:
        energies, vectors = torch.linalg.eigh(products)
    except torch.linalg.LinAlgError:  # type: ignore[attr-defined]
        energies, vectors = torch.linalg.eigh(products.to(torch.complex128))
    return energies.to(products.real.dtype), vectors.to(products.dtype)


def _noise_share(energies: Tensor, areas: Tensor, columns: Tensor) -> Tensor:
    """Return the share of the largest energy below which singular vectors hold noise, `(batch, 1)`.

    Most singular values are small: their median is the floor of the noise on which the others stand, and less than
    twelve times that counts as noise. So does what exceeds two maps per pixel: kernels are as many as their pixels
    times the mean over the field of view of the sum of the eigenvalues (the trace of the projection). An object that
    fills the field of view and differs at opposite borders would otherwise seem folded far into the image.

    Parameters
    ----------
    energies
        Squared singular values in ascending order, real `(batch, columns)`.
    areas
        Pixels of the kernels, int64 `(batch,)`.
    columns
        Number of columns of the calibration matrix that are not zero, int64 `(batch,)`.
    """
    places = torch.stack([columns // 2, MAPS * areas], dim=1)
    median, third_map = energies.gather(1, (energies.shape[1] - 1 - places).clamp(min=0)).chunk(2, dim=1)
    noise = torch.maximum(ABOVE_FLOOR**2 * median, third_map)
    return (noise / energies[:, -1:]).nan_to_num(LARGEST**2).clamp(SMALLEST**2, LARGEST**2)


def _center_rows(lines: Tensor) -> Tensor:
    readout = lines.shape[1]
    rows = min(CALIBRATION_ROWS, readout)
    return lines[:, readout // 2 - rows // 2 :][:, :rows]


def _largest_kernel(lines: Tensor) -> tuple[int, int]:
    """Return the most rows and columns of a kernel; with wider ones too few patches would be left."""
    return lines.shape[1], max(lines.shape[2] // 2, 1)


def _inside(patches: Tensor, sizes: Sequence[tuple[int, int]], axis: int) -> Tensor:
    """Mark, for each slice, the places of patches inside its lines, and in each the samples of its kernel.

    Parameters
    ----------
    patches
        `(batch, coils, rows, lines, height, width)`.
    sizes
        Number of samples and of those of the kernel, along the axis, of each slice.
    axis
        Axis of the places: 2 or 3.

    Returns
    -------
    Tensor
        bool `(batch, places, samples)`.
    """
    place, sample = (torch.arange(patches.shape[n], device=patches.device) for n in (axis, axis + 2))
    last = torch.tensor([size - kernel for size, kernel in sizes], device=patches.device)
    kernel = torch.tensor([kernel for _, kernel in sizes], device=patches.device)
    return (place <= last[:, None])[:, :, None] & (sample < kernel[:, None])[:, None, :]
