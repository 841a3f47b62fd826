"""Plans a simulated scan: draws its matrix, number of coils and sampling before anything is computed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recon.data.masks import MaskKind, Sampling

KINDS = (MaskKind.RANDOM, MaskKind.EQUISPACED, MaskKind.EQUISPACED_FRACTION)

FOLDED, WIDEST = 0.2, 1.35
"""Share of scans whose object may exceed the field of view along phase, and the largest excess as a factor."""

OVERSAMPLED, MOST_OVERSAMPLING = 0.15, 1.25
"""Share of scans whose readout is longer than the image, and the largest factor."""

MOST_CENTER = 0.9
"""Largest share of the measured lines that the centre may take."""


@dataclass(frozen=True)
class Ranges:
    """Ranges from which simulated scans are drawn.

    Attributes
    ----------
    matrix
        Smallest and largest side of the matrix; small ones are drawn more often.
    coils, snr
        Number of coils and SNR as `coil_noise` defines it, drawn uniformly in the logarithm.
    accelerations, center_fractions
        Acceleration and centre fraction of the masks, drawn uniformly in the logarithm.
    """

    matrix: tuple[int, int] = (96, 384)
    coils: tuple[int, int] = (1, 32)
    snr: tuple[float, float] = (4, 200)
    accelerations: tuple[float, float] = (2, 10)
    center_fractions: tuple[float, float] = (0.03, 0.16)


@dataclass(frozen=True)
class ScanPlan:
    """Shapes and sampling of a scan, known before it is simulated, so that slices can be sorted by shape.

    Attributes
    ----------
    readout, phase
        Rows and columns of the image; `phase` is also the number of lines of k-space.
    oversampled
        Samples along the readout.
    wider
        Columns over which the object may extend; what exceeds `phase` folds back.
    coils
        Number of coils.
    sampling
        Kind, acceleration and centre fraction of the mask.
    """

    readout: int
    phase: int
    oversampled: int
    wider: int
    coils: int
    sampling: Sampling

    @classmethod
    def draw(cls, ranges: Ranges, rng: np.random.Generator) -> ScanPlan:
        """Draw a matrix, the number of coils and the sampling."""
        smallest, largest = ranges.matrix
        # The square favours small matrices: four of them cost as much as one twice as large.
        sides = smallest * (largest / smallest) ** (rng.random(2) ** 2)
        mean = sides.mean()
        readout, phase = (int(round((mean + side) / 4) * 2) for side in sides)
        widening = rng.uniform(1, WIDEST) if rng.random() < FOLDED else 1
        oversampling = rng.uniform(1, MOST_OVERSAMPLING) if rng.random() < OVERSAMPLED else 1
        return cls(
            readout=readout,
            phase=phase,
            oversampled=2 * round(readout * oversampling / 2),
            wider=phase + 2 * round(phase * (widening - 1) / 2),
            coils=round(log_uniform(ranges.coils, rng)),
            sampling=draw_sampling(ranges, rng),
        )

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of k-space followed by that of the target: `(coils, oversampled, phase, readout, phase)`."""
        return self.coils, self.oversampled, self.phase, self.readout, self.phase


def draw_sampling(ranges: Ranges, rng: np.random.Generator) -> Sampling:
    """Draw the kind of mask, an acceleration, and a centre that leaves some lines for the rest."""
    kind = KINDS[rng.integers(len(KINDS))]
    acceleration = log_uniform(ranges.accelerations, rng)
    if kind == MaskKind.EQUISPACED:
        acceleration = float(round(acceleration))
    lower, upper = ranges.center_fractions
    return Sampling(kind, acceleration, log_uniform((lower, min(upper, MOST_CENTER / acceleration)), rng))


def log_uniform(ends: tuple[float, float], rng: np.random.Generator) -> float:
    """Draw a number between two ends, uniformly in the logarithm."""
    return float(np.exp(rng.uniform(np.log(ends[0]), np.log(ends[1]))))
