"""Coil sensitivity maps from the calibration lines."""

import numpy as np
import torch
from sigpy.mri.app import EspiritCalib
from torch import Tensor

from data.acquisition import Acquisition
from recon.calibration import calibration_lines

KERNEL_WIDTH = 6
CALIBRATION_WIDTH = 24


def estimate_sens_maps(acquisition: Acquisition) -> Tensor:
    """Estimate one set of maps by ESPIRiT (Uecker et al. 2014, eqs. 9-15).

    Parameters
    ----------
    acquisition
        One slice, k-space `(coils, readout, phase)`.

    Returns
    -------
    Tensor
        complex64 `(coils, readout, phase)`, of unit root sum of squares in every pixel, the first coil's phase
        taken as zero. Background is not blacked out: scores against a root-sum-of-squares target need it.

    Raises
    ------
    InputError
        If there are too few calibration lines.
    """
    if acquisition.coils == 1:
        return torch.ones_like(acquisition.kspace)
    lines = calibration_lines(acquisition)
    readout, phase = acquisition.matrix
    width = min(CALIBRATION_WIDTH, lines.shape[-1], readout)
    centered = torch.zeros_like(acquisition.kspace)
    first = phase // 2 - lines.shape[-1] // 2
    centered[..., first : first + lines.shape[-1]] = lines
    maps = EspiritCalib(
        np.ascontiguousarray(centered.cpu().numpy()),
        calib_width=width,
        kernel_width=min(KERNEL_WIDTH, width // 2),
        crop=0,
        show_pbar=False,
    ).run()
    return torch.from_numpy(np.asarray(maps)).to(acquisition.kspace)
