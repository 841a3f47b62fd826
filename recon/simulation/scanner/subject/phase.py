"""Draws the phase of an image: smooth everywhere, with steps at fat and bends near air."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from recon.simulation.scanner.random_fields import coordinates, smooth_plane

STEPPED, AIRY = 0.3, 0.4
"""Share of images with a phase step at fat, and share with a bend near air."""


def smooth_phase(shape: tuple[int, int], rng: np.random.Generator, device: torch.device) -> Tensor:
    """Draw the sum of a constant, a tilt, a bowl and waves, in radians `(rows, columns)`."""
    y, x = coordinates(shape, device)
    constant = rng.uniform(-math.pi, math.pi)
    tilt, bowl = rng.normal(0, 1.2, 2), rng.normal(0, 0.8, 3)
    low_order = tilt[0] * y + tilt[1] * x + bowl[0] * y * y + bowl[1] * x * x + bowl[2] * x * y
    waves = rng.uniform(0.1, 0.8) * smooth_plane(shape, int(rng.integers(4, 9)), rng, device)
    return constant + low_order + waves


def fat_phase(image: Tensor, rng: np.random.Generator) -> Tensor:
    """Draw a phase in radians where the brightness lies in a random band, as chemical shift causes in fat."""
    lower = rng.uniform(0.3, 0.9)
    inside = ((image > lower) & (image < lower + 0.4)).float()
    return rng.uniform(-math.pi, math.pi) * _blur(inside, 3)


def air_phase(image: Tensor, rng: np.random.Generator) -> Tensor:
    """Draw a phase in radians near air, within about a tenth of the image, as susceptibility causes."""
    air = (image < 0.08).float()
    window = 2 * (min(image.shape) // 20) + 1
    return rng.normal(0, 2.5) * _blur(_blur(air, window), window) * (1 - air)


def echo_ramp(shape: tuple[int, int], cycles: tuple[float, float], device: torch.device) -> Tensor:
    """Return phase factors, complex `(rows, columns)`, of so many cycles over rows and columns.

    They move the echo by one sample of k-space per cycle, where a sample is one over the field of view.
    """
    angles = [
        torch.arange(size, dtype=torch.float64, device=device) * (2 * math.pi * count / size)
        for size, count in zip(shape, cycles, strict=True)
    ]
    angle = (angles[0][:, None] + angles[1][None, :]).float()
    return torch.polar(torch.ones_like(angle), angle)


def vary_phase(image: Tensor, rng: np.random.Generator) -> Tensor:
    """Add a random phase to a magnitude image, real `(rows, columns)`; returns complex of the same shape."""
    phase = smooth_phase((image.shape[0], image.shape[1]), rng, image.device)
    if rng.random() < STEPPED:
        phase = phase + fat_phase(image, rng)
    if rng.random() < AIRY:
        phase = phase + air_phase(image, rng)
    return torch.polar(image, phase)


def _blur(image: Tensor, window: int) -> Tensor:
    """Average `(rows, columns)` over a square of odd width; beyond the border nothing counts.

    Differences of running sums cost the same for every width.
    """
    return _running_mean(_running_mean(image, window).T, window).T


def _running_mean(image: Tensor, window: int) -> Tensor:
    """Average `(rows, columns)` along columns."""
    size, reach = image.shape[-1], window // 2
    sums = pad(image.double().cumsum(-1), (1, 0))
    places = torch.arange(size, device=image.device)
    last, first = (places + reach + 1).clamp(max=size), (places - reach).clamp(min=0)
    return ((sums[:, last] - sums[:, first]) / (last - first)).to(image.dtype)
