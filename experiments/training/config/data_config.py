"""The section `data` of a training config: which files and slices are read, and how they are undersampled."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, PlainValidator, model_validator

from recon.data.masks import MaskKind, Sampling, check_sampling
from recon.data.training.selection import Filter
from recon.preprocessing.steps import Steps
from recon.simulation.scanner.scan_plan import Ranges


class Section(BaseModel):
    """A part of the file; keys it does not know are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _one_or_several(value: Any) -> Path | tuple[Path, ...]:
    """Take a folder, or a list of folders and files."""
    if isinstance(value, str | Path):
        return Path(value)
    if isinstance(value, list | tuple) and value and all(isinstance(one, str | Path) for one in value):
        return tuple(Path(one) for one in value)
    raise ValueError("give a folder or a file, or a list of them")


def _as_text(named: Path | tuple[Path, ...]) -> str | list[str]:
    return str(named) if isinstance(named, Path) else list(map(str, named))


Places = Annotated[Path | tuple[Path, ...], PlainValidator(_one_or_several), PlainSerializer(_as_text)]


class FilterConfig(Section):
    """Which volumes and slices are wanted, for training and validation alike.

    Attributes
    ----------
    acquisitions
        Contrasts as fastMRI names them (CORPD_FBK, AXT2, ...); none given, all are wanted.
    coils
        The fewest and the most.
    slices
        The first and the one after the last, counted from 0; negative numbers count from the end.
    """

    acquisitions: tuple[str, ...] = ()
    coils: tuple[int, int] | None = None
    slices: tuple[int | None, int | None] = (None, None)

    @property
    def filter(self) -> Filter:
        """To apply to volumes."""
        return Filter(self.acquisitions, self.coils, self.slices)


class FractionConfig(Section):
    """Which part of what is wanted is used: a fraction of the volumes, of the slices, or of the slices of a fraction.

    The same seed draws the same part.
    """

    volumes: float = Field(default=1, gt=0, le=1)
    slices: float = Field(default=1, gt=0, le=1)
    seed: int = Field(default=0, ge=0)


class PreprocessingConfig(Section):
    """Steps that every slice goes through before undersampling, in this order.

    Attributes
    ----------
    prewhiten
        Whether to make the channels' noise white and of unit variance; no target fits the slice then.
    remove_oversampling
        Whether to keep only the part of the readout that the image shows.
    virtual_coils, geometric_coils
        How many coils to keep at most, the same all over the readout or others at every place; null keeps all.
    pocs, homodyne
        Whether to complete partial Fourier.
    zero_pad
        Whether to pad k-space until the image has the header's reconstruction matrix.
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
        """To apply to slices."""
        return Steps.of(self.model_dump())


class SimulationConfig(Section):
    """What is trained on where `train` names magnitude images: raw data simulated on the fly, no slice twice.

    Attributes
    ----------
    maps
        Measured coil maps to use beside those of simulated loops; none if not given.
    heads
        How many heads of the built-in phantom to add to the images.
    slices
        Of an epoch.
    matrix, coils, snr, accelerations, center_fractions
        Between what each scan is drawn.
    """

    maps: Places | None = None
    heads: int = Field(default=16, ge=0)
    slices: int = Field(default=1000, ge=1)
    matrix: tuple[int, int] = (96, 384)
    coils: tuple[int, int] = (1, 32)
    snr: tuple[float, float] = (4, 200)
    accelerations: tuple[float, float] = (2, 10)
    center_fractions: tuple[float, float] = (0.03, 0.16)

    @model_validator(mode="after")
    def _ranges_ascend(self) -> SimulationConfig:
        for name in ("matrix", "coils", "snr", "accelerations", "center_fractions"):
            lower, upper = getattr(self, name)
            if not 0 < lower <= upper:
                raise ValueError(f"{name} from {lower:g} to {upper:g} is no range of positive numbers")
        return self

    @property
    def ranges(self) -> Ranges:
        """Between what the simulator draws."""
        return Ranges(self.matrix, self.coils, self.snr, self.accelerations, self.center_fractions)


class DataConfig(Section):
    """Which files are read and how they are undersampled.

    Attributes
    ----------
    train, val
        Fully sampled files with targets: a folder, or a list of folders and files.
    mask
        How the lines outside the centre are chosen.
    accelerations, center_fractions
        Pairs. In training each slice gets one of them; in validation every volume gets all, one after the other.
    workers
        Processes that read; 0 to read in between.
    strict
        Whether a file that cannot be used stops the run; if not, it is named and left out.
    filter
        Which volumes and slices are wanted.
    train_fraction, val_fraction
        Which part of them is used.
    preprocessing
        What is done to every slice before undersampling.
    cache
        Local folder for preprocessed slices: from the second epoch on they are read from there.
    simulation
        Given, `train` names files of magnitude images, and raw data is simulated from them.
    """

    train: Places
    val: Places
    mask: MaskKind = MaskKind.RANDOM
    accelerations: tuple[float, ...] = (4, 8)
    center_fractions: tuple[float, ...] = (0.08, 0.04)
    workers: int = Field(default=0, ge=0)
    strict: bool = False
    filter: FilterConfig = FilterConfig()
    train_fraction: FractionConfig = FractionConfig()
    val_fraction: FractionConfig = FractionConfig()
    preprocessing: PreprocessingConfig = PreprocessingConfig()
    cache: Path | None = None
    simulation: SimulationConfig | None = None

    @model_validator(mode="after")
    def _masks_exist(self) -> DataConfig:
        if len(self.accelerations) != len(self.center_fractions) or not self.accelerations:
            counts = f"{len(self.accelerations)} accelerations and {len(self.center_fractions)} center_fractions"
            raise ValueError(f"{counts} make no pairs")
        for sampling in self.samplings:
            check_sampling(sampling.kind, sampling.acceleration, sampling.center_fraction)
        return self

    @property
    def samplings(self) -> tuple[Sampling, ...]:
        """The pairs."""
        pairs = zip(self.accelerations, self.center_fractions, strict=True)
        return tuple(Sampling(self.mask, acceleration, fraction) for acceleration, fraction in pairs)

    def as_protocol(self) -> dict[str, Any]:
        """List what a reader of the weights needs to know; of folders the name, not where they lie."""
        values = self.model_dump(mode="json", exclude={"cache", "workers"})
        if self.simulation is not None and self.simulation.maps is not None:
            values["simulation"]["maps"] = _names(self.simulation.maps)
        return values | {"train": _names(self.train), "val": _names(self.val)}


def places(named: Path | tuple[Path, ...]) -> tuple[Path, ...]:
    """Give a list of one where one folder or file is named."""
    return (named,) if isinstance(named, Path) else named


def _names(named: Path | tuple[Path, ...]) -> str | list[str]:
    return named.name if isinstance(named, Path) else [place.name for place in named]
