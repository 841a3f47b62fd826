"""Defines images that know where they lie in the patient."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from recon.data.acquisition import Header
from recon.data.images.placement import TO_RAS, Millimetres, Placement, stack

TOLERANCE_MM = 1e-2


class Image(np.ndarray[Any, np.dtype[np.float32]]):
    """A NumPy array, float32 `(rows, columns)` or `(slices, rows, columns)`, with its geometry.

    Parts of it and results of arithmetic are arrays without geometry.

    Attributes
    ----------
    voxel_size
        Distance from voxel to voxel along each axis of the array, in mm; NaN across slices whose distance the header
        does not say. None if the header says nothing.
    affine
        float64 `(4, 4)`, from the index `(row, column, 0)` or `(slice, row, column)` to mm along the patient's
        right, anterior and superior, as NIfTI counts: `nibabel.Nifti1Image(image, image.affine)` is in place. None
        if the header does not say where the image lies, or its slices are not parallel and evenly spaced.
    """

    __array_priority__ = 2000  # above torch's: an image minus a tensor is an array

    voxel_size: tuple[float, ...] | None
    affine: NDArray[np.float64] | None

    def __new__(
        cls,
        values: NDArray[np.float32],
        voxel_size: tuple[float, ...] | None = None,
        affine: NDArray[np.float64] | None = None,
    ) -> Self:
        """View an array as an image."""
        image = np.asarray(values, np.float32).view(cls)
        image.voxel_size, image.affine = voxel_size, affine
        return image

    def __array_finalize__(self, source: object) -> None:
        """Begin without geometry: what is cut out or turned lies elsewhere."""
        self.voxel_size = self.affine = None

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        """Return results of arithmetic as plain arrays and numbers."""
        return array[()] if return_scalar else np.asarray(array)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the geometry too."""
        return Image, (np.array(self), self.voxel_size, self.affine)

    def __copy__(self) -> Image:
        return self.copy()

    def __deepcopy__(self, memo: object) -> Image:
        return self.copy()

    def copy(self, order: Any = "C") -> Image:
        """Copy with the geometry."""
        return Image(np.array(self, order=order), self.voxel_size, self.affine)


def place(
    values: NDArray[np.float32], header: Header, matrix: tuple[int, int], numbers: Sequence[int | None]
) -> Image:
    """Give an image the geometry that the header says.

    Parameters
    ----------
    values
        float32 `(rows, columns)` of one slice, or `(slices, rows, columns)`.
    header
        Header of the slices that were reconstructed.
    matrix
        Their sampled matrix `(readout, phase)`.
    numbers
        Their numbers in the file; None where it is unknown.
    """
    if header.geometry is None and header.field_of_view is None:
        return Image(values)
    volume = values.reshape(-1, *values.shape[-2:])
    placements = stack(volume, header, matrix, [number or 0 for number in numbers]).placements
    step = _step(placements) if header.geometry is not None and None not in numbers else None
    first, pixel = placements[0], placements[0].spacing
    gap = math.nan if step is None else float(np.linalg.norm(step))
    voxel_size = pixel if values.ndim == 2 else (gap, *pixel)
    if step is None:
        return Image(values, voxel_size)
    axes = (first.down, first.across, step) if values.ndim == 2 else (step, first.down, first.across)
    affine = np.eye(4)
    affine[:3] = np.stack([*axes, first.corner], axis=1)
    return Image(values, voxel_size, TO_RAS @ affine)


def _step(placements: Sequence[Placement]) -> Millimetres | None:
    """Find the way from slice to slice in mm, None if no single one leads to all of them."""
    first = placements[0]
    corners = np.stack([placement.corner for placement in placements]) - first.corner
    step = first.normal * first.thickness if len(corners) == 1 else corners[-1] / (len(corners) - 1)
    evenly = np.abs(corners - np.arange(len(corners))[:, None] * step).max() < TOLERANCE_MM
    axes = np.stack([(placement.down, placement.across) for placement in placements])
    return step if evenly and np.allclose(axes, axes[0], atol=1e-4) and step.any() else None
