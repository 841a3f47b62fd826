"""Reconstructs a made-up slice before the first client comes, so that nobody waits for compilers and caches."""

from __future__ import annotations

import torch

from recon.data.acquisition import Acquisition, Header
from recon.data.errors import InputError
from recon.experiments.console import warn
from recon.experiments.engine.run import Runner

SHAPE = (8, 128, 128)
"""Coils, readout and phase of the slice."""

ACCELERATION, CENTRAL = 3, 32


def warm_up(runner: Runner) -> None:
    """Reconstruct an undersampled slice of noise around a bright echo.

    A method that cannot reconstruct it only stays cold, with a warning.
    """
    coils, readout, phase = SHAPE
    generator = torch.Generator().manual_seed(0)
    kspace = torch.randn(coils, readout, phase, dtype=torch.complex64, generator=generator)
    rows, columns = (torch.arange(size) - size // 2 for size in (readout, phase))
    kspace *= torch.exp(-(rows[:, None] ** 2 + columns**2) / 200) + 1e-3
    mask = (columns % ACCELERATION == 0) | (columns.abs() < CENTRAL // 2)
    header = Header(crop=(readout, phase), padding=(0, phase))
    acquisition = Acquisition(kspace * mask, mask, header, name="a made-up slice", slice=0)
    try:
        list(runner.slices([acquisition.to(runner.device)]))
    except InputError as error:
        warn(f"{runner.name} was not warmed up: {error}")
