"""Names the kinds of sampling masks."""

from __future__ import annotations

from enum import StrEnum


class MaskKind(StrEnum):
    """The way in which samples outside the centre are chosen.

    Along phase by fastMRI's names, one mask for all images: `random`, `equispaced`, `equispaced_fraction`, `magic`.

    `center` measures the rectangle about DC that shortens both axes by the root of the acceleration, `center_phase`
    the lines about DC: images of lower resolution, along both axes or along phase.

    `kt-equispaced` and `kt-random` measure other lines in every frame of a series.
    """

    RANDOM = "random"
    EQUISPACED = "equispaced"
    EQUISPACED_FRACTION = "equispaced_fraction"
    MAGIC = "magic"
    CENTER = "center"
    CENTER_PHASE = "center_phase"
    KT_EQUISPACED = "kt-equispaced"
    KT_RANDOM = "kt-random"


LINES = (MaskKind.RANDOM, MaskKind.EQUISPACED, MaskKind.EQUISPACED_FRACTION, MaskKind.MAGIC)
"""Kinds of fastMRI's, which draw lines outside the centre."""

CENTERS = (MaskKind.CENTER, MaskKind.CENTER_PHASE)
"""Kinds that measure nothing but the centre, for which nothing is drawn."""

SERIES = (MaskKind.KT_EQUISPACED, MaskKind.KT_RANDOM)
"""Kinds that draw the lines of each frame anew."""

WHOLE_STEPS = (MaskKind.EQUISPACED, MaskKind.MAGIC, MaskKind.KT_EQUISPACED)
"""Kinds that measure every n-th line and therefore need a whole acceleration."""

Seed = int | tuple[int, ...]
"""Seed of a random choice."""
