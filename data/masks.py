"""Draws sampling masks, along phase with fastMRI's functions and seeds, and finds the mask of measured k-space."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

import numpy as np

from recon.data.acquisition import Acquisition
from recon.data.errors import InputError

if TYPE_CHECKING:  # reading a file's header takes no torch
    from numpy.typing import NDArray
    from torch import Tensor

    Mask = TypeVar("Mask", Tensor, NDArray[np.bool_])


class MaskKind(StrEnum):
    """The way in which lines outside the centre are chosen, by fastMRI's names; or the centre alone.

    `center` measures the rectangle about DC that shortens both axes by the root of the acceleration, `center_phase`
    the lines about DC: images of lower resolution, along both axes or along phase.
    """

    RANDOM = "random"
    EQUISPACED = "equispaced"
    EQUISPACED_FRACTION = "equispaced_fraction"
    MAGIC = "magic"
    CENTER = "center"
    CENTER_PHASE = "center_phase"


CENTERS = {MaskKind.CENTER, MaskKind.CENTER_PHASE}
"""Kinds that measure nothing but the centre, for which nothing is drawn."""

DRAWN = tuple(kind for kind in MaskKind if kind not in CENTERS)
"""Kinds of fastMRI's, which draw lines outside the centre."""

WHOLE = (1.0, 1.0)
"""Factors of a scan that is not limited to its centre."""

_WHOLE_STEPS = {MaskKind.EQUISPACED, MaskKind.MAGIC}
"""Kinds that measure every n-th line and therefore need a whole acceleration."""

ZEROS_BY_CHANCE = 0.01
"""Fraction of measured samples that may be zero by chance, as with one coil and few bits per sample."""


def default_center_fraction(acceleration: float, kind: MaskKind = MaskKind.RANDOM) -> float:
    """Return fastMRI's fully sampled fraction of the lines: 0.08 at 4x, 0.04 at 8x, in proportion elsewhere.

    Of masks that measure nothing but the centre, it is the fraction of the lines in it.
    """
    return 1 / _center_factors(kind, acceleration)[1] if kind in CENTERS else 0.32 / acceleration


@dataclass(frozen=True)
class Sampling:
    """Undersample a fully sampled scan as fastMRI does for validation: one mask for all slices of a file.

    Attributes
    ----------
    kind
        Choice of the lines outside the centre.
    acceleration
        Number of lines over number of measured lines.
    center_fraction
        Fully sampled fraction of the lines around DC.
    seed
        0 for the masks that fastMRI draws for the same file names, any other number for other masks.
    within
        Factors by which the region that the mask applies to is shorter than readout and phase; it lies about DC, and
        nothing is measured outside. Acceleration and centre fraction are those of the region.
    """

    kind: MaskKind
    acceleration: float
    center_fraction: float
    seed: int = 0
    within: tuple[float, float] = WHOLE

    def __call__(self, acquisition: Acquisition) -> Acquisition:
        """Undersample a scan; columns in its zero padding stay unmeasured."""
        mask = self.mask(acquisition.matrix, seed_of(acquisition.name, self.seed))
        return acquisition.undersample(mask.to(acquisition.mask.device))

    @property
    def name(self) -> str:
        """The kind, and the factors of the region that it applies to, as in `random@2x2`."""
        return str(self.kind) if self.within == WHOLE else f"{self.kind}@{self.within[0]:g}x{self.within[1]:g}"

    def mask(self, matrix: tuple[int, int], seed: int | tuple[int, ...]) -> Tensor:
        """Draw the mask of a matrix `(readout, phase)`.

        Returns
        -------
        Tensor
            bool `(phase,)`, or `(readout, phase)` if the readout is shortened.

        Raises
        ------
        InputError
            If no such mask exists.
        """
        import torch  # noqa: PLC0415 - takes a second to import

        alone = self.kind in CENTERS
        factors = _center_factors(self.kind, self.acceleration) if alone else self.within
        rows, lines = (max(round(size / factor), 1) for size, factor in zip(matrix, factors, strict=True))
        first, mask = matrix[1] // 2 - lines // 2, torch.zeros(matrix[1], dtype=torch.bool)
        inside = alone or sample_mask(self.kind, lines, self.acceleration, self.center_fraction, seed)
        mask[first : first + lines] = inside
        if rows == matrix[0]:
            return mask
        top, plane = matrix[0] // 2 - rows // 2, torch.zeros(matrix, dtype=torch.bool)
        plane[top : top + rows] = mask
        return plane


