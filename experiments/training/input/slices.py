"""What a run trains on: undersampled by fresh masks or, self-supervised, parted by fresh choices; or simulated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import torch

from recon.data.errors import InputError
from recon.data.masks import Sampling
from recon.data.open import Volume
from recon.data.training.datasets import FreshMasks, SliceDataset
from recon.data.training.split_slices import Split, SplitSlices
from recon.experiments.console import progress
from recon.experiments.training.config.data_config import SimulationConfig, places
from recon.experiments.training.config.train_config import TrainConfig
from recon.experiments.training.input.reading import Slices
from recon.experiments.training.input.simulated_pictures import write_pictures
from recon.experiments.training.input.volumes import open_volumes
from recon.experiments.training.record.provenance import Described
from recon.simulation.scanner.anatomy import Anatomy, draw_heads, load_anatomies, load_maps
from recon.simulation.scanner.measured_maps import fill_maps
from recon.simulation.scanner.simulator import Simulator
from recon.simulation.scanner.slices import SimulatedSlices


class Source(Protocol):
    """Gives the slices of every epoch."""

    @property
    def files(self) -> Sequence[Described]:
        """What they come from."""

    def epoch(self, number: int) -> Slices:
        """Give the slices of an epoch, as in no other."""

    def show(self, folder: Path) -> None:
        """Write pictures of what cannot be looked at in a file."""


def open_source(config: TrainConfig, device: torch.device) -> Source:
    """Open the files that a config trains on.

    Raises
    ------
    InputError
        If they cannot be used.
    """
    simulation = config.data.simulation
    if simulation is None:
        return Scans(config, open_volumes(config.data, "train", config.training.mode == "supervised"))
    if config.training.mode != "supervised":
        raise InputError(
            "data.simulation: simulated slices have targets; train on them with training.mode=supervised"
        )
    return Simulation(config, simulation, device)


@dataclass(frozen=True, eq=False)
class Scans:
    """Slices of raw-data files."""

    config: TrainConfig
    files: Sequence[Volume]

    def epoch(self, number: int) -> Slices:
        """Give the slices of an epoch, undersampled or parted as in no other."""
        config = self.config
        if config.training.mode == "ssdu":
            split = split_of(config, config.data.samplings)
            return SplitSlices(self.files, partial(split.for_training, seed=config.seed, epoch=number))
        return SliceDataset(self.files, FreshMasks(config.data.samplings, config.seed, number))

    def show(self, folder: Path) -> None:
        """Leave it to those who have the files."""


class Simulation:
    """Slices that are simulated from magnitude images, on the training device unless other processes do it."""

    def __init__(self, config: TrainConfig, simulation: SimulationConfig, device: torch.device) -> None:
        self.files: Sequence[Anatomy] = load_anatomies(places(config.data.train))
        self._seed, self._count = config.seed, simulation.slices
        with progress() as bar:
            bar.add_task(f"draw {simulation.heads} heads", total=None)
            heads = draw_heads(simulation.heads, config.seed)
        maps = [] if simulation.maps is None else load_maps(places(simulation.maps))
        on = torch.device("cpu") if config.data.workers else device
        self._simulator = Simulator([*self.files, *heads], list(map(fill_maps, maps)), simulation.ranges, on)

    def epoch(self, number: int) -> SimulatedSlices:
        """Give the slices of an epoch, simulated as in no other."""
        return SimulatedSlices(self._simulator, self._count, (self._seed, number))

    def show(self, folder: Path) -> None:
        """Write pictures of the effects and of the first slices."""
        write_pictures(folder, self._simulator, self.epoch(0))


def split_of(config: TrainConfig, samplings: tuple[Sampling, ...]) -> Split:
    """Say how measured lines are parted, fully sampled scans being undersampled by one of `samplings` first."""
    training = config.training
    return Split(samplings, training.loss_fraction, training.center, training.holdout)
