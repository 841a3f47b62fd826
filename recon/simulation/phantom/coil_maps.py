"""Receive sensitivities of loop coils around the head phantom."""

from __future__ import annotations

import numpy as np

from recon.simulation.biot_savart import Maps, combine_birdcage, receive
from recon.simulation.chebyshev import chebyshev_nodes, interpolate
from recon.simulation.loops import BIRDCAGE_LOOPS, arrange_around
from recon.simulation.phantom.grid import centred_axis, field_of_view, slice_heights

SEGMENTS = 48
"""Number of straight pieces that approximate a loop."""

NODES = 32
"""Number of Chebyshev nodes along the shorter side of the field of view."""


def head_coil_maps(shape: tuple[int, int], slices: int, coils: int, rng: np.random.Generator) -> Maps:
    """Compute what each coil receives from each voxel: `B1- = Bx - i By` (reciprocity).

    A single coil is a birdcage: eight loops in quadrature, nearly uniform over the head.

    Parameters
    ----------
    shape
        Matrix `(readout, phase)`.
    slices
        Number of slices.
    coils
        Number of coils.
    rng
        Source of the geometry, and of the gain and phase of each channel.

    Returns
    -------
    ndarray
        complex64 `(slices, coils, readout, phase)`; the largest root sum of squares over the coils is 1.
    """
    size = field_of_view(shape)
    rows, columns = (chebyshev_nodes(round(NODES * mm / min(size))) for mm in size)
    z, y, x = np.meshgrid(slice_heights(slices), rows * size[0] / 2, columns * size[1] / 2, indexing="ij")
    points = np.stack([x.ravel(), y.ravel(), z.ravel()])

    loops = arrange_around(BIRDCAGE_LOOPS if coils == 1 else coils, size, rng)
    received = receive(loops, points, SEGMENTS)
    if coils == 1:
        received = combine_birdcage(loops, received)
    gain = rng.lognormal(0, 0.1, coils) * np.exp(2j * np.pi * rng.random(coils))
    on_nodes = received.reshape(coils, *z.shape).swapaxes(0, 1) * gain[:, None, None]

    pixel_rows, pixel_columns = (2 * centred_axis(n, mm) / mm for n, mm in zip(shape, size, strict=True))
    maps = interpolate(on_nodes, pixel_rows, pixel_columns).astype(np.complex64)
    largest = np.sqrt((np.abs(maps) ** 2).sum(axis=1).max())
    normalised: Maps = maps / largest
    return normalised
