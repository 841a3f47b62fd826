"""Sampling masks along phase: fastMRI's own, with fastMRI's seeds, as boolean tensors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import torch
from fastmri.data.subsample import (
    EquispacedMaskFractionFunc,
    EquiSpacedMaskFunc,
    MagicMaskFunc,
    MaskFunc,
    RandomMaskFunc,
)
from torch import Tensor

from recon.data.acquisition import Acquisition
from recon.data.errors import InputError


class MaskKind(StrEnum):
    """How the lines outside the centre are chosen, as fastMRI names it."""

    RANDOM = "random"
    EQUISPACED = "equispaced"
    EQUISPACED_FRACTION = "equispaced_fraction"
    MAGIC = "magic"


_FUNCTIONS: dict[MaskKind, type[MaskFunc]] = {
    MaskKind.RANDOM: RandomMaskFunc,
    MaskKind.EQUISPACED: EquiSpacedMaskFunc,
    MaskKind.EQUISPACED_FRACTION: EquispacedMaskFractionFunc,
    MaskKind.MAGIC: MagicMaskFunc,
}
_WHOLE_STEPS = {MaskKind.EQUISPACED, MaskKind.MAGIC}


def default_center_fraction(acceleration: float) -> float:
    """Fully sampled share of the lines: fastMRI's 0.08 at 4x and 0.04 at 8x, in proportion elsewhere."""
    return 0.32 / acceleration


@dataclass(frozen=True)
class Sampling:
    """How a fully sampled scan is undersampled: as fastMRI does for validation, one mask for all slices of a file.

    Attributes
    ----------
    kind
        How the lines outside the centre are chosen.
    acceleration
        Lines over measured lines.
    center_fraction
        Share of the lines, about DC, that are all measured.
    seed
        0 for the masks that fastMRI draws for the same file names, any other number for other masks.
    """

    kind: MaskKind
    acceleration: float
    center_fraction: float
    seed: int = 0

    def __call__(self, acquisition: Acquisition) -> Acquisition:
        """Undersample; what lies in the zero padding does not count as measured."""
        phase = acquisition.matrix[1]
        seed = seed_of(acquisition.name, self.seed)
        mask = sample_mask(self.kind, phase, self.acceleration, self.center_fraction, seed)
        return acquisition.undersample(mask.to(acquisition.mask.device))


def seed_of(name: str, seed: int = 0) -> tuple[int, ...]:
    """Seed of the mask of the file called `name`: fastMRI's validation seed for 0, another mask for each other."""
    letters = tuple(map(ord, name))
    return (*letters, seed) if seed else letters


def sample_mask(
    kind: MaskKind,
    phase: int,
    acceleration: float,
    center_fraction: float,
    seed: int | tuple[int, ...],
) -> Tensor:
    """Draw a mask.

    Parameters
    ----------
    kind
        How to choose the lines outside the centre.
    phase
        Number of phase-encoding lines.
    acceleration
        Lines over measured lines; `equispaced` and `magic` measure the centre on top of every n-th line.
    center_fraction
        Share of the lines, about DC, that are all measured.
    seed
        Of the random choice.

    Returns
    -------
    Tensor
        bool `(phase,)`.

    Raises
    ------
    InputError
        If no such mask exists.
    """
    return draw_mask((Sampling(kind, acceleration, center_fraction),), phase, seed)


def draw_mask(samplings: Sequence[Sampling], phase: int, seed: int | tuple[int, ...]) -> Tensor:
    """Draw one of several samplings and then its mask, from one stream of random numbers, as fastMRI does.

    Parameters
    ----------
    samplings
        Each as likely as any other. Their own seeds are not used.
    phase
        Number of phase-encoding lines.
    seed
        Of both choices; `draw_sampling` tells which sampling it was.

    Returns
    -------
    Tensor
        bool `(phase,)`.

    Raises
    ------
    InputError
        If no such mask exists.
    """
    for sampling in samplings:
        check_sampling(sampling.kind, sampling.acceleration, sampling.center_fraction)
        _check_center(sampling, phase)
    kinds = {sampling.kind for sampling in samplings}
    kind = kinds.pop() if len(kinds) == 1 else draw_sampling(samplings, seed).kind
    mask, _ = _function(kind, samplings)((1, phase, 2), seed=seed)
    return mask.reshape(phase).bool()


def draw_sampling(samplings: Sequence[Sampling], seed: int | tuple[int, ...]) -> Sampling:
    """Choose the sampling that fastMRI chooses for this seed."""
    if len(samplings) == 1:
        return samplings[0]
    return samplings[np.random.RandomState(seed).randint(len(samplings))]


def center_lines(mask: Tensor) -> slice:
    """Find the run of measured lines about DC.

    Parameters
    ----------
    mask
        bool `(phase,)` or `(readout, phase)`; of the latter a line counts if it is measured in full.

    Returns
    -------
    slice
        Of the phase axis; empty if the line at DC was not measured.
    """
    lines = mask if mask.ndim == 1 else mask.all(dim=0)
    missing = torch.nonzero(~lines).flatten()
    center = lines.numel() // 2
    below, above = missing[missing <= center], missing[missing >= center]
    first = int(below[-1]) + 1 if below.numel() else 0
    last = int(above[0]) if above.numel() else lines.numel()
    return slice(min(first, center), max(last, min(first, center))) if lines[center] else slice(center, center)


def check_sampling(kind: MaskKind, acceleration: float, center_fraction: float) -> None:
    """Raise `InputError` if there is no such mask."""
    if not 1 <= acceleration < math.inf:
        raise InputError(f"acceleration {acceleration:g} is not a number from 1 on")
    if not 0 <= center_fraction <= 1:
        raise InputError(f"center fraction {center_fraction:g} is not between 0 and 1")
    if kind in _WHOLE_STEPS and acceleration != round(acceleration):
        raise InputError(f"a mask of kind {kind} needs a whole acceleration, not {acceleration:g}")
    if kind not in _WHOLE_STEPS and center_fraction * acceleration > 1:
        raise InputError(
            f"a center fraction of {center_fraction:g} alone measures more lines than an acceleration of "
            f"{acceleration:g} allows; lower one of them"
        )


def _check_center(sampling: Sampling, phase: int) -> None:
    """Raise `InputError` if the centre leaves no line to the rest: fastMRI's function divides by their number."""
    center = round(phase * sampling.center_fraction)
    counted = {MaskKind.RANDOM: 1.0, MaskKind.EQUISPACED_FRACTION: sampling.acceleration}.get(sampling.kind, 0.0)
    if phase <= center * counted:
        raise InputError(
            f"a center of {center} of {phase} lines leaves none to the rest at an acceleration of "
            f"{sampling.acceleration:g}; lower one of them"
        )


def _function(kind: MaskKind, samplings: Sequence[Sampling]) -> MaskFunc:
    """Make fastMRI's mask function for all samplings, because its choice uses up random numbers before the mask."""
    fractions = [sampling.center_fraction for sampling in samplings]
    return _FUNCTIONS[kind](fractions, list(map(_step, samplings)), seed=0)  # each call brings a seed of its own


def _step(sampling: Sampling) -> float:
    """Acceleration as fastMRI's function wants it: every n-th line needs a whole number."""
    return round(sampling.acceleration) if sampling.kind in _WHOLE_STEPS else sampling.acceleration
