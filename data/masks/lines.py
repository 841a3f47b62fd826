"""Draws lines along phase with fastMRI's functions and seeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from recon.data.errors import InputError
from recon.data.masks.kind import WHOLE_STEPS, MaskKind

if TYPE_CHECKING:  # reading a file's header takes no torch
    from torch import Tensor

    from recon.data.masks.kind import Seed


def draw_lines(kind: MaskKind, phase: int, pairs: Sequence[tuple[float, float]], seed: Seed) -> Tensor:
    """Draw the mask of one of several pairs of acceleration and centre fraction, which the seed chooses.

    fastMRI takes the choice and the mask from one stream of random numbers.

    Parameters
    ----------
    kind
        Choice of the lines outside the centre, one of `LINES`.
    phase
        Number of phase-encoding lines.
    pairs
        Accelerations, and fully sampled fractions of the lines around DC.
    seed
        Seed of both choices.

    Returns
    -------
    Tensor
        bool `(phase,)`.

    Raises
    ------
    InputError
        If no such mask exists.
    """
    from fastmri.data.subsample import create_mask_for_mask_type  # noqa: PLC0415 - takes most of a second

    for acceleration, fraction in pairs:
        _check_center(kind, phase, acceleration, fraction)
    steps = [round(acceleration) if kind in WHOLE_STEPS else acceleration for acceleration, _ in pairs]
    function = create_mask_for_mask_type(kind, [fraction for _, fraction in pairs], steps)
    mask, _ = function((1, phase, 2), seed=seed)
    return mask.reshape(phase).bool()


def _check_center(kind: MaskKind, phase: int, acceleration: float, fraction: float) -> None:
    """Raise `InputError` if the centre leaves no other lines: fastMRI's function divides by their number."""
    center = round(phase * fraction)
    counted = {MaskKind.RANDOM: 1.0, MaskKind.EQUISPACED_FRACTION: acceleration}.get(kind, 0.0)
    if phase <= center * counted:
        raise InputError(
            f"a center of {center} of {phase} lines leaves no others at an acceleration of {acceleration:g}; lower "
            "one of them"
        )
