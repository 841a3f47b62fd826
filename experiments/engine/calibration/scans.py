"""Provides the scans that `recon calibrate` compares with their truth: measured files, or simulated slices."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from recon.coils import rss
from recon.crop import fastmri_crop
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.data.masks.sampling import Sampling
from recon.data.open import find_files, open_volume
from recon.experiments.engine.sampled_volume import SampledVolume
from recon.experiments.engine.scores.metrics import Images
from recon.fourier import ifft
from recon.simulation.scanner.measured_maps import fill_maps
from recon.simulation.scanner.scan_plan import Ranges, ScanPlan
from recon.simulation.scanner.shares import Shares
from recon.simulation.scanner.simulator import Simulator, draw_mask
from recon.simulation.scanner.subject.anatomy import draw_heads, load_anatomies, load_maps

SIDES = (96, 128)
"""Sides of the matrix of simulated slices: small ones take less time, and the calibration hardly depends on them."""

ACCELERATIONS = (2.5, 10.0)
"""Accelerations of simulated slices."""

HEADS = 8
"""Number of heads of the built-in phantom among the simulated objects."""


class Undersampled(NamedTuple):
    """A volume under one sampling: its slices, and the truth `(slices, rows, columns)`."""

    acquisitions: Iterable[Acquisition]
    target: Images


Scan = Callable[[], list[Undersampled]]
"""Function that reads one scan under every sampling; errors within a scan are related, those of two scans are not."""


def measured_scans(inputs: Sequence[Path], samplings: Sequence[Sampling]) -> list[Scan]:
    """List the scans of fully sampled files with targets, each with all samplings.

    Reading one raises an InputError if it cannot be used.

    Raises
    ------
    InputError
        If there is no file.
    """
    return [partial(_read, path, samplings) for path in find_files(list(inputs))]


@dataclass(frozen=True)
class Simulation:
    """Parameters of simulated scans.

    Attributes
    ----------
    slices
        Number of slices, each a scan of its own.
    anatomy, maps
        Files or folders of magnitude images and of coil maps, as `recon train` reads them; the built-in heads and
        coils are always among them.
    seed
        Seed of all random choices.
    """

    slices: int
    anatomy: tuple[Path, ...] = ()
    maps: tuple[Path, ...] = ()
    seed: int = 0

    def scans(self) -> list[Scan]:
        """List the scans; they cover the simulator's ranges of coils, noise, echoes, foldings and masks of lines.

        Raises
        ------
        InputError
            If the images or maps cannot be read.
        """
        anatomies = load_anatomies(self.anatomy) if self.anatomy else []
        maps = [fill_maps(maps) for maps in load_maps(self.maps)]
        shares = Shares(planes=0, partial_fourier=0)
        ranges = Ranges(matrix=SIDES, accelerations=ACCELERATIONS, shares=shares)
        simulator = Simulator([*anatomies, *draw_heads(HEADS, self.seed)], maps, ranges)
        return [partial(_simulate, simulator, (self.seed, number)) for number in range(self.slices)]


def _read(path: Path, samplings: Sequence[Sampling]) -> list[Undersampled]:
    volume = open_volume(path)
    target = volume.read_target()
    if target is None or volume.mask is not None:
        raise InputError(f"{path}: to calibrate with, a scan must be fully sampled and have a target")
    return [Undersampled(SampledVolume(volume, sampling), target) for sampling in samplings]


def _simulate(simulator: Simulator, seed: tuple[int, ...]) -> list[Undersampled]:
    """Simulate one slice; its truth is the root sum of squares of the full scan with its noise, as in files."""
    rng = np.random.default_rng(seed)
    plan = ScanPlan.draw(simulator.ranges, rng)
    full, _ = simulator.full_scan(plan, rng)
    target = fastmri_crop(rss(ifft(full.kspace)), (plan.readout, plan.phase))
    scan = replace(full.undersample(draw_mask(plan, rng)), name=f"simulated slice {seed[-1]} of seed {seed[0]}")
    return [Undersampled([scan], target[None].numpy())]
