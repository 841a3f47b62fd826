"""The methods of a comparison, and the protocol under which they are compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, TypeVar

from recon.contract import Reconstruction, UncertaintyCalibration
from recon.data.errors import InputError
from recon.data.masks.sampling import Sampling
from recon.data.open import Volume
from recon.experiments.console import warn
from recon.experiments.engine.method_warnings import calibration_for
from recon.experiments.engine.sampled_volume import SampledVolume
from recon.experiments.engine.scores.detail import RULE as DETAIL_RULE
from recon.experiments.engine.scores.metrics import FOREGROUND
from recon.experiments.engine.tuning.best_weight import BestWeight
from recon.experiments.engine.tuning.settings import TunedSettings
from recon.experiments.report.lead import ORACLE
from recon.preprocessing.steps import NO_STEPS, Steps
from recon.quality.noise_floor import RULE

T = TypeVar("T")


@dataclass(frozen=True)
class Comparison:
    """The methods to compare, and the protocol.

    Attributes
    ----------
    methods
        Methods by the name under which they are registered.
    samplings
        All the ways in which fully sampled scans are undersampled.
    shown
        Number of volumes that the report shows in pictures, with the first seed.
    tuned
        Settings by contrast and acceleration that replace those of the methods.
    steps
        Preprocessing of every slice, before it is undersampled.
    uncertain
        Whether to compute the uncertainty of the images, and compare it with their errors.
    oracle
        Names of the methods that run a second time, at the best `lamda` for each slice, where a file has a target.
    floor
        Whether every image is brought to the noise floor of a full scan, see `with_noise_floor`.
    coverage
        Share of the pixels that the uncertainty covers; None for one standard deviation.
    viewer
        Megabytes of images that the viewers of the report may scroll through; 0 for pictures alone.
    """

    methods: dict[str, Reconstruction]
    samplings: tuple[Sampling, ...]
    shown: int = 8
    tuned: TunedSettings | None = None
    steps: Steps = NO_STEPS
    uncertain: bool = False
    oracle: tuple[str, ...] = ()
    floor: bool = True
    coverage: float | None = None
    viewer: float = 12.0

    def scans(self, volume: Volume) -> list[SampledVolume]:
        """Return a volume under every sampling, or as it was acquired if the scanner undersampled it."""
        samplings = self.samplings if volume.mask is None else [None]
        return [SampledVolume(volume, sampling) for sampling in samplings]

    def methods_for(self, scan: SampledVolume) -> dict[str, Reconstruction]:
        """Return the methods with their settings for a scan, and the oracles if there is a target.

        Raises
        ------
        InputError
            If a method was tuned, but not for the contrast of the scan.
        """
        methods = self.methods
        if self.tuned is not None:
            methods = {name: self.tuned.adapt(name, method, scan) for name, method in methods.items()}
        return methods | ({} if scan.volume.target_name is None else self._oracles(methods))

    def _oracles(self, methods: Mapping[str, Reconstruction]) -> dict[str, Reconstruction]:
        return {f"{name}{ORACLE}": BestWeight(methods[name], self.floor) for name in self.oracle}

    @cached_property
    def calibrations(self) -> dict[str, UncertaintyCalibration]:
        """Calibration of each method's uncertainty; empty if it is not asked for. Oracles have none.

        Methods without the calibration that intervals need are left out with a warning.
        """
        found = {}
        for name, method in self.methods.items() if self.uncertain else ():
            try:
                found[name] = calibration_for(name, method, self.coverage)
            except InputError as error:
                warn(str(error))
        return found

    def protocol(self) -> dict[str, Any]:
        """Return everything that is needed to repeat the numbers."""
        every = self.methods | self._oracles(self.methods)
        methods = {name: method.settings() for name, method in every.items()}
        if self.tuned is not None:
            for name in methods:
                methods[name] |= dict.fromkeys(self.tuned.keys(name), "tuned")
        uncertainty = {name: asdict(calibration) for name, calibration in self.calibrations.items()}
        return {
            "masks": distinct(sampling.name for sampling in self.samplings),
            "accelerations": distinct(sampling.acceleration for sampling in self.samplings),
            "center fractions": distinct(sampling.center_fraction for sampling in self.samplings),
            "seeds": distinct(sampling.seed for sampling in self.samplings),
            "mask seeding": "by file name; seed 0 as fastMRI's validation",
            "crop": "the reconstruction matrix of the header",
            "SSIM range": "largest target value of the volume",
            "noise floor": RULE if self.floor else "none",
            "foreground": FOREGROUND,
            "fine detail": DETAIL_RULE,
            "preprocessing": list(self.steps.words),
            "methods": methods,
            **({} if self.tuned is None else {"tuned settings": self.tuned.summary()}),
            **({"uncertainty": uncertainty} if uncertainty else {}),
            **({} if self.coverage is None else {"coverage": self.coverage}),
        }


def distinct(values: Iterable[T]) -> list[T]:
    """Return each value once, in the order of its first place."""
    return list(dict.fromkeys(values))
