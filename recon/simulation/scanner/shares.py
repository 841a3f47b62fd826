"""How many of the simulated scans have each property that not all scans have."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Shares:
    """Shares of the scans, from 0 to 1, each drawn independently of the others.

    Attributes
    ----------
    mixed, deformed, synthetic, lesions, implants
        Objects mixed from two slices, deformed elastically, with tissues of unrelated brightness, with lesions, and
        with implants or other small objects.
    folded
        Objects that may exceed the field of view along phase and then fold into it.
    oversampled
        Readouts longer than the image.
    ghosted
        Scans with a Nyquist ghost.
    off_centre
        Scans whose echo lies beside the middle of k-space before it is moved there.
    reference
        Scans with a separate reference scan, from which the coil maps then come.
    many_coils
        Scans of `MANY_COILS` coils with `HIGH_SNR`, where the ranges allow it.
    low_field
        Scans of one coil with `LOW_SNR`, where the ranges allow it.
    planes
        Scans with two phase axes, undersampled by Poisson discs or CAIPI patterns.
    partial_fourier
        Scans of one phase axis with the lines of one side left out.
    """

    mixed: float = 0.15
    deformed: float = 0.4
    synthetic: float = 0.15
    lesions: float = 0.3
    implants: float = 0.1
    folded: float = 0.25
    oversampled: float = 0.05
    ghosted: float = 0.08
    off_centre: float = 0.2
    reference: float = 0.1
    many_coils: float = 0.12
    low_field: float = 0.08
    planes: float = 0.08
    partial_fourier: float = 0.1


PLAIN = Shares(*[0.0] * 14)
"""Scans without any of these properties."""

MANY_COILS, HIGH_SNR = (16, 32), (100, 1000)
"""Number of coils of scans with many of them, and their SNR."""

LOW_SNR = (3, 15)
"""SNR of scans at low field."""
