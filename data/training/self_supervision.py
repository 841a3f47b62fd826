"""Self-supervision: the measured lines, split into those a network sees and those it is judged by."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from recon.data.masks import center_lines

WIDTHS_PER_MATRIX = 4
"""How many standard deviations of the Gaussian that selects make up the phase axis (Yaman et al. 2020)."""


def split_mask(
    mask: Tensor, loss_fraction: float, seed: Sequence[int], center: int | None = None
) -> tuple[Tensor, Tensor]:
    """Split the measured lines at random (SSDU, Yaman et al. 2020), low frequencies more likely for the loss.

    Where the paper selects single samples, this selects lines along phase, for all else that the mask may spell out
    (readout, batch) the same ones: what one readout acquired stays together.

    Parameters
    ----------
    mask
        bool `(..., phase)`, True where measured; a line counts as measured if any of its samples was.
    loss_fraction
        Share of the measured lines that the loss gets, in (0, 1). The paper found 0.4 of the samples to be best; of
        lines less is better (0.2 on simulated heads), as each one held leaves a wider gap. Fewer, if the lines
        about DC leave no more.
    seed
        Of the choice; the same seed gives the same split.
    center
        Number of lines about DC that the loss never gets; None for the whole run of measured ones, from which maps
        are estimated and which no reconstruction has to predict.

    Returns
    -------
    tuple of Tensor
        Two masks like `mask`, for data consistency and for the loss. No line is in both; all measured ones are in
        one of them.

    Raises
    ------
    ValueError
        If `loss_fraction` is no fraction.
    """
    if not 0 < loss_fraction < 1:
        raise ValueError(f"a loss fraction of {loss_fraction:g} is not between 0 and 1")
    phase = mask.shape[-1]
    lines = mask.reshape(-1, phase).any(dim=0).cpu()
    kept = center_lines(lines) if center is None else slice((phase - center + 1) // 2, (phase + center + 1) // 2)
    candidates = np.flatnonzero(lines.numpy())
    candidates = candidates[(candidates < kept.start) | (candidates >= kept.stop)]
    count = min(round(loss_fraction * int(lines.sum())), len(candidates))
    distances = (candidates - phase // 2) * (WIDTHS_PER_MATRIX / phase)
    density = np.exp(-(distances**2) / 2)
    rng = np.random.default_rng(tuple(seed))
    chosen = rng.choice(candidates, count, replace=False, p=density / density.sum()) if count else candidates[:0]
    selected = torch.zeros(phase, dtype=torch.bool)
    selected[torch.from_numpy(chosen)] = True
    loss = mask & selected.to(mask.device)
    return mask & ~loss, loss
