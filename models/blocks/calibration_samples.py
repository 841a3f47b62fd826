"""What maps that need no training are estimated from, slice by slice."""

from __future__ import annotations

from torch import Tensor

from recon.calibration.acs_window import acs_window, cut


def calibration_samples(
    masked_kspace: Tensor, mask: Tensor, num_low_frequencies: int | Tensor | None, calibration: Tensor | None
) -> list[Tensor]:
    """Cut the fully sampled rectangle about DC out of each slice, or out of its reference scan.

    Parameters
    ----------
    masked_kspace, mask, num_low_frequencies, calibration
        As for `physics_maps`.

    Returns
    -------
    list of Tensor
        complex `(coils, rows, lines)`, DC at half of either axis. A damaged slice gives zeros, and no exception
        amidst a training.
    """
    if calibration is None:
        scanned, windows = masked_kspace, acs_window(mask, num_low_frequencies)
    else:
        nonzero = (calibration != 0).any(dim=1, keepdim=True)
        scanned = calibration
        windows = acs_window(nonzero.any(dim=-1, keepdim=True) & nonzero.any(dim=-2, keepdim=True))
    windows = windows.expand(len(scanned), 1, *scanned.shape[-2:])[:, 0]
    return [cut(*one).nan_to_num(0, 0, 0) for one in zip(scanned, windows, strict=True)]