def seed_of(name: str, seed: int = 0) -> tuple[int, ...]:
    """Return the seed of a file's mask: fastMRI's validation seed if `seed` is 0, another one otherwise."""
    letters = tuple(map(ord, name))
    return (*letters, seed) if seed else letters


def sample_mask(
    kind: MaskKind,
    phase: int,
    acceleration: float,
    center_fraction: float,
    seed: int | tuple[int, ...],
) -> Tensor:
    """Draw one sampling mask.

    Parameters
    ----------
    kind
        Choice of the lines outside the centre.
    phase
        Number of phase-encoding lines.
    acceleration
        Number of lines over number of measured lines; `equispaced` and `magic` measure the centre in addition to
        every n-th line.
    center_fraction
        Fully sampled fraction of the lines around DC.
    seed
        Seed of the random choice.

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
    """Draw one of several samplings and then its mask from one stream of random numbers, as fastMRI does.

    Parameters
    ----------
    samplings
        Equally likely samplings. Their own seeds are not used.
    phase
        Number of phase-encoding lines.
    seed
        Seed of both choices; `draw_sampling` returns the sampling that the same seed chooses.

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
        if sampling.kind in CENTERS or sampling.within != WHOLE:
            raise InputError(f"a mask of kind {sampling.name} is not drawn at random, as those of training are")
        check_sampling(sampling.kind, sampling.acceleration, sampling.center_fraction)
        _check_center(sampling, phase)
    kinds = {sampling.kind for sampling in samplings}
    kind = kinds.pop() if len(kinds) == 1 else draw_sampling(samplings, seed).kind
    return _fastmri_mask(kind, samplings, phase, seed)


def draw_sampling(samplings: Sequence[Sampling], seed: int | tuple[int, ...]) -> Sampling:
    """Return the sampling that fastMRI chooses for this seed."""
    if len(samplings) == 1:
        return samplings[0]
    return samplings[np.random.RandomState(seed).randint(len(samplings))]


def center_lines(mask: Mask) -> slice:
    """Find the contiguous run of measured lines around DC.

    Parameters
    ----------
    mask
        bool `(phase,)` or `(readout, phase)`; in the latter a line counts only if it is measured completely.

    Returns
    -------
    slice
        Range of the phase axis; empty if the line at DC was not measured.
    """
    lines: Any = mask if mask.ndim == 1 else mask.all(0)
    measured: list[bool] = lines.tolist()
    first = last = len(measured) // 2
    while last < len(measured) and measured[last]:
        last += 1
    while last > first > 0 and measured[first - 1]:
        first -= 1
    return slice(first, last)


