"""Splits measured lines for self-supervision: some are the input of a network, the others are for the loss."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from recon.data.masks.measured import center_lines

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
    all other axes of the mask (readout, batch), because the samples of one readout belong together.

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
        Number of lines around DC that the loss never gets; None for the whole run of measured lines, from which
        maps are estimated and which no reconstruction has to predict.
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
    phase = mask.shape[-1]
    lines = mask.reshape(-1, phase).any(dim=0).cpu()
    kept = center_lines(lines) if center is None else slice((phase - center + 1) // 2, (phase + center + 1) // 2)
    candidates = np.flatnonzero(lines.numpy())
    candidates = candidates[(candidates < kept.start) | (candidates >= kept.stop)]
    count = max(1, round(loss_fraction * len(candidates)))
    distances = (candidates - phase // 2) * (WIDTHS_PER_MATRIX / phase)
    weights = np.exp(-(distances**2) / 2) if density == "gaussian" else np.ones(len(candidates))
    rng = np.random.default_rng(tuple(seed))
    chosen = (
        rng.choice(candidates, count, replace=False, p=weights / weights.sum()) if len(candidates) else candidates
    )
    selected = torch.zeros(phase, dtype=torch.bool)
    selected[torch.from_numpy(chosen)] = True
    loss = mask & selected.to(mask.device)
    return mask & ~loss, loss
