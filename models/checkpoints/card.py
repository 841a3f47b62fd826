"""Reads and writes cards of trained weights: JSON files beside them that state their training data and scores."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, ValidationError

from recon.contract import UncertaintyCalibration
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.data.masks.measured import center_lines
from recon.data.storage.atomic import atomic_path

TOLERANCE = 1.15
"""Factor by which the acceleration may leave its range: random masks measure more or fewer lines than requested."""

LARGEST_CARD = 2**20
"""Largest number of bytes of a card."""

Fraction = Annotated[float, Field(ge=0, le=1)]


class TrainedRange(BaseModel):
    """The range of scans that weights were trained on; each pair is a minimum and a maximum.

    Attributes
    ----------
    accelerations
        Acceleration requested of the masks.
    center_fractions
        Share of the lines, around DC, that are fully sampled.
    coils
        Number of coils.
    matrix
        Size of the matrix along either axis.
    planes
        Whether masks along two phase axes were among those of training, as 3-D scans have them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    accelerations: tuple[PositiveFloat, PositiveFloat]
    center_fractions: tuple[Fraction, Fraction]
    coils: tuple[PositiveInt, PositiveInt]
    matrix: tuple[PositiveInt, PositiveInt]
    planes: bool = False

    def warnings(self, acquisition: Acquisition) -> list[str]:
        """Return in what respects a slice lies outside this range, each in a few words.

        More calibration lines than in training are harmless, and random masks add some by chance: no warning.
        """
        least, most = self.accelerations
        acceleration, coils = acquisition.acceleration, acquisition.coils
        found = []
        if not least / TOLERANCE <= acceleration <= most * TOLERANCE:
            found.append(f"acceleration {acceleration:.3g}, trained on {_span(self.accelerations)}")
        if not self.coils[0] <= coils <= self.coils[1]:
            found.append(f"{coils} coil{'s' if coils > 1 else ''}, trained on {_span(self.coils)}")
        if not all(self.matrix[0] <= size <= self.matrix[1] for size in acquisition.matrix):
            found.append(f"matrix {'x'.join(map(str, acquisition.matrix))}, trained on {_span(self.matrix)}")
        if acquisition.mask.ndim == 2:
            if not self.planes:
                found.append("undersampled along both axes, trained on whole lines")
        elif (lines := _calibration_lines(acquisition)) < (fewest := self._fewest_lines(acquisition)):
            found.append(f"{lines or 'no'} calibration lines, trained on {fewest} or more of {acquisition.matrix[1]}")
        return found

    def _fewest_lines(self, acquisition: Acquisition) -> int:
        return round(self.center_fractions[0] * acquisition.matrix[1])

    def __str__(self) -> str:
        least, most = (100 * fraction for fraction in self.center_fractions)
        return (
            f"{_span(self.accelerations)}x, {least:g} to {most:g} % at the centre, {_span(self.coils)} coils, "
            f"matrix {_span(self.matrix)}{', 2-D masks too' if self.planes else ''}"
        )


class DataSource(BaseModel):
    """A data set that the weights were trained on.

    Attributes
    ----------
    name
        Name of the data set.
    origin
        Where the data come from, for example a URL.
    licence
        Licence of the data.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    origin: str
    licence: str


class Card(BaseModel):
    """The card of a file of weights.

    Attributes
    ----------
    sha256
        SHA-256 of the file, 64 hexadecimal digits.
    licence
        Licence of the weights.
    trained
        Range of scans in the training data; None if it was not recorded.
    noise
        Smallest and largest noise that a denoiser was trained on, as share of the magnitude that 99.5 % of an image's
        pixels do not exceed; None for other networks.
    uncertainty
        Calibration written by `recon calibrate`; None before that.
    data
        Data sets that the weights were trained on.
    metrics
        Scores by data set, for example `{"brain_t1_7ch, random 4x": {"ssim": 0.9, "psnr": 35.0, "slices": 1}}`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    licence: str = ""
    trained: TrainedRange | None = None
    noise: tuple[PositiveFloat, PositiveFloat] | None = None
    uncertainty: UncertaintyCalibration | None = None
    data: tuple[DataSource, ...] = ()
    metrics: dict[str, dict[str, float]] = {}

    @property
    def trained_on(self) -> str:
        """The range of scans or of noise in the training data, in a few words."""
        if self.noise is not None:
            return f"images with noise of {_span((100 * self.noise[0], 100 * self.noise[1]))} %"
        return "unknown" if self.trained is None else str(self.trained)


def card_path(weights: Path) -> Path:
    """Return the path of the card that belongs to a file of weights."""
    return weights.with_suffix(".json")


def read_card(weights: Path) -> Card | None:
    """Read the card beside a file of weights; return None if there is none.

    Raises
    ------
    InputError
        If the file beside the weights is not a valid card.
    """
    path = card_path(weights)
    if not path.is_file():
        return None
    if path.stat().st_size > LARGEST_CARD:
        raise InputError(f"{path}: has {path.stat().st_size} bytes, more than the limit of {LARGEST_CARD} for a card")
    try:
        return Card.model_validate_json(path.read_bytes())
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(map(str, problem["loc"])) or "the file"
        raise InputError(f"{path}: not a valid card of the weights beside it ({place}: {problem['msg']})") from error


def write_card(weights: Path, card: Card) -> None:
    """Write the card of a file of weights atomically."""
    with atomic_path(card_path(weights)) as temporary:
        temporary.write_text(card.model_dump_json(indent=2) + "\n", encoding="utf-8")


def _calibration_lines(acquisition: Acquisition) -> int:
    if acquisition.calibration is not None:
        return acquisition.calibration.shape[-1]
    lines = center_lines(acquisition.mask)
    return lines.stop - lines.start


def _span(values: tuple[float, float]) -> str:
    return f"{values[0]:g} to {values[1]:g}"
