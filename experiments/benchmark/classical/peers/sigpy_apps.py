"""Reconstruct with sigpy's apps, with maps from sigpy's own ESPIRiT."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sigpy.mri.app import EspiritCalib, L1WaveletRecon, SenseRecon, TotalVariationRecon

from recon.calibration.acs import calibration_lines
from recon.data.acquisition import Acquisition
from recon.experiments.benchmark.classical.peer import Peer, Solve
from recon.experiments.benchmark.classical.peer_images import CoilImages

Complex = NDArray[np.complex64]

KERNEL = 6
WIDEST_CALIBRATION = 24
"""sigpy's default side length of the square calibration region, which sigpy uses whether it was measured or not."""


@dataclass(frozen=True)
class SigpyApp:
    """One app with a fixed number of iterations.

    Attributes
    ----------
    name
        Name in the table.
    app
        App that takes k-space, maps, `lamda`, `weights` and `max_iter`.
    estimate_maps
        Function that returns the maps `(coils, readout, phase)` of an acquisition.
    iterations
        Number of iterations of the app's solver.
    lamdas
        Range of the best weight.
    """

    name: str
    app: Callable[..., Any]
    estimate_maps: Callable[[Acquisition], Complex]
    iterations: int = 100
    lamdas: tuple[float, float] = (2e-4, 2e-1)

    def prepare(self, acquisition: Acquisition) -> Solve:
        """Estimate the maps."""
        kspace, maps = acquisition.kspace.numpy(), self.estimate_maps(acquisition)
        weights = acquisition.mask.expand(acquisition.matrix).numpy().astype(np.float32)

        def solve(lamda: float | None) -> CoilImages:
            app = self.app(kspace, maps, lamda=lamda, weights=weights, max_iter=self.iterations, show_pbar=False)
            return CoilImages(torch.from_numpy(maps * app.run()), acquisition)

        return solve


def default_maps(acquisition: Acquisition) -> Complex:
    """Estimate maps with the default settings of `EspiritCalib`."""
    return _espirit(acquisition)


def fitted_maps(acquisition: Acquisition) -> Complex:
    """Estimate maps only from measured lines, and keep them in the background.

    This gives a higher SSIM against a root-sum-of-squares target, whose background is noise instead of zero.
    """
    width = min(WIDEST_CALIBRATION, calibration_lines(acquisition).shape[-1], acquisition.matrix[0])
    return _espirit(acquisition, calib_width=width, kernel_width=min(KERNEL, width // 2), crop=0)


def _espirit(acquisition: Acquisition, **settings: Any) -> Complex:
    maps: Complex = EspiritCalib(acquisition.kspace.numpy(), show_pbar=False, **settings).run()
    return maps


SIGPY: tuple[Peer, ...] = (
    SigpyApp("sigpy SENSE, default maps", SenseRecon, default_maps, lamdas=(3e-4, 3e-1)),
    SigpyApp("sigpy SENSE", SenseRecon, fitted_maps, lamdas=(3e-4, 3e-1)),
    SigpyApp("sigpy wavelet, default maps", L1WaveletRecon, default_maps),
    SigpyApp("sigpy wavelet", L1WaveletRecon, fitted_maps),
    SigpyApp("sigpy TV", TotalVariationRecon, fitted_maps),
    SigpyApp("sigpy TV, 500 iterations", TotalVariationRecon, fitted_maps, iterations=500),
)
"""sigpy's apps at 100 iterations, their default, unless the name says otherwise."""
