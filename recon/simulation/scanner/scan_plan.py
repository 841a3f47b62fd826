"""Plans a simulated scan: draws its matrix, number of coils and sampling before anything is computed."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from recon.data.masks.kind import MaskKind
from recon.data.masks.sampling import Sampling
from recon.simulation.scanner.shares import HIGH_SNR, LOW_SNR, MANY_COILS, Shares

KINDS = (MaskKind.RANDOM, MaskKind.EQUISPACED, MaskKind.EQUISPACED_FRACTION)
PLANE_KINDS = (MaskKind.POISSON, MaskKind.CAIPI)

WIDEST, MOST_OVERSAMPLING = 1.5, 1.25
"""Largest excess of an object over the field of view along phase, and of a readout over the image, as factors."""

FARTHEST_ECHO = (0.2, 0.08)
"""Largest distance of an echo from the middle of readout and phase, in their lengths."""

LEAST_PARTIAL = 0.6
"""Smallest share of the lines that partial Fourier scans measure."""

REFERENCE = (16, 40)
"""Smallest and largest number of lines of a reference scan."""

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
    shares
        Shares of the scans with properties that not all have.
    """

    matrix: tuple[int, int] = (96, 384)
    coils: tuple[int, int] = (1, 32)
    snr: tuple[float, float] = (3, 500)
    accelerations: tuple[float, float] = (2, 10)
    center_fractions: tuple[float, float] = (0.03, 0.16)
    shares: Shares = field(default_factory=Shares)


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
    snr
        SNR as `coil_noise` defines it.
    sampling
        Kind, acceleration and centre fraction of the mask.
    plane
        Kind of a mask along both axes; None if the mask selects lines.
    partial
        Share of the lines that the scanner runs through; those at the end are left out.
    reference
        Number of lines of a separate reference scan; 0 if there is none.
    offset
        Samples of k-space by which the echo lies beside the middle, along readout and phase.
    """

    readout: int
    phase: int
    oversampled: int
    wider: int
    coils: int
    snr: float
    sampling: Sampling
    plane: MaskKind | None = None
    partial: float = 1.0
    reference: int = 0
    offset: tuple[int, int] = (0, 0)

    @classmethod
    def draw(cls, ranges: Ranges, rng: np.random.Generator) -> ScanPlan:
        """Draw a plan from the ranges."""
        shares = ranges.shares
        readout, phase = draw_matrix(ranges, rng)
        widening = rng.uniform(1, WIDEST) if rng.random() < shares.folded else 1
        oversampling = MOST_OVERSAMPLING if rng.random() < shares.oversampled else 1
        coils, snr = _receivers(ranges, rng)
        plane = PLANE_KINDS[rng.integers(2)] if rng.random() < shares.planes else None
        is_partial = rng.random() < shares.partial_fourier and plane is None
        farthest = [share * size for share, size in zip(FARTHEST_ECHO, (readout, phase), strict=True)]
        is_off_centre = rng.random() < shares.off_centre
        return cls(
            readout=readout,
            phase=phase,
            oversampled=2 * round(readout * oversampling / 2),
            wider=phase + 2 * round(phase * (widening - 1) / 2),
            coils=coils,
            snr=snr,
            sampling=draw_sampling(ranges, rng),
            plane=plane,
            partial=rng.uniform(LEAST_PARTIAL, 0.9) if is_partial else 1.0,
            reference=int(rng.integers(*REFERENCE, endpoint=True)) if rng.random() < shares.reference else 0,
            offset=(_whole(farthest[0], rng), _whole(farthest[1], rng)) if is_off_centre else (0, 0),
        )

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of k-space and target, rows of the mask, and whether there is a reference scan.

        Slices that agree in all but the first, the number of coils, can share a batch.
        """
        rows = 1 if self.plane is None else self.oversampled
        return self.coils, self.oversampled, self.phase, self.readout, self.phase, rows, int(self.reference > 0)


def draw_matrix(ranges: Ranges, rng: np.random.Generator) -> tuple[int, int]:
    """Draw a matrix `(readout, phase)` with even sides.

    The square favours small matrices: four of them cost as much as one twice as large.
    """
    smallest, largest = ranges.matrix
    sides = smallest * (largest / smallest) ** (rng.random(2) ** 2)
    readout, phase = (int(round((sides.mean() + side) / 4) * 2) for side in sides)
    return readout, phase


def _receivers(ranges: Ranges, rng: np.random.Generator) -> tuple[int, float]:
    """Draw the number of coils and the SNR; what a share asks for is limited to the ranges."""
    kind = rng.random()
    coils: tuple[float, float] = ranges.coils
    snr = ranges.snr
    if kind < ranges.shares.many_coils:
        coils, snr = _within(MANY_COILS, coils), _within(HIGH_SNR, snr)
    elif kind < ranges.shares.many_coils + ranges.shares.low_field:
        coils, snr = _within((1, 1), coils), _within(LOW_SNR, snr)
    return round(log_uniform(coils, rng)), log_uniform(snr, rng)


def _within(wanted: tuple[float, float], allowed: tuple[float, float]) -> tuple[float, float]:
    lower, upper = (min(max(end, allowed[0]), allowed[1]) for end in wanted)
    return lower, upper


def _whole(farthest: float, rng: np.random.Generator) -> int:
    return round(rng.uniform(-farthest, farthest))


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
