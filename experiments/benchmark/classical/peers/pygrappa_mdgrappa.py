"""Reconstruct with pygrappa's `mdgrappa`, the most accurate of its variants."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from importlib import import_module

import numpy as np
import torch

from recon.calibration.acs import calibration_lines
from recon.data.acquisition import Acquisition
from recon.experiments.benchmark.classical.peer import Peer, Solve
from recon.experiments.benchmark.classical.peer_images import CoilImages
from recon.experiments.engine.device import CPU
from recon.fourier import ifft


@dataclass(frozen=True)
class Mdgrappa:
    """GRAPPA for any mask, with pygrappa's default kernel of 5 x 5 samples."""

    name: str = "pygrappa mdgrappa"
    lamdas: tuple[float, float] = (1e-4, 1.0)

    def prepare(self, acquisition: Acquisition) -> Solve:
        """Import pygrappa, which the extra `dev` installs; the kernels depend on the weight and are trained later."""
        mdgrappa = import_module("pygrappa").mdgrappa
        acquisition = acquisition.to(CPU)
        kspace = acquisition.kspace.numpy()
        calibration = np.ascontiguousarray(calibration_lines(acquisition).lines.numpy())

        def solve(lamda: float | None) -> CoilImages:
            with warnings.catch_warnings(action="ignore"):  # neighbourhoods without a measured sample divide by zero
                filled = mdgrappa(kspace, calib=calibration, coil_axis=0, lamda=lamda)
            return CoilImages(ifft(torch.from_numpy(np.ascontiguousarray(filled, np.complex64))), acquisition)

        return solve


PYGRAPPA: tuple[Peer, ...] = (Mdgrappa(),)
