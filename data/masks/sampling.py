"""Undersamples full scans by a mask of a kind, an acceleration, a centre and a seed."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.data.masks.kind import CENTERS, LINES, PLANES, SERIES, WHOLE_STEPS, MaskKind, Seed, Steps
from recon.data.masks.kt import kt_equispaced, kt_random
from recon.data.masks.lines import draw_lines
from recon.data.masks.planes import draw_plane

if TYPE_CHECKING:  # reading a file's header takes no torch
    from torch import Tensor

WHOLE = (1.0, 1.0)
"""Factors of a scan that is not limited to its centre."""

FRAME_MASKS: dict[MaskKind, Callable[[int, float, float, Seed, int], Tensor]] = {
    MaskKind.KT_EQUISPACED: kt_equispaced,
    MaskKind.KT_RANDOM: kt_random,
}
"""Functions that draw the lines of one frame: lines, acceleration, centre fraction, seed, number of the frame."""


def default_center_fraction(acceleration: float, kind: MaskKind = MaskKind.RANDOM) -> float:
    """Return fastMRI's fully sampled fraction of the lines: 0.08 at 4x, 0.04 at 8x, in proportion elsewhere.

    For masks that measure only the centre it is the fraction of the lines that the centre holds. `kt-equispaced`
    needs no centre, because the mean over the frames is a full scan. For masks along both axes it is the fraction of
    all samples, 0.08 divided by the acceleration.
    """
    if kind == MaskKind.KT_EQUISPACED:
        return 0.0
    if kind in PLANES:
        return 0.08 / acceleration
    return 1 / _center_factors(kind, acceleration)[1] if kind in CENTERS else 0.32 / acceleration


@dataclass(frozen=True)
class Sampling:
    """Undersample a fully sampled scan as fastMRI does for validation: one mask for all slices of a file.

    Kinds of `SERIES` have one mask for each frame.

    Attributes
    ----------
    kind
        Choice of the lines outside the centre.
    acceleration
        Number of lines over number of measured lines.
    center_fraction
        Fully sampled fraction around DC: of the lines, or of all samples if the mask is drawn along both axes.
    seed
        0 for the masks that fastMRI draws for the same file names, any other number for other masks.
    within
        Factors by which the region that the mask applies to is shorter than readout and phase; it lies about DC, and
        nothing is measured outside. Acceleration and centre fraction are those of the region.
    steps
        Steps of kinds of `STEPPED` along readout and phase, and the shift along phase from row to row; None to follow
        from the acceleration.
    """

    kind: MaskKind
    acceleration: float
    center_fraction: float
    seed: int = 0
    within: tuple[float, float] = WHOLE
    steps: Steps | None = None

    def __call__(self, acquisition: Acquisition) -> Acquisition:
        """Undersample a scan; columns in its zero padding stay unmeasured."""
        mask = self.mask(acquisition.matrix, seed_of(acquisition.name, self.seed), acquisition.frame)
        return acquisition.undersample(mask.to(acquisition.mask.device))

    @property
    def name(self) -> str:
        """The kind, the steps and the factors of the region that it applies to, as in `random@2x2`, `caipi:2x3:1`."""
        steps = "" if self.steps is None else "{}x{}:{}".format(*self.steps)
        region = "" if self.within == WHOLE else "{:g}x{:g}".format(*self.within)
        return str(self.kind) + (steps and f":{steps}") + (region and f"@{region}")

    def mask(self, matrix: tuple[int, int], seed: Seed, frame: int = 0) -> Tensor:
        """Draw the mask of a matrix `(readout, phase)`.

        Parameters
        ----------
        matrix
            Sampled matrix `(readout, phase)`.
        seed
            Seed of the random choice.
        frame
            Number of the image in its series; only kinds of `SERIES` measure other lines in every frame.

        Returns
        -------
        Tensor
            bool `(phase,)`, or `(readout, phase)` if it differs along readout.

        Raises
        ------
        InputError
            If no such mask exists.
        """
        import torch  # noqa: PLC0415 - takes a second to import

        alone = self.kind in CENTERS
        factors = _center_factors(self.kind, self.acceleration) if alone else self.within
        rows, lines = (max(round(size / factor), 1) for size, factor in zip(matrix, factors, strict=True))
        first, top = matrix[1] // 2 - lines // 2, matrix[0] // 2 - rows // 2
        plane = torch.zeros(matrix, dtype=torch.bool)
        if self.kind in PLANES:
            plane[top : top + rows, first : first + lines] = self._plane((rows, lines), seed)
            return plane
        mask = torch.zeros(matrix[1], dtype=torch.bool)
        mask[first : first + lines] = alone or self._lines(lines, seed, frame)
        if rows == matrix[0]:
            return mask
        plane[top : top + rows] = mask
        return plane

    def _plane(self, region: tuple[int, int], seed: Seed) -> Tensor:
        return draw_plane(self.kind, region, self.acceleration, self.center_fraction, seed, self.steps)

    def _lines(self, lines: int, seed: Seed, frame: int) -> Tensor:
        if self.kind in LINES:
            return sample_mask(self.kind, lines, self.acceleration, self.center_fraction, seed)
        return FRAME_MASKS[self.kind](lines, self.acceleration, self.center_fraction, seed, frame)


def seed_of(name: str, seed: int = 0) -> tuple[int, ...]:
    """Return the seed of a file's mask: fastMRI's validation seed if `seed` is 0, another one otherwise."""
    letters = tuple(map(ord, name))
    return (*letters, seed) if seed else letters


def sample_mask(
    kind: MaskKind,
    phase: int,
    acceleration: float,
    center_fraction: float,
    seed: Seed,
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
    return draw_mask((Sampling(kind, acceleration, center_fraction),), (1, phase), seed)


def draw_mask(samplings: Sequence[Sampling], matrix: tuple[int, int], seed: Seed, frame: int = 0) -> Tensor:
    """Draw one of several samplings and then its mask from one stream of random numbers, as fastMRI does.

    Parameters
    ----------
    samplings
        Equally likely samplings. Their own seeds are not used.
    matrix
        Sampled matrix `(readout, phase)`.
    seed
        Seed of both choices; `draw_sampling` returns the sampling that the same seed chooses.
    frame
        Number of the image in its series, for kinds of `SERIES`.

    Returns
    -------
    Tensor
        bool `(phase,)`, or `(readout, phase)` of kinds of `PLANES`.

    Raises
    ------
    InputError
        If no such mask exists.
    """
    for sampling in samplings:
        if sampling.kind not in {*LINES, *SERIES, *PLANES} or sampling.within != WHOLE:
            raise InputError(f"a mask of kind {sampling.name} is not drawn at random, as those of training are")
        check_sampling(sampling.kind, sampling.acceleration, sampling.center_fraction)
    kinds = {sampling.kind for sampling in samplings}
    chosen = draw_sampling(samplings, seed)
    kind = kinds.pop() if len(kinds) == 1 else chosen.kind
    if kind in PLANES:
        return draw_plane(kind, matrix, chosen.acceleration, chosen.center_fraction, seed, chosen.steps)
    phase = matrix[1]
    if kind in SERIES:
        return FRAME_MASKS[kind](phase, chosen.acceleration, chosen.center_fraction, seed, frame)
    return draw_lines(kind, phase, [(one.acceleration, one.center_fraction) for one in samplings], seed)


def draw_sampling(samplings: Sequence[Sampling], seed: Seed) -> Sampling:
    """Return the sampling that fastMRI chooses for this seed."""
    if len(samplings) == 1:
        return samplings[0]
    return samplings[np.random.RandomState(seed).randint(len(samplings))]


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
    if kind in WHOLE_STEPS and acceleration != round(acceleration):
        raise InputError(f"a mask of kind {kind} needs a whole acceleration, not {acceleration:g}")
    if kind not in WHOLE_STEPS and center_fraction * acceleration > 1:
        raise InputError(
            f"a center fraction of {center_fraction:g} alone measures more lines than an acceleration of "
            f"{acceleration:g} allows; lower one of them"
        )


def _center_factors(kind: MaskKind, acceleration: float) -> tuple[float, float]:
    """Return the factors by which a mask that measures nothing but the centre shortens readout and phase."""
    return (1.0, acceleration) if kind == MaskKind.CENTER_PHASE else (math.sqrt(acceleration),) * 2
