"""Splits measured lines for self-supervision: some are the input of a network, the others are for the loss."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recon.data.masks.measured import center_lines, center_rectangle

WIDTHS_PER_MATRIX = 4
"""Length of the phase axis in standard deviations of the Gaussian that selects lines (Yaman et al. 2020)."""

Density = Literal["gaussian", "uniform"]
"""Probability with which a line is held: a Gaussian about DC, or the same for all."""


def split_mask(
    mask: Tensor,
    loss_fraction: float,
    seed: Sequence[int],
    center: int | None = None,
    density: Density = "gaussian",
) -> tuple[Tensor, Tensor]:
    """Split the measured lines at random, by default with low frequencies more likely for the loss (SSDU).

    The paper (Yaman et al. 2020) selects single samples; this function selects lines along phase, the same ones along
    all other axes of the mask (readout, batch), because the samples of one readout belong together. Where rows were
    measured at different places, as along two phase encodings, it selects single samples.

    Parameters
    ----------
    mask
        bool `(..., phase)`, True where measured; a line counts as measured if any of its samples was measured.
    loss_fraction
        Fraction for the loss, in (0, 1), of the lines that the loss may get; at least one of them. The paper found
        0.4 of the samples to be best. For lines less is better (about a quarter on simulated heads), because each
        held line leaves a wider gap, to which the network adapts.
    seed
        Seed of the choice.
    center
        Number of lines around DC that the loss never gets, or the side of a square of samples; None for the whole run
        of measured lines or rectangle, from which maps are estimated and which no reconstruction has to predict.
    density
        How likely each line is chosen. The paper's Gaussian prefers low frequencies; `uniform` spreads the held
        lines like those that a random mask leaves out.

    Returns
    -------
    tuple of Tensor
        Two masks of the shape of `mask`, for data consistency and for the loss. Every measured line is in exactly one
        of them.

    Raises
    ------
    ValueError
        If `loss_fraction` is not between 0 and 1.
    """
    if not 0 < loss_fraction < 1:
        raise ValueError(f"a loss fraction of {loss_fraction:g} is not between 0 and 1")
    choices = choices_of(mask)
    free = choices.cpu().numpy().copy()
    free[_kept(free, center)] = False
    candidates = np.flatnonzero(free)
    count = max(1, round(loss_fraction * len(candidates)))
    places = np.unravel_index(candidates, free.shape)
    distances = [
        (place - size // 2) * (WIDTHS_PER_MATRIX / size) for place, size in zip(places, free.shape, strict=True)
    ]
    square = sum(distance**2 for distance in distances)
    weights = np.exp(-square / 2) if density == "gaussian" else np.ones(len(candidates))
    rng = np.random.default_rng(tuple(seed))
    chosen = (
        rng.choice(candidates, count, replace=False, p=weights / weights.sum()) if len(candidates) else candidates
    )
    selected = torch.zeros(choices.shape, dtype=torch.bool)
    selected.view(-1)[torch.from_numpy(chosen)] = True
    loss = mask & selected.to(mask.device)
    return mask & ~loss, loss


def choices_of(mask: Tensor) -> Tensor:
    """Return what is split: the measured lines `(phase,)`, or the samples `(readout, phase)` where rows differ."""
    phase = mask.shape[-1]
    rows = mask.reshape(-1, phase)
    measured = rows[rows.any(dim=1)]
    if (measured == measured[:1]).all():
        return rows.any(dim=0)
    return mask.reshape(-1, *mask.shape[-2:]).any(dim=0)


def _kept(choices: NDArray[np.bool_], center: int | None) -> tuple[slice, ...]:
    """Return the lines or samples around DC that are never chosen."""
    if center is not None:
        return tuple(slice(max((size - center + 1) // 2, 0), (size + center + 1) // 2) for size in choices.shape)
    return (center_lines(choices),) if choices.ndim == 1 else center_rectangle(choices)
