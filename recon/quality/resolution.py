"""Measures the resolution of an image by bands of its k-space, and by the blur of a slanted edge."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from recon.fourier import fft

EDGES = (0.0, 0.25, 0.5, 0.6, 0.7, 0.85, 1.0)
"""Default bounds of the bands, as shares of the radius: of half the matrix along each axis."""

NOTHING = 1e-9
"""Share of the target's power up to which an image holds nothing but rounding errors."""

FINER = 4
"""Number of bins of a slanted edge's profile for each pixel."""


FLAT = 0.3
"""Share of a row's steepest slope up to which slopes count as noise or ringing, not as the edge."""


@dataclass(frozen=True)
class Band:
    """Agreement of an image with its target in a band of k-space.

    Attributes
    ----------
    inner, outer
        Bounds of the band: radii `[inner, outer)` of k-space, 1 at the end of each axis.
    error
        Power of the difference from the target over that of the target, in dB: 0 dB where the image holds nothing.
    correlation
        Cosine of the angle between image and target, between -1 and 1: 0 if they have nothing in common.
    energy
        Power of the image over that of the target, in dB.
    """

    inner: float
    outer: float
    error: float
    correlation: float
    energy: float


def bands(image: Tensor, target: Tensor, edges: Sequence[float] = EDGES) -> list[Band]:
    """Compare an image with its target in bands of k-space; the corners beyond the last radius are left out.

    Parameters
    ----------
    image, target
        real or complex `(..., rows, columns)`; the powers of all slices are added.
    edges
        Increasing bounds of the bands.

    Returns
    -------
    list of Band
        One for each pair of neighbouring bounds; NaN where the target holds nothing.
    """
    spectrum, truth = fft(image.to(torch.complex128)), fft(target.to(torch.complex128))
    rows, columns = ((torch.arange(size, device=image.device) - size // 2) / (size / 2) for size in image.shape[-2:])
    radius = torch.hypot(rows[:, None], columns[None, :])
    return [_band(spectrum, truth, radius, inner, outer) for inner, outer in pairwise(edges)]


def _band(spectrum: Tensor, truth: Tensor, radius: Tensor, inner: float, outer: float) -> Band:
    inside = (radius >= inner) & (radius < outer)
    found, expected = spectrum[..., inside], truth[..., inside]
    power, own = float(expected.abs().square().sum()), float(found.abs().square().sum())
    if not power:
        return Band(inner, outer, math.nan, math.nan, math.nan)
    common = float((found * expected.conj()).real.sum())
    return Band(
        inner,
        outer,
        error=_decibels(float((found - expected).abs().square().sum()) / power),
        correlation=common / math.sqrt(power * own) if own > NOTHING * power else 0.0,
        energy=_decibels(own / power),
    )


def _decibels(ratio: float) -> float:
    return 10 * math.log10(ratio) if ratio > 0 else -math.inf


def slanted_edge_mtf(region: Tensor) -> tuple[Tensor, Tensor]:
    """Measure the modulation transfer function from a slightly slanted edge (ISO 12233).

    The edge is found row by row as the centroid of the derivative, and fitted by a straight line. The distances of
    all pixels to it sample the edge's profile four times as densely as the pixels do. The transfer function is the
    magnitude of the Fourier transform of the profile's derivative, under a Hann window about the edge.

    Parameters
    ----------
    region
        real `(rows, columns)`: a part of an image that one edge crosses from the first to the last row, off the
        vertical by some degrees.

    Returns
    -------
    tuple of Tensor
        Frequencies, cycles per pixel across the edge from 0 to 1, and the transfer function there, 1 at zero.

    Raises
    ------
    ValueError
        If the region holds no edge.
    """
    values = region.to(torch.float64)
    rows, columns = values.shape
    across, down = torch.arange(columns, dtype=torch.float64), torch.arange(rows, dtype=torch.float64)
    slope, offset = _edge(values, across, down)
    distance = (across[None, :] - offset - slope * down[:, None]) / math.hypot(1, slope)
    reach = float(min(-distance[:, 0].amax(), distance[:, -1].amin()))
    if not reach > 1:
        raise ValueError("no edge crosses the region from its first to its last row")
    count = 2 * int(reach * FINER)
    bins = (distance * FINER).floor().long() + count // 2
    inside = (bins >= 0) & (bins < count)
    sums, hits = (
        torch.zeros(count, dtype=torch.float64).index_add_(0, bins[inside], weights)
        for weights in (values[inside], torch.ones(int(inside.sum()), dtype=torch.float64))
    )
    profile = _without_gaps(sums, hits)
    spread = (profile[2:] - profile[:-2]) * torch.hann_window(count - 2, periodic=False, dtype=torch.float64)
    transfer = torch.fft.rfft(spread).abs()
    frequencies = torch.fft.rfftfreq(len(spread), 1 / FINER, dtype=torch.float64)
    # The central difference, over two bins, is itself a low pass; its transfer function is divided out.
    differences = torch.sinc(2 * frequencies / FINER)
    shown = frequencies <= 1
    return frequencies[shown], (transfer / transfer[0] / differences)[shown]


def frequency_at(frequencies: Tensor, mtf: Tensor, level: float = 0.5) -> float:
    """Return the frequency at which a transfer function, `(frequencies,)`, first falls to a level; else NaN."""
    below = (mtf < level).nonzero().flatten()
    if not len(below) or int(below[0]) == 0:
        return math.nan
    last = int(below[0])
    (before, after), (lower, upper) = mtf[last - 1 : last + 1].tolist(), frequencies[last - 1 : last + 1].tolist()
    return float(lower + (upper - lower) * (before - level) / (before - after))


def _edge(values: Tensor, across: Tensor, down: Tensor) -> tuple[float, float]:
    """Return slope and offset of the line `column = offset + slope row` through the centroids of the derivative."""
    steep = (values[:, 1:] - values[:, :-1]).abs()
    steep = (steep - FLAT * steep.amax(1, keepdim=True)).clamp(min=0)
    weights = steep.sum(1)
    if not (weights > 0).all():
        raise ValueError("a row of the region holds no edge")
    places = (steep * (across[1:] - 0.5)).sum(1) / weights
    slope = float(((down - down.mean()) * (places - places.mean())).sum() / (down - down.mean()).square().sum())
    return slope, float(places.mean() - slope * down.mean())


def _without_gaps(sums: Tensor, hits: Tensor) -> Tensor:
    """Return the mean of each bin; empty ones take the mean of the nearest filled ones on either side."""
    filled = hits.nonzero().flatten()
    means = sums[filled] / hits[filled]
    places = torch.arange(len(sums))
    after = torch.searchsorted(filled, places).clamp(max=len(filled) - 1)
    before = (torch.searchsorted(filled, places, right=True) - 1).clamp(min=0)
    width = (filled[after] - filled[before]).clamp(min=1)
    share = ((places - filled[before]) / width).clamp(0, 1)
    return means[before] * (1 - share) + means[after] * share
