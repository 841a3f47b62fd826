"""The `data` section of a training config: which files and slices are read, and how they are undersampled."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, PlainSerializer, PlainValidator, model_validator

from recon.data.masks.kind import CENTERS, MaskKind
from recon.data.masks.sampling import Sampling, check_sampling
from recon.data.training.selection import Filter
from recon.experiments.sections import Section
from recon.preprocessing.steps import Steps
from recon.simulation.noisy_patches import PatchPlan
from recon.simulation.scanner.scan_plan import Ranges
from recon.simulation.scanner.shares import Shares


def _parse_paths(value: Any) -> Path | tuple[Path, ...]:
    if isinstance(value, str | Path):
        return Path(value)
    if isinstance(value, list | tuple) and value and all(isinstance(path, str | Path) for path in value):
        return tuple(Path(path) for path in value)
    raise ValueError("give a folder or a file, or a list of them")


def _dump_paths(paths: Path | tuple[Path, ...]) -> str | list[str]:
    return str(paths) if isinstance(paths, Path) else list(map(str, paths))


Paths = Annotated[Path | tuple[Path, ...], PlainValidator(_parse_paths), PlainSerializer(_dump_paths)]
"""A folder or file, or a list of them."""


class FilterConfig(Section):
    """Choice of volumes and slices, for training and validation alike.

    Attributes
    ----------
    acquisitions
        Contrasts to use, by fastMRI's names (CORPD_FBK, AXT2, ...); an empty list accepts all.
    coils
        Smallest and largest number of coils; null accepts any.
    slices
        First slice and the one after the last, counted from 0; negative numbers count from the end of the volume.
    """

    acquisitions: tuple[str, ...] = ()
    coils: tuple[int, int] | None = None
    slices: tuple[int | None, int | None] = (None, None)

    @property
    def filter(self) -> Filter:
        """The filter to apply to volumes."""
        return Filter(self.acquisitions, self.coils, self.slices)


class FractionConfig(Section):
    """Shares of the filtered data to use. The choice is random and depends on the seed alone.

    Attributes
    ----------
    volumes
        Fraction of the volumes to use.
    slices
        Fraction of the slices of these volumes to use.
    seed
        Seed of the choice.
    """

    volumes: float = Field(default=1, gt=0, le=1)
    slices: float = Field(default=1, gt=0, le=1)
    seed: int = Field(default=0, ge=0)


class PreprocessingConfig(Section):
    """Steps applied to every slice before it is undersampled, in the order of this list.

    Attributes
    ----------
    prewhiten
        Whether to whiten the noise of the coils and scale it to unit variance. The stored target then no longer fits
        the slice, so this is of use only with `training.mode: ssdu`.
    remove_oversampling
        Whether to crop the readout to the part that the image shows.
    virtual_coils
        Number of coils to compress to, with the same combination all along the readout; null keeps all coils.
    geometric_coils
        Number of coils to compress to, with a combination of its own at every position of the readout; null keeps
        all coils.
    pocs, homodyne
        Whether to complete partial Fourier data by this method.
    zero_pad
        Whether to pad k-space with zeros until the image has the reconstruction matrix of the header.
    """

    prewhiten: bool = False
    remove_oversampling: bool = False
    virtual_coils: int | None = Field(default=None, ge=1)
    geometric_coils: int | None = Field(default=None, ge=1)
    pocs: bool = False
    homodyne: bool = False
    zero_pad: bool = False

    @property
    def steps(self) -> Steps:
        """The steps to apply to slices."""
        return Steps.of(self.model_dump())


class SimulationConfig(Section):
    """Training on raw data simulated on the fly from the magnitude images that `train` names; no slice comes twice.

    Each scan draws its properties from the ranges below, each given as smallest and largest value.

    Attributes
    ----------
    maps
        Files of measured coil maps to use besides the maps of simulated coils; null for simulated coils only.
    heads
        Number of built-in head phantoms to add to the images.
    slices
        Number of slices in an epoch.
    matrix
        Range of the sides of the image matrix, in pixels.
    coils
        Range of the number of coils.
    snr
        Range of the signal-to-noise ratio: mean of the noise-free image over tissue, divided by the standard
        deviation of the noise in the real part of a coil's image.
    accelerations
        Range of the acceleration of the masks.
    center_fractions
        Range of the fraction of lines in the fully sampled centre.
    shares
        Shares of the scans with properties that not all have; the keys are those of `Shares`.
    """

    maps: Paths | None = None
    heads: int = Field(default=16, ge=0)
    slices: int = Field(default=1000, ge=1)
    matrix: tuple[int, int] = (96, 384)
    coils: tuple[int, int] = (1, 32)
    snr: tuple[float, float] = (3, 500)
    accelerations: tuple[float, float] = (2, 10)
    center_fractions: tuple[float, float] = (0.03, 0.16)
    shares: Shares = Shares()

    @model_validator(mode="after")
    def _check_ranges(self) -> SimulationConfig:
        for name in ("matrix", "coils", "snr", "accelerations", "center_fractions"):
            lower, upper = getattr(self, name)
            if not 0 < lower <= upper:
                raise ValueError(f"{name} from {lower:g} to {upper:g} is not a range of positive numbers")
        return self

    @property
    def ranges(self) -> Ranges:
        """The ranges that the simulator draws from."""
        return Ranges(
            matrix=self.matrix,
            coils=self.coils,
            snr=self.snr,
            accelerations=self.accelerations,
            center_fractions=self.center_fractions,
            shares=self.shares,
        )


class CineConfig(Section):
    """Training on series of beating hearts simulated on the fly; no series comes twice.

    They show the measured cines, or moving pictures, that `train` names and hearts that are drawn. Each series draws
    its properties from the ranges below, each given as smallest and largest value.

    Attributes
    ----------
    maps
        Files of measured coil maps to use besides the maps of simulated coils; null for simulated coils only.
    hearts
        How often a heart is drawn for every time that each file of `train` is shown.
    still
        Whether `train` names still images of any anatomy, of which a part is made to beat, instead of measured cines.
    series
        Number of series in an epoch.
    frames
        Range of the number of frames.
    matrix
        Range of the sides of the image matrix, in pixels.
    coils
        Range of the number of coils.
    snr
        Range of the signal-to-noise ratio, as in `simulation`.
    breath
        Range of the largest displacement of the chest by breathing, in mm.
    """

    maps: Paths | None = None
    hearts: int = Field(default=4, ge=0)
    still: bool = False
    series: int = Field(default=100, ge=1)
    frames: tuple[int, int] = (8, 16)
    matrix: tuple[int, int] = (96, 192)
    coils: tuple[int, int] = (4, 16)
    snr: tuple[float, float] = (10, 100)
    breath: tuple[float, float] = (0, 8)

    @model_validator(mode="after")
    def _check_ranges(self) -> CineConfig:
        for name, least in (("frames", 1), ("matrix", 16), ("coils", 1), ("snr", 1e-3), ("breath", 0)):
            lower, upper = getattr(self, name)
            if not least <= lower <= upper:
                raise ValueError(f"{name} from {lower:g} to {upper:g} is no range of numbers of at least {least:g}")
        return self


class PatchConfig(Section):
    """Patches of images that a denoiser trains on, and their noise; an enlarger trains on whole images.

    Attributes
    ----------
    size
        Side of a patch, in pixels.
    count
        Number of patches of each image.
    noise
        Range of the standard deviation of the noise, as share of the magnitude that 99.5 % of the image's pixels do
        not exceed; of complex images, that of the real part.
    mapped
        Share of the patches whose noise varies from pixel to pixel, as that of parallel imaging does.
    phase
        Whether the images get the phase of MR images; otherwise they stay real, as those of CT are.
    levels
        Levels of the noise that validation adds, as share of the same magnitude.
    """

    size: int = Field(default=64, ge=8)
    count: int = Field(default=4, ge=1)
    noise: tuple[float, float] = (0.01, 0.15)
    mapped: float = Field(default=0.3, ge=0, le=1)
    phase: bool = True
    levels: tuple[Annotated[float, Field(gt=0)], ...] = Field(default=(0.03, 0.06, 0.12), min_length=1)

    @model_validator(mode="after")
    def _check_range(self) -> PatchConfig:
        if not 0 < self.noise[0] <= self.noise[1]:
            raise ValueError(f"noise from {self.noise[0]:g} to {self.noise[1]:g} is not a range of positive numbers")
        return self

    @property
    def plan(self) -> PatchPlan:
        """The patches that the simulator cuts out."""
        return PatchPlan(self.size, self.count, self.noise, self.mapped, self.phase)


class DataConfig(Section):
    """Files to read, and the undersampling of their slices.

    Attributes
    ----------
    train, val
        Files to train on and to validate on: a folder or file, or a list of them. Supervised training needs fully
        sampled files with targets.
    mask
        Pattern of the lines outside the fully sampled centre.
    accelerations, center_fractions
        Pairs of acceleration and fraction of lines in the centre; the two lists have the same length. Training
        draws one pair for every slice, validation scores every volume with each pair.
    frames
        Largest number of successive frames of a series that a step trains on; null for all.
    workers
        Number of processes that read slices ahead, at most one per visible core; 0 reads them in the training
        process, between the steps.
    strict
        Whether an unusable file stops the run; otherwise it is reported and left out.
    filter
        Volumes and slices to use.
    train_fraction, val_fraction
        Fraction of them to use.
    preprocessing
        Steps applied to every slice before it is undersampled.
    cache
        Local folder that keeps preprocessed slices, from which later epochs and runs read them; null for none.
    simulation
        Settings of the simulation, if `train` names magnitude images to simulate raw data from; otherwise null.
    cine
        Settings of the simulation, if `train` names measured cines and the network takes series; otherwise null.
    patches
        Patches of images for `training.mode: denoise`; `enlarge` uses their noise.
    """

    train: Paths
    val: Paths
    mask: MaskKind = MaskKind.RANDOM
    accelerations: tuple[float, ...] = (4, 8)
    center_fractions: tuple[float, ...] = (0.08, 0.04)
    frames: int | None = Field(default=None, ge=1)
    workers: int = Field(default=0, ge=0)
    strict: bool = False
    filter: FilterConfig = FilterConfig()
    train_fraction: FractionConfig = FractionConfig()
    val_fraction: FractionConfig = FractionConfig()
    preprocessing: PreprocessingConfig = PreprocessingConfig()
    cache: Path | None = None
    simulation: SimulationConfig | None = None
    cine: CineConfig | None = None
    patches: PatchConfig = PatchConfig()

    @model_validator(mode="after")
    def _check_samplings(self) -> DataConfig:
        if len(self.accelerations) != len(self.center_fractions) or not self.accelerations:
            counts = f"{len(self.accelerations)} accelerations and {len(self.center_fractions)} center_fractions"
            raise ValueError(f"{counts} do not form pairs; give as many of one as of the other")
        for sampling in self.samplings:
            if sampling.kind in CENTERS:
                raise ValueError(f"mask {sampling.kind} is for `training.mode: enlarge`, which draws it by itself")
            check_sampling(sampling.kind, sampling.acceleration, sampling.center_fraction)
        return self

    @property
    def samplings(self) -> tuple[Sampling, ...]:
        """The sampling of each pair of acceleration and centre fraction."""
        pairs = zip(self.accelerations, self.center_fractions, strict=True)
        return tuple(Sampling(self.mask, acceleration, fraction) for acceleration, fraction in pairs)

    @property
    def simulated(self) -> SimulationConfig:
        """Settings of the simulation, the defaults if there are none."""
        return self.simulation or SimulationConfig()

    def as_protocol(self) -> dict[str, Any]:
        """Return the values to store with the weights; folders are reduced to their names."""
        values = self.model_dump(mode="json", exclude={"cache", "workers"})
        for name, section in (("simulation", self.simulation), ("cine", self.cine)):
            if section is not None and section.maps is not None:
                values[name]["maps"] = _names(section.maps)
        return values | {"train": _names(self.train), "val": _names(self.val)}


def as_tuple(paths: Path | tuple[Path, ...]) -> tuple[Path, ...]:
    """Return the paths of a config field as a tuple, even if it names only one."""
    return (paths,) if isinstance(paths, Path) else paths


def _names(paths: Path | tuple[Path, ...]) -> str | list[str]:
    return paths.name if isinstance(paths, Path) else [path.name for path in paths]
