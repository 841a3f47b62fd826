"""The options of commands whose work processes and machines share, as the text that travels to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from recon.data.open import open_volume
from recon.experiments.cluster.job import Work
from recon.experiments.commands.arguments.methods import build_method, build_methods, parse_oracle, parse_tuned
from recon.experiments.commands.arguments.samplings import (
    parse_accelerations,
    parse_mask,
    parse_protocol,
    parse_sampling,
)
from recon.experiments.commands.arguments.uncertainty import Bounds, parse_coverage
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


@dataclass(frozen=True, kw_only=True)
class ImagesJob:
    """The options that `recon compare` and `recon reconstruct` share, named as there."""

    output: Path
    mask: str
    center_fraction: float | None
    settings: Words = ()
    tuned: Path | None
    checkpoint: str | None
    plugins: Paths = ()
    preprocess: str
    uncertainty: Bounds | None
    coverage: float | None
    noise_floor: bool
    device: str


@dataclass(frozen=True, kw_only=True)
class CompareJob(ImagesJob):
    """The options of `recon compare` on which its numbers depend."""

    methods: str
    accelerations: str
    seed: str
    oracle: str
    shown: int
    viewer: float

    def comparison(self) -> Comparison:
        """Build the methods and the protocol.

        Raises
        ------
        InputError
            If an option has a wrong value.
        """
        from recon.experiments.engine.comparison.comparison import Comparison

        built = build_methods(self.methods, self.settings, self.checkpoint, self.plugins)
        return Comparison(
            methods=built,
            samplings=parse_protocol(self.mask, self.accelerations, self.center_fraction, self.seed),
            shown=self.shown,
            viewer=self.viewer,
            tuned=parse_tuned(self.tuned, built, self.settings),
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


@dataclass(frozen=True, kw_only=True)
class ReconstructJob(ImagesJob):
    """The options of `recon reconstruct`."""

    method: str
    formats: str | None
    acceleration: float | None
    seed: int
    noise: bool
    g_factor: bool
    axes: str | None
    variable: str | None
    overwrite: bool

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
        method = build_method(self.method, self.settings, self.checkpoint, self.plugins)
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


@dataclass(frozen=True, kw_only=True)
class TuneJob:
    """The options of `recon tune`, named as there."""

    inputs: Paths
    methods: str
    accelerations: str
    mask: str
    center_fraction: float | None
    seed: int
    slices: int
    plugins: Paths = ()
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
            methods=build_methods(self.methods, None, None, self.plugins),
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


J = TypeVar("J", bound=ImagesJob | TuneJob)


def job_of(kind: type[J], options: Mapping[str, Any]) -> J:
    """Build a job from the options of its command, whose names are those of its fields.

    Lists become tuples, and None becomes the default of a field that has one.
    """
    given = [(field, options[field.name]) for field in fields(kind)]
    values: dict[str, Any] = {
        field.name: tuple(value) if isinstance(value, list) else value
        for field, value in given
        if value is not None or field.default is MISSING
    }
    return kind(**values)
