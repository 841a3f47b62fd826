"""Names the kinds of sampling masks."""

from __future__ import annotations

from enum import StrEnum


class MaskKind(StrEnum):
    """The way in which samples outside the centre are chosen.

    Along phase by fastMRI's names, one mask for all images: `random`, `equispaced`, `equispaced_fraction`, `magic`.

    `center` measures the rectangle about DC that shortens both axes by the root of the acceleration, `center_phase`
    the lines about DC: images of lower resolution, along both axes or along phase.

    `kt-equispaced` and `kt-random` measure other lines in every frame of a series.

    Along both axes, which are the phase encodings of a 3-D scan: `poisson` (random samples a distance apart, within
    an ellipse), `regular` (every n-th row and every m-th column) and `caipi` (shifted from row to row).
    """

    RANDOM = "random"
    EQUISPACED = "equispaced"
    EQUISPACED_FRACTION = "equispaced_fraction"
    MAGIC = "magic"
    CENTER = "center"
    CENTER_PHASE = "center_phase"
    KT_EQUISPACED = "kt-equispaced"
    KT_RANDOM = "kt-random"
    POISSON = "poisson"
    CAIPI = "caipi"
    REGULAR = "regular"


LINES = (MaskKind.RANDOM, MaskKind.EQUISPACED, MaskKind.EQUISPACED_FRACTION, MaskKind.MAGIC)
"""Kinds of fastMRI's, which draw lines outside the centre."""

CENTERS = (MaskKind.CENTER, MaskKind.CENTER_PHASE)
"""Kinds that measure nothing but the centre, for which nothing is drawn."""

SERIES = (MaskKind.KT_EQUISPACED, MaskKind.KT_RANDOM)
"""Kinds that draw the lines of each frame anew."""

STEPPED = (MaskKind.CAIPI, MaskKind.REGULAR)
"""Kinds that measure a lattice of samples, for which steps along both axes can be given."""

PLANES = (MaskKind.POISSON, *STEPPED)
"""Kinds that draw samples along both axes."""

WHOLE_STEPS = (MaskKind.EQUISPACED, MaskKind.MAGIC, MaskKind.KT_EQUISPACED, *STEPPED)
"""Kinds that measure every n-th line or sample and therefore need a whole acceleration."""

Seed = int | tuple[int, ...]
"""Seed of a random choice."""

Steps = tuple[int, int, int]
"""Steps of a lattice along readout and phase, and its shift along phase from one measured row to the next."""
