"""Measured coil maps, adapted to other scans: extended beyond the object, turned, cropped, their coils mixed."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn.functional import grid_sample

from recon.simulation.biot_savart import Maps


def vary_maps(maps: Maps, shape: tuple[int, int], coils: int, rng: np.random.Generator) -> Maps:
    """Turn, mirror and crop measured maps, and keep some of their coils or orthonormal mixtures of all.

    Parameters
    ----------
    maps
        complex64 `(all coils, rows, columns)`.
    shape
        Pixels `(readout, phase)`.
    coils
        Number of coils wanted; at most the number there are.
    rng
        Source of all these choices.

    Returns
    -------
    ndarray
        complex64 `(coils, readout, phase)`.
    """
    chosen = maps[rng.permutation(len(maps))[:coils]]
    if rng.random() < 0.5:
        mixing = rng.standard_normal((2, coils, len(maps)))
        unitary = np.linalg.qr((mixing[0] + 1j * mixing[1]).T)[0].T
        chosen = np.tensordot(unitary.astype(np.complex64), maps, 1)
    turned = np.rot90(chosen, int(rng.integers(4)), axes=(1, 2))
    turned = turned[:, :: int(rng.choice([-1, 1]))]
    size, (down, across) = rng.uniform(0.7, 1.0), rng.uniform(-1, 1, 2)
    y = size * torch.linspace(-1, 1, shape[0])[:, None] + (1 - size) * down
    x = size * torch.linspace(-1, 1, shape[1])[None, :] + (1 - size) * across
    grid = torch.stack([x.expand(shape), y.expand(shape)], dim=-1)[None]
    parts = torch.view_as_real(torch.from_numpy(np.ascontiguousarray(turned))).permute(3, 0, 1, 2)
    real, imaginary = (grid_sample(part[None], grid, align_corners=True)[0] for part in parts)
    varied: Maps = torch.complex(real, imaginary).numpy()
    return varied


def fill_maps(maps: Maps, rounds: int = 64) -> Maps:
    """Extend maps `(coils, rows, columns)` into the region where they are zero, by repeated averaging."""
    known = np.abs(maps).max(0) > 0
    full = maps.copy()
    for _ in range(rounds if not known.all() else 0):
        near = sum(np.roll(full, step, axis) for axis in (1, 2) for step in (-1, 1))
        count = sum(np.roll(known, step, axis).astype(np.float32) for axis in (0, 1) for step in (-1, 1))
        full = np.where(known, full, near / np.maximum(count, 1)).astype(np.complex64)
        known = known | (count > 0)
    return full
