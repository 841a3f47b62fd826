"""Defines the scores of a comparison, one per volume, method and acceleration, and how they are printed."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

BETTER: dict[str, Callable[[Iterable[float]], float]] = {
    "ssim": max,
    "psnr": max,
    "nmse": min,
    "ssim_foreground": max,
    "psnr_foreground": max,
    "detail_energy": partial(min, key=abs),
    "detail_correlation": max,
}
DECIMALS = {
    "ssim": 4,
    "psnr": 2,
    "nmse": 4,
    "ssim_foreground": 4,
    "psnr_foreground": 2,
    "detail_energy": 2,
    "detail_correlation": 3,
    "seconds": 2,
}
HEADINGS = {
    "ssim": "SSIM",
    "psnr": "PSNR [dB]",
    "nmse": "NMSE",
    "ssim_foreground": "SSIM object",
    "psnr_foreground": "PSNR object [dB]",
    "detail_energy": "detail energy [dB]",
    "detail_correlation": "detail correlation",
    "seconds": "time [s]",
}

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True)
class MethodScore:
    """Scores of one volume reconstructed by one method at one acceleration.

    Attributes
    ----------
    file
        Name of the raw-data file.
    acquisition
        Contrast, as the file's header names it.
    method
        Name under which the method is registered.
    acceleration
        Requested acceleration, or the measured one of a prospectively undersampled file.
    mask
        Kind of the sampling mask.
    center_fraction
        Fully sampled share of the lines.
    seed
        Seed of the sampling mask.
    ssim, psnr, nmse
        Metrics over the whole volume, PSNR in dB; NaN where the file has no target.
    ssim_foreground, psnr_foreground
        SSIM and PSNR over the object, see `score_foreground`; NaN where there is no target.
    detail_energy, detail_correlation
        Energy of fine detail over that of the target in dB, and its correlation, see `DetailMetrics`.
    seconds
        Time to reconstruct the volume.
    slices
        Number of reconstructed slices.
    noise_floor
        Floor to which images were brought: "full scan", or "none".
    """

    file: str
    acquisition: str
    method: str
    acceleration: float
    mask: str
    center_fraction: float
    seed: int
    ssim: float
    psnr: float
    nmse: float
    ssim_foreground: float
    psnr_foreground: float
    detail_energy: float
    detail_correlation: float
    seconds: float
    slices: int
    noise_floor: str

    @property
    def scored(self) -> bool:
        """Whether the volume had a target and was reconstructed."""
        return not math.isnan(self.ssim)


def partition(items: Iterable[T], key: Callable[[T], K]) -> dict[K, list[T]]:
    """Group items into lists by their key; keys and items stay in order of appearance."""
    parts: dict[K, list[T]] = {}
    for item in items:
        parts.setdefault(key(item), []).append(item)
    return parts


def format_number(metric: str, value: float) -> str:
    """Format a score with the number of decimals of its metric."""
    return "-" if math.isnan(value) else f"{value:.{DECIMALS[metric]}f}"
