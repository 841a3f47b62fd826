"""The options of commands whose work processes and machines share, as the text that travels to them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from recon.data.open import open_volume
from recon.experiments.cluster.job import Work
from recon.experiments.commands.arguments.options import Bounds
from recon.experiments.commands.arguments.parse import (
    build_method,
    build_methods,
    parse_accelerations,
    parse_coverage,
    parse_mask,
    parse_oracle,
    parse_protocol,
    parse_sampling,
    parse_tuned,
)
from recon.experiments.commands.raw_data.convert import convert_into
from recon.experiments.engine.device import pick_device
from recon.experiments.engine.method_warnings import calibration_for
from recon.experiments.engine.reconstruct import ReconstructionWork
from recon.experiments.engine.results.image_files import parse_image_files
from recon.experiments.engine.run import Runner
from recon.preprocessing.steps import parse_steps

if TYPE_CHECKING:
    from recon.experiments.engine.comparison.comparison import Comparison
    from recon.experiments.engine.tuning.tune import Tuning

Words = tuple[str, ...]
Paths = tuple[Path, ...]


@dataclass(frozen=True)
class CompareJob:
    """The options of `recon compare` on which its numbers depend, named as there."""

    output: Path
    methods: str
    accelerations: str
    mask: str
    center_fraction: float | None
    seed: str
    oracle: str
    settings: Words
    tuned: Path | None
    checkpoint: str | None
    plugins: Paths
    preprocess: str
    uncertainty: Bounds | None
    coverage: float | None
    noise_floor: bool
    shown: int
    viewer: float
    device: str

    def comparison(self) -> Comparison:
        """Build the methods and the protocol.

        Raises
        ------
        InputError
            If an option has a wrong value.
        """
        from recon.experiments.engine.comparison.comparison import Comparison

        built = build_methods(self.methods, list(self.settings), self.checkpoint, self.plugins)
        return Comparison(
            methods=built,
            samplings=parse_protocol(self.mask, self.accelerations, self.center_fraction, self.seed),
            shown=self.shown,
            viewer=self.viewer,
            tuned=parse_tuned(self.tuned, built, list(self.settings)),
            steps=parse_steps(self.preprocess),
            uncertain=self.uncertainty is not None,
            coverage=parse_coverage(self.uncertainty, self.coverage),
            oracle=parse_oracle(self.oracle, built),
            floor=self.noise_floor,
        )

    def work(self) -> Work:
        """Build the methods, and return the function that reconstructs and scores one scan with one of them."""
        from recon.experiments.engine.comparison.work import ComparisonWork

        return ComparisonWork(self.comparison(), self.output, pick_device(self.device))


@dataclass(frozen=True)
class ReconstructJob:
    """The options of `recon reconstruct`, named as there."""

    output: Path
    method: str
    formats: str | None
    acceleration: float | None
    mask: str
    center_fraction: float | None
    seed: int
    settings: Words
    tuned: Path | None
    checkpoint: str | None
    plugins: Paths
    preprocess: str
    uncertainty: Bounds | None
    coverage: float | None
    noise: bool
    g_factor: bool
    noise_floor: bool
    axes: str | None
    variable: str | None
    overwrite: bool
    device: str

    def work(self) -> ReconstructionWork:
        """Build the method, and return the function that reconstructs one file with it.

        Raises
        ------
        InputError
            If an option has a wrong value.
        """
        sampling = None
        if self.acceleration is not None:
            sampling = parse_sampling(self.mask, self.acceleration, self.center_fraction, self.seed)
        method = build_method(self.method, list(self.settings), self.checkpoint, self.plugins)
        explicit = [f"{self.method}.{setting}" for setting in self.settings]
        tuned = parse_tuned(self.tuned, [self.method], explicit)
        files = parse_image_files(self.output, self.formats, self.overwrite)
        steps = parse_steps(self.preprocess)
        share = parse_coverage(self.uncertainty, self.coverage)
        calibration = calibration_for(self.method, method, share) if self.uncertainty else None
        runner = Runner(
            self.method,
            method,
            pick_device(self.device),
            calibration,
            self.noise,
            self.g_factor,
            self.noise_floor,
            share,
        )
        opened = partial(open_volume, axes=self.axes, variable=self.variable)
        return ReconstructionWork(runner, files, sampling, tuned, steps, opened)


@dataclass(frozen=True)
class EvaluateJob:
    """The options of `recon evaluate`, named as there."""

    predictions: Path

    def work(self) -> Work:
        """Return the function that scores one file."""
        from recon.experiments.engine.scores.evaluate import score_prediction

        return partial(score_prediction, self.predictions)


@dataclass(frozen=True)
class TuneJob:
    """The options of `recon tune`, named as there."""

    inputs: Paths
    methods: str
    accelerations: str
    mask: str
    center_fraction: float | None
    seed: int
    slices: int
    plugins: Paths
    device: str

    def tuning(self) -> Tuning:
        """Build the methods and the protocol.

        Raises
        ------
        InputError
            If an option has a wrong value.
        """
        from recon.experiments.engine.tuning.tune import Tuning

        mask = parse_mask(self.mask)
        return Tuning(
            methods=build_methods(self.methods, [], None, self.plugins),
            accelerations=parse_accelerations(self.accelerations, mask, self.center_fraction, self.seed),
            mask=mask,
            center_fraction=self.center_fraction,
            seed=self.seed,
            slices=self.slices,
        )

    def work(self) -> Work:
        """Build the methods, and return the function that tunes one of them."""
        from recon.experiments.engine.tuning.tune import TuningWork

        return TuningWork(self.inputs, self.tuning(), pick_device(self.device))


@dataclass(frozen=True)
class ConvertJob:
    """The options of `recon convert`, named as there."""

    output: Path
    to: str
    axes: str | None
    variable: str | None
    overwrite: bool

    def work(self) -> Work:
        """Return the function that converts one file into the folder."""
        return partial(convert_into, self)
