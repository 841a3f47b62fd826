"""Checks the trajectories that readouts store: those of a Cartesian scan are parallel, straight, of one direction."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recon.data.errors import InputError
from recon.data.formats.unread import CORRECT_FIRST, GRID_FIRST

Floats = NDArray[np.float32]

LEAST_PARALLEL = 0.99
"""Smallest cosine of the angle between parallel readouts."""

MOST_CURVED = 1.2
"""Largest length of a straight readout relative to the distance between its ends."""


def check_trajectories(path: Path, trajectories: list[Floats]) -> None:
    """Refuse an image whose readouts store the trajectory of another scan than a Cartesian one.

    Parameters
    ----------
    path
        Source of the readouts, for messages.
    trajectories
        Position in k-space of every sample of each readout, `(samples, dimensions)`.

    Raises
    ------
    InputError
        If readouts are curved, not parallel, or of alternating direction.
    """
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        steps = [readout[-1] - readout[0] for readout in trajectories if len(readout) > 1]
        chords = [float(np.linalg.norm(step)) for step in steps]
        lengths = [
            float(np.linalg.norm(np.diff(readout, axis=0), axis=1).sum())
            for readout in trajectories
            if len(readout) > 1
        ]
        cosines = [
            float(steps[0] @ step / (chords[0] * chord))
            for step, chord in zip(steps, chords, strict=True)
            if len(step) == len(steps[0]) and 0 < chords[0] * chord < np.inf
        ]
    what, way = None, GRID_FIRST
    if any(length > MOST_CURVED * chord for length, chord in zip(lengths, chords, strict=True)):
        what = "are curved (spiral)"
    elif any(abs(cosine) < LEAST_PARALLEL for cosine in cosines):
        what = "are not parallel (radial)"
    elif any(cosine < 0 for cosine in cosines):
        what, way = "have alternating direction (EPI) and need a phase correction", CORRECT_FIRST
    if what:
        raise InputError(
            f"{path}: its readouts {what} by the trajectories that they store; only Cartesian scans are read; {way}"
        )
