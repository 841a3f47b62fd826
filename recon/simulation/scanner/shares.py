"""Shares of the simulated scans that have each of the optional properties."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]


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

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", allow_inf_nan=False)

    mixed: Share = 0.15
    deformed: Share = 0.4
    synthetic: Share = 0.15
    lesions: Share = 0.3
    implants: Share = 0.1
    folded: Share = 0.25
    oversampled: Share = 0.05
    ghosted: Share = 0.08
    off_centre: Share = 0.2
    reference: Share = 0.1
    many_coils: Share = 0.12
    low_field: Share = 0.08
    planes: Share = 0.08
    partial_fourier: Share = 0.1


PLAIN = Shares(**{share.name: 0.0 for share in fields(Shares)})
"""Scans without any of these properties."""

MANY_COILS, HIGH_SNR = (16, 32), (100, 1000)
"""Number of coils of scans with many of them, and their SNR."""

LOW_SNR = (3, 15)
"""SNR of scans at low field."""
