"""Simulates series of beating hearts to train on, different in every epoch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

from recon.data.acquisition import Acquisition
from recon.data.training.datasets import FreshMasks
from recon.data.training.series import SeriesDataset
from recon.experiments.training.config.data_config import CineConfig, as_tuple
from recon.experiments.training.config.train_config import TrainConfig
from recon.experiments.training.input.preparation import series_centred
from recon.simulation.cine.simulator import CinePlan, CineSimulator
from recon.simulation.cine.sources import DrawnHeart, Source, load_cines, load_pictures
from recon.simulation.scanner.measured_maps import fill_maps
from recon.simulation.scanner.subject.anatomy import Anatomy, load_maps


@dataclass(frozen=True, eq=False)
class DrawnCines:
    """Fully sampled series of one epoch, simulated when they are read.

    Attributes
    ----------
    simulator
        Simulator of the series.
    config
        Number of series and ranges of their properties.
    seed
        Seed of the epoch.
    """

    simulator: CineSimulator
    config: CineConfig
    seed: tuple[int, ...]

    def __len__(self) -> int:
        return self.config.series

    def __getitem__(self, index: int) -> list[Acquisition]:
        """Simulate the frames of a series, with noiseless targets."""
        scan = self.simulator.scan(self._plan(index), np.random.default_rng((*self.seed, index, 1)))
        return scan.acquisitions(self.where(index))

    def shape(self, index: int) -> tuple[int, ...]:
        """Return the shape of a series: `(frames, coils, readout, phase)`."""
        plan = self._plan(index)
        return plan.frames, plan.coils, *plan.matrix

    def where(self, index: int) -> str:
        """Name a series, for messages."""
        return f"simulated series {index} of seed {self.seed}"

    def _plan(self, index: int) -> CinePlan:
        rng, config = np.random.default_rng((*self.seed, index)), self.config
        rows, columns = (int(rng.integers(config.matrix[0], config.matrix[1] + 1)) for _ in range(2))
        return CinePlan(
            matrix=(rows, columns),
            frames=int(rng.integers(config.frames[0], config.frames[1] + 1)),
            coils=int(rng.integers(config.coils[0], config.coils[1] + 1)),
            snr=float(np.exp(rng.uniform(*np.log(config.snr)))),
            breath=rng.uniform(*config.breath),
        )


class SimulatedCines:
    """Series simulated from cines and drawn hearts, on the training device unless reading processes do it."""

    def __init__(self, config: TrainConfig, cine: CineConfig, device: torch.device) -> None:
        load = load_pictures if cine.still else load_cines
        shown = load(as_tuple(config.data.train))
        self.files: Sequence[Anatomy] = [source.volume for source in shown]
        maps = [] if cine.maps is None else load_maps(as_tuple(cine.maps))
        where = torch.device("cpu") if config.data.workers else device
        sources: list[Source] = [*shown, *[DrawnHeart()] * cine.hearts]
        self._simulator = CineSimulator(sources, list(map(fill_maps, maps)), varied=True, device=where)
        self._config, self._cine = config, cine

    def epoch(self, number: int, early: bool = False) -> SeriesDataset:
        """Return the series of an epoch, simulated and undersampled differently in each."""
        del early
        config = self._config
        source = DrawnCines(self._simulator, self._cine, (config.seed, number))
        masks = FreshMasks(config.data.samplings, config.seed, number)
        return SeriesDataset(
            source, partial(series_centred, undersample=masks), config.data.frames, (config.seed, number)
        )

    def write_pictures(self, folder: Path) -> None:
        """Do nothing: `recon simulate cine` writes such series to files that can be looked at."""
