"""Smooth random functions of space, which make every head different and fold its cortex."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from einops import rearrange
from torch.nn.functional import grid_sample

Array = npt.NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class RandomField:
    """A periodic function of space, given on a cubic lattice and interpolated linearly between its nodes.

    Attributes
    ----------
    nodes
        float32 `(channels, size, size, size)`, the last three axes along x, y and z.
    spacing
        Distance between nodes in mm.
    """

    nodes: Array
    spacing: float

    @cached_property
    def _closed(self) -> torch.Tensor:
        """Lattice with its first planes repeated after its last: `(1, channels, x, y, z)`."""
        return torch.from_numpy(np.pad(self.nodes, ((0, 0), (0, 1), (0, 1), (0, 1)), mode="wrap"))[None]

    def __call__(self, points: Array) -> Array:
        """Interpolate at points `(3, n)` in mm; returns `(channels, n)`."""
        periods = points / (self.spacing * self.nodes.shape[-1])
        return _interpolate(self._closed, periods - np.floor(periods))


def smooth_field(rng: np.random.Generator, scale: float, channels: int = 1, size: int = 32) -> RandomField:
    """Draw Gaussian fields of mean 0 and variance 1 with correlation `exp(-|x - y|^2 / (4 scale^2))`.

    Parameters
    ----------
    rng
        Source of the random values.
    scale
        Length scale of the correlation in mm.
    channels
        Number of independent fields.
    size
        Number of nodes per axis; the field repeats after `size * scale / 2` mm.
    """
    spacing = scale / 2
    nodes = _filtered_noise(rng, (channels, size), lambda k: np.exp(-((k * scale / spacing) ** 2) / 2))
    return RandomField(nodes, spacing)


def sheet_distance(rng: np.random.Generator, spacing: float, size: int = 64) -> RandomField:
    """Draw winding sheets about `spacing` mm apart, and return the distance to them.

    The sheets are the zeros of a Gaussian field g whose spectrum is a shell of wavelength `2 spacing`; they wind as
    a cortex does. To first order the distance to them is `g / |grad g|`, which is accurate where it is small.

    Parameters
    ----------
    rng
        Source of the random values.
    spacing
        Distance between neighbouring sheets, in mm.
    size
        Number of nodes per axis, a quarter of `spacing` apart.

    Returns
    -------
    RandomField
        One channel: signed distance in mm, at most `spacing`.
    """
    step, shell = spacing / 4, math.pi / 4
    (field,) = _filtered_noise(rng, (1, size), lambda k: np.exp(-(((k / shell - 1) / 0.25) ** 2) / 2))
    # A central difference underestimates the slope of a wave of this length by sin(k)/k.
    length = 2 * step * math.sin(shell) / shell
    slopes = [(np.roll(field, -1, axis) - np.roll(field, 1, axis)) / length for axis in range(3)]
    steepness = np.maximum(np.linalg.norm(slopes, axis=0), 1e-3 / step)
    return RandomField(np.clip(field / steepness, -spacing, spacing)[None], step)


def _filtered_noise(rng: np.random.Generator, shape: tuple[int, int], gain: Callable[[Array], Array]) -> Array:
    """Filter white noise by wavenumber in radians per node; returns `(channels, size, size, size)` of variance 1."""
    channels, size = shape
    white = rng.standard_normal((channels, size, size, size), dtype=np.float32)
    full, half = 2 * np.pi * np.fft.fftfreq(size), 2 * np.pi * np.fft.rfftfreq(size)
    wavenumber = np.sqrt(full[:, None, None] ** 2 + full[:, None] ** 2 + half**2)
    spectrum = np.fft.rfftn(white, axes=(1, 2, 3)) * gain(wavenumber)
    field = np.fft.irfftn(spectrum, s=(size, size, size), axes=(1, 2, 3))
    return (field / field.std((1, 2, 3), keepdims=True)).astype(np.float32)


def _interpolate(closed: torch.Tensor, periods: Array) -> Array:
    """Interpolate a lattice `(1, channels, x, y, z)` at points `(3, n)` given as fractions of its sides."""
    grid = rearrange(torch.from_numpy(2 * periods[::-1] - 1), "xyz n -> 1 1 1 n xyz")
    values = grid_sample(closed, grid, mode="bilinear", padding_mode="border", align_corners=True)
    interpolated: Array = rearrange(values, "1 channels 1 1 n -> channels n").numpy()
    return interpolated