def is_one_sided(padding: tuple[int, int], phase: int) -> bool:
    """Return whether the acquired lines `[first, last)` of `phase` lines have none on one side of the central one."""
    first, last = padding
    return phase > 2 and (first >= phase // 2 or last <= phase // 2 + 1)


def check_center(path: Path, mask: NDArray[np.bool_]) -> None:
    """Refuse a mask whose lines all lie on one side of the centre: either the centre or the other lines are amiss.

    A mask without any lines, of a slice without signal, passes.

    Raises
    ------
    InputError
        If there are lines on one side only.
    """
    lines = np.flatnonzero(mask if mask.ndim == 1 else mask.any(axis=0)).tolist()
    if lines and is_one_sided((lines[0], lines[-1] + 1), mask.shape[-1]):
        raise InputError(
            f"{path}: its lines {lines[0]} to {lines[-1]} of {mask.shape[-1]} all lie on one side of the centre of "
            "k-space, which is line N // 2 of N"
        )


@overload
def measured_mask(kspace: Tensor) -> Tensor: ...
@overload
def measured_mask(kspace: NDArray[np.complex64]) -> NDArray[np.bool_]: ...
def measured_mask(kspace: Any) -> Any:
    """Find which samples of one slice were measured: those that are not zero.

    Rows that are zero in every line (an asymmetric echo), single zeros and slices without any signal do not count
    as undersampled.

    Parameters
    ----------
    kspace
        complex `(coils, readout, phase)`.

    Returns
    -------
    Tensor or array
        bool `(phase,)`, or `(readout, phase)` if some lines were measured partially.
    """
    samples = (kspace != 0).any(0)
    lines, rows = samples.any(0), samples.any(1)
    if not lines.any():
        return ~lines
    expected = rows[:, None] & lines
    missing, all_samples = int((expected & ~samples).sum()), int(expected.sum())
    return lines if missing <= ZEROS_BY_CHANCE * all_samples else samples


def prospective_mask(mask: Mask, padding: tuple[int, int]) -> Mask | None:
    """Return the mask if it leaves samples out; None if all columns within `padding` were measured.

    Parameters
    ----------
    mask
        bool `(phase,)` or `(readout, phase)`.
    padding
        Columns `[first, last)` of a full scan.
    """
    return None if mask[..., padding[0] : padding[1]].all() else mask


def check_sampling(kind: MaskKind, acceleration: float, center_fraction: float) -> None:
    """Check the parameters of a mask.

    Raises
    ------
    InputError
        If no such mask exists.
    """
    if not 1 <= acceleration < math.inf:
        raise InputError(f"acceleration {acceleration:g} is not a finite number of at least 1")
    if kind in CENTERS:
        return
    if not 0 <= center_fraction <= 1:
        raise InputError(f"center fraction {center_fraction:g} is not between 0 and 1")
    if kind in _WHOLE_STEPS and acceleration != round(acceleration):
        raise InputError(f"a mask of kind {kind} needs a whole acceleration, not {acceleration:g}")
    if kind not in _WHOLE_STEPS and center_fraction * acceleration > 1:
        raise InputError(
            f"a center fraction of {center_fraction:g} alone measures more lines than an acceleration of "
            f"{acceleration:g} allows; lower one of them"
        )


def _center_factors(kind: MaskKind, acceleration: float) -> tuple[float, float]:
    """Return the factors by which a mask that measures nothing but the centre shortens readout and phase."""
    return (1.0, acceleration) if kind == MaskKind.CENTER_PHASE else (math.sqrt(acceleration),) * 2


def _check_center(sampling: Sampling, phase: int) -> None:
    """Raise `InputError` if the centre leaves no other lines: fastMRI's function divides by their number."""
    center = round(phase * sampling.center_fraction)
    counted = {MaskKind.RANDOM: 1.0, MaskKind.EQUISPACED_FRACTION: sampling.acceleration}.get(sampling.kind, 0.0)
    if phase <= center * counted:
        raise InputError(
            f"a center of {center} of {phase} lines leaves no others at an acceleration of "
            f"{sampling.acceleration:g}; lower one of them"
        )


def _fastmri_mask(kind: MaskKind, samplings: Sequence[Sampling], phase: int, seed: int | tuple[int, ...]) -> Tensor:
    """Draw the mask from fastMRI's function of all samplings, whose choice uses random numbers before the mask."""
    from fastmri.data.subsample import create_mask_for_mask_type  # noqa: PLC0415 - takes most of a second

    fractions = [sampling.center_fraction for sampling in samplings]
    function = create_mask_for_mask_type(kind, fractions, list(map(_step, samplings)))
    mask, _ = function((1, phase, 2), seed=seed)
    return mask.reshape(phase).bool()


def _step(sampling: Sampling) -> float:
    """Return the acceleration that fastMRI's function takes: a whole number for every n-th line."""
    return round(sampling.acceleration) if sampling.kind in _WHOLE_STEPS else sampling.acceleration
