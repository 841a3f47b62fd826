"""Provides the training data of a run: measured slices, freshly undersampled or split, simulated ones, or images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol

import torch

from recon.data.errors import InputError
from recon.data.masks.sampling import Sampling
from recon.data.open import Volume
from recon.data.training.datasets import FreshMasks, SliceDataset
from recon.data.training.series import SeriesDataset, VolumeSeries
from recon.data.training.split_slices import Split, SplitSlices
from recon.experiments.console import progress
from recon.experiments.training.config.data_config import SimulationConfig, as_tuple
from recon.experiments.training.config.train_config import TrainConfig
from recon.experiments.training.input.preparation import centred, series_centred, split_centred
from recon.experiments.training.input.reading import Slices
from recon.experiments.training.input.simulated_cines import SimulatedCines
from recon.experiments.training.input.volumes import open_volumes
from recon.experiments.training.record.provenance import SliceFile
from recon.experiments.training.record.simulation_pictures import write_patch_pictures, write_simulation_pictures
from recon.simulation.cropped_scans import CroppedScans
from recon.simulation.noisy_patches import PatchSimulator, PatchSlices
from recon.simulation.scanner.measured_maps import fill_maps
from recon.simulation.scanner.simulator import Simulator
from recon.simulation.scanner.slices import SimulatedSlices
from recon.simulation.scanner.subject.anatomy import Anatomy, draw_heads, load_anatomies, load_maps


class TrainingData(Protocol):
    """Slices to train on, different in every epoch."""

    @property
    def files(self) -> Sequence[SliceFile]:
        """The files that the slices come from."""

    def epoch(self, number: int, early: bool = False) -> Slices:
        """Return the slices of an epoch, those of the early part of the run or the others."""

    def write_pictures(self, folder: Path) -> None:
        """Write pictures of data that exists in no file."""


def open_training_data(config: TrainConfig, device: torch.device) -> TrainingData:
    """Open the files that a config trains on.

    Raises
    ------
    InputError
        If the files cannot be used, or a self-supervised training asks for simulated slices.
    """
    if config.training.mode in {"denoise", "enlarge"}:
        return SimulatedImages(config, config.data.simulated, device)
    if config.data.cine is not None:
        return SimulatedCines(config, config.data.cine, device)
    simulation = config.data.simulation
    if simulation is None:
        return MeasuredScans(config, open_volumes(config.data, "train", config.training.mode == "supervised"))
    if config.training.mode != "supervised":
        raise InputError(
            "data.simulation: simulated slices have targets; train on them with training.mode=supervised"
        )
    return SimulatedScans(config, simulation, device)


@dataclass(frozen=True, eq=False)
class MeasuredScans:
    """Slices of raw-data files, or series of them for networks that take series."""

    config: TrainConfig
    files: Sequence[Volume]

    def epoch(self, number: int, early: bool = False) -> Slices:  # noqa: ARG002 - measured slices are what they are
        """Return the slices of an epoch, undersampled or split differently in each."""
        config = self.config
        if config.training.mode == "ssdu":
            split = ssdu_split(config, config.data.samplings)
            split_fresh = partial(split.for_training, seed=config.seed, epoch=number)
            return SplitSlices(self.files, partial(split_centred, scanned=split.scanned, split=split_fresh))
        masks = FreshMasks(config.data.samplings, config.seed, number)
        if config.takes_series:
            prepare = partial(series_centred, undersample=masks)
            return SeriesDataset(VolumeSeries(self.files), prepare, config.data.frames, (config.seed, number))
        return SliceDataset(self.files, partial(centred, undersample=masks))

    def write_pictures(self, folder: Path) -> None:
        """Do nothing: the files can be looked at."""


class SimulatedScans:
    """Slices simulated from magnitude images, on the training device unless reading processes do it."""

    def __init__(self, config: TrainConfig, simulation: SimulationConfig, device: torch.device) -> None:
        self.files: Sequence[Anatomy] = load_anatomies(as_tuple(config.data.train))
        self._seed, self._count, self._together = config.seed, simulation.slices, config.batch_size
        heads = _drawn_heads(simulation.heads, config.seed)
        maps = [] if simulation.maps is None else load_maps(as_tuple(simulation.maps))
        where = torch.device("cpu") if config.data.workers else device
        self._simulator = Simulator([*self.files, *heads], list(map(fill_maps, maps)), simulation.ranges, where)
        matrix = None if config.early is None else config.early.matrix
        early = simulation.ranges if matrix is None else replace(simulation.ranges, matrix=matrix)
        self._early = replace(self._simulator, ranges=early)

    def epoch(self, number: int, early: bool = False) -> SimulatedSlices:
        """Return the slices of an epoch, simulated differently in each; those of a batch have the same shape."""
        simulator = self._early if early else self._simulator
        return SimulatedSlices(simulator, self._count, (self._seed, number), self._together)

    def write_pictures(self, folder: Path) -> None:
        """Write pictures of the simulator's effects and of the first slices."""
        write_simulation_pictures(folder, self._simulator, self.epoch(0))


class SimulatedImages:
    """Pairs of images with and without noise, simulated from magnitude images: patches, or whole ones to enlarge."""

    def __init__(self, config: TrainConfig, simulation: SimulationConfig, device: torch.device) -> None:
        self.files: Sequence[Anatomy] = load_anatomies(as_tuple(config.data.train))
        self._seed, self._count, self._together = config.seed, simulation.slices, config.batch_size
        self._enlarge = config.training.mode == "enlarge"
        anatomies = [*self.files, *_drawn_heads(simulation.heads, config.seed)]
        where = torch.device("cpu") if config.data.workers else device
        simulator = Simulator(anatomies, (), simulation.ranges, where)
        self._simulator = PatchSimulator(simulator, config.data.patches.plan)

    def epoch(self, number: int, early: bool = False) -> PatchSlices | CroppedScans:
        """Return the images of an epoch, simulated differently in each; none is cheaper early in the run."""
        del early
        if self._enlarge:
            return CroppedScans(self._simulator, self._count, (self._seed, number), self._together)
        return PatchSlices(self._simulator, self._count, (self._seed, number))

    def write_pictures(self, folder: Path) -> None:
        """Write a picture of the first patches."""
        write_patch_pictures(folder, self.epoch(0))


def ssdu_split(config: TrainConfig, samplings: tuple[Sampling, ...]) -> Split:
    """Return how self-supervised training splits measured lines.

    Parameters
    ----------
    config
        Fractions of the split.
    samplings
        Samplings, one of which a fully sampled scan is undersampled with first.
    """
    training = config.training
    return Split(samplings, training.loss_fraction, training.center, training.holdout, training.density)


def _drawn_heads(count: int, seed: int) -> list[Anatomy]:
    with progress() as bar:
        bar.add_task(f"draw {count} heads", total=None)
        return draw_heads(count, seed)
