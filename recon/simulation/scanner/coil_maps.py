"""Coil sensitivities of varied geometry: loops around the object or in two planes, and measured maps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from recon.simulation.biot_savart import Maps, combine_birdcage, receive
from recon.simulation.chebyshev import chebyshev_nodes, interpolate
from recon.simulation.loops import BIRDCAGE_LOOPS, arrange_around, arrange_in_planes
from recon.simulation.scanner.measured_maps import vary_maps

SEGMENTS = 32
"""Number of straight pieces that approximate a loop."""

NODES = 28
"""Number of Chebyshev nodes along either side of the field of view."""

MEASURED = 0.25
"""Share of slices whose maps are measured ones, if there are any with enough coils."""

PLANES = 0.35
"""Share of the other slices with more than three coils whose loops lie in two planes."""


def draw_maps(
    shape: tuple[int, int], aspect: float, coils: int, measured: Sequence[Maps], rng: np.random.Generator
) -> Maps:
    """Draw what each coil receives from each pixel.

    Parameters
    ----------
    shape
        Pixels `(readout, phase)`.
    aspect
        Width of the field of view along phase divided by that along readout.
    coils
        Number of coils.
    measured
        Measured maps to choose from, complex64 `(coils, rows, columns)`; those with fewer coils are not used.
    rng
        Source of the geometry, and of the gain and phase of each channel.

    Returns
    -------
    ndarray
        complex64 `(coils, readout, phase)`; the largest root sum of squares over the coils is 1.
    """
    enough = [maps for maps in measured if len(maps) >= coils > 1]
    if enough and rng.random() < MEASURED:
        maps = vary_maps(enough[rng.integers(len(enough))], shape, coils, rng)
    else:
        width = rng.uniform(180, 400)
        maps = loop_maps(shape, (width, width * aspect), coils, rng)
    gain = rng.lognormal(0, 0.2, coils) * np.exp(2j * np.pi * rng.random(coils))
    maps = maps * gain[:, None, None].astype(np.complex64)
    largest = np.sqrt((np.abs(maps) ** 2).sum(0).max())
    normalised: Maps = (maps / largest).astype(np.complex64)
    return normalised


def loop_maps(
    shape: tuple[int, int], field_of_view: tuple[float, float], coils: int, rng: np.random.Generator
) -> Maps:
    """Compute the sensitivities of loops in a slice of random height.

    Parameters
    ----------
    shape
        Pixels `(readout, phase)`.
    field_of_view
        `(readout, phase)` in mm.
    coils
        Number of loops; a single coil is a birdcage of eight loops in quadrature.
    rng
        Source of the geometry.

    Returns
    -------
    ndarray
        complex64 `(coils, readout, phase)`.
    """
    arrange = arrange_in_planes if coils > 3 and rng.random() < PLANES else arrange_around
    loops = arrange(BIRDCAGE_LOOPS if coils == 1 else coils, field_of_view, rng)
    y, x = (chebyshev_nodes(NODES) * mm / 2 for mm in field_of_view)
    points = np.stack([*np.meshgrid(x, y), np.full((NODES, NODES), rng.uniform(-50, 50))]).reshape(3, -1)
    # Single precision is more than enough for maps to train on.
    received = receive(loops, points, SEGMENTS, torch.float32)
    if coils == 1:
        received = combine_birdcage(loops, received)
    rows, columns = (np.linspace(-1, 1, size) for size in shape)
    maps: Maps = interpolate(received.reshape(coils, NODES, NODES), rows, columns).astype(np.complex64)
    return maps
