"""Reconstruct with `bart ecalib` and `bart pics`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from einops import rearrange
from torch import Tensor

from recon.calibration.acs import calibration_lines
from recon.data.acquisition import Acquisition
from recon.experiments.benchmark.classical import bart
from recon.experiments.benchmark.classical.peer import Peer, Solve
from recon.experiments.benchmark.classical.peer_images import CoilImages
from recon.experiments.engine.device import CPU

KERNEL = 6
IN_PLANE = 3
"""BART's flags for its first two dimensions, readout and phase."""


@dataclass(frozen=True)
class BartPics:
    """`bart ecalib` followed by `bart pics -R PRIOR`.

    Attributes
    ----------
    name
        Name in the table.
    prior
        `W` for wavelets, `T` for total variation.
    calibration
        Arguments of `bart ecalib`.
    iterations
        Number of iterations of `bart pics`.
    lamdas
        Range of the best weight.
    """

    name: str
    prior: str
    calibration: tuple[str, ...]
    iterations: int = 100
    lamdas: tuple[float, float] = (2e-4, 2e-1)

    def prepare(self, acquisition: Acquisition) -> Solve:
        """Estimate the maps."""
        acquisition = acquisition.to(CPU)
        maps = BartMaps(acquisition, self.calibration)

        def solve(lamda: float | None) -> CoilImages:
            prior = f"{self.prior}:{IN_PLANE}:0:{lamda:.8g}"
            image = maps.workspace / "image"
            bart.run("pics", "-w", "1", "-i", str(self.iterations), "-R", prior, maps.kspace, maps.maps, image)
            return CoilImages((maps.read() * with_maps_first(image)).sum(0), acquisition)

        return solve


class BartMaps:
    """BART's files of k-space and of the maps that `bart ecalib` estimates from it.

    Parameters
    ----------
    acquisition
        One slice, k-space `(coils, readout, phase)`.
    calibration
        Arguments of `bart ecalib`, besides a kernel that fits into the measured lines: BART requires that, and
        uses an even number of lines.
    """

    def __init__(self, acquisition: Acquisition, calibration: tuple[str, ...]) -> None:
        self.workspace = bart.Workspace()
        self.kspace, self.maps = self.workspace / "kspace", self.workspace / "maps"
        bart.write_cfl(self.kspace, rearrange(acquisition.kspace.numpy(), "coils x y -> x y 1 coils"))
        width = min(KERNEL, 2 * (calibration_lines(acquisition).lines.shape[-1] // 2))
        bart.run("ecalib", "-k", f"{width}:{width}:1", *calibration, self.kspace, self.maps)

    def read(self) -> Tensor:
        """Return the maps `(maps, coils, readout, phase)`."""
        return with_maps_first(self.maps)


def with_maps_first(stem: Path) -> Tensor:
    """Read BART's `(x, y, 1, coils, maps)` as `(maps, coils, x, y)`; an image has one coil."""
    array = bart.read_cfl(stem)
    full = array.reshape(*array.shape, *[1] * (5 - array.ndim))
    return torch.from_numpy(np.ascontiguousarray(rearrange(full, "x y 1 coils maps -> maps coils x y")))


ONE_MAP, TWO_MAPS, TWO_SOFT_MAPS = ("-m", "1", "-c", "0"), ("-m", "2"), ("-m", "2", "-S")

BART: tuple[Peer, ...] = (
    BartPics("BART wavelet, one map", "W", ONE_MAP),
    BartPics("BART wavelet, two maps", "W", TWO_MAPS),
    BartPics("BART wavelet, two soft maps", "W", TWO_SOFT_MAPS),
    BartPics("BART TV, one map", "T", ONE_MAP),
    BartPics("BART TV, two soft maps", "T", TWO_SOFT_MAPS),
)
"""BART at 100 iterations; `-w 1` keeps it from rescaling the data, so that `lamda` is on the benchmark's scale."""
