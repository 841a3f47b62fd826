"""The contract that every reconstruction method fulfils, classical or learned, ours or a plugin's."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, is_dataclass, replace
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor

from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.data.slabs import Slab

T = TypeVar("T")
R = TypeVar("R")

SLICES_ON_GPU = 8
"""Number of slices that methods which can do so reconstruct together on a GPU."""


class Predictors(NamedTuple):
    """Quantities from which the error of an image is estimated when the true image is unknown.

    Attributes
    ----------
    spread
        Root mean square deviation of images from altered data, real `(rows, columns)`.
    noise
        Standard deviation of the noise in the magnitude of a full scan, real `(rows, columns)`.
    acceleration
        Acceleration of the scan.
    """

    spread: Tensor
    noise: Tensor
    acceleration: float


@dataclass(frozen=True)
class UncertaintyCalibration:
    """The error `sigma^2 = (spread R^acceleration s)^2 + (noise n)^2` from spread `s`, acceleration `R`, noise `n`.

    Attributes
    ----------
    spread, acceleration, noise
        Two factors and an exponent. The defaults are those of the jackknife for a tenth of the lines.
    intervals
        Coverages, ascending, and for each the half-width of its intervals in units of `sigma`, from split conformal
        prediction; empty without.
    scans
        Number of scans that the intervals come from.
    """

    spread: float = 3.0
    acceleration: float = 0.0
    noise: float = 0.0
    intervals: tuple[tuple[float, float], ...] = ()
    scans: int = 0

    def __call__(self, predictors: Predictors) -> Tensor:
        """Return the standard deviation of the image's error `(rows, columns)`, in the image's units."""
        unseen = self.spread * predictors.acceleration**self.acceleration * predictors.spread
        return torch.hypot(unseen, self.noise * predictors.noise)

    def factor(self, coverage: float | None) -> float:
        """Return the half-width of intervals in standard deviations: that of the next coverage on record.

        Parameters
        ----------
        coverage
            Share of the pixels whose errors the intervals cover, for scans like those of the calibration; None for
            one standard deviation.

        Raises
        ------
        InputError
            If the calibration holds no intervals, or its scans are too few for this coverage.
        """
        if coverage is None:
            return 1.0
        for stated, factor in self.intervals:
            if coverage <= stated:
                return factor
        if not self.intervals:
            raise InputError("the calibration of the uncertainty holds no intervals; `recon calibrate` makes them")
        raise InputError(
            f"intervals that cover {coverage:g} of the pixels need more calibration scans than the {self.scans} that "
            f"were used; the largest coverage is {self.intervals[-1][0]:g}"
        )


@dataclass(frozen=True)
class Part:
    """Base of methods and post-processing stages: they have settings, and some have weights and a trained range."""

    def prepare(self) -> None:
        """Load weights and the like now, so that the first image does not wait for them.

        Raises
        ------
        InputError
            If something cannot be loaded.
        """

    def settings(self) -> dict[str, Any]:
        """Return the settings as the protocol of a result records them."""
        return field_values(self)

    def range_warnings(self, acquisition: Acquisition) -> list[str]:
        """Return warnings, each a few words, about properties of a slice outside the range the part was made for.

        Raises
        ------
        InputError
            If the part cannot take this slice.
        """
        del acquisition
        return []

    @property
    def trained(self) -> bool:
        """Whether it has trained weights; `recon calibrate` calibrates the uncertainty of methods that have some."""
        return False


@dataclass(frozen=True)
class Reconstruction(Part, ABC):
    """A reconstruction method: the k-space of one slice in, its image out.

    A method is a frozen dataclass whose fields are its settings and whose docstring names the objective it minimises
    and the paper. It implements `__call__`. Everything else that a caller may ask is a facet with a default, so no
    caller needs to know which kind of method it holds.

    The echo of every acquisition lies at index `N // 2`: the engine moves it there, see `recon.preprocessing.echo`.
    """

    @abstractmethod
    def __call__(self, acquisition: Acquisition) -> Tensor:
        """Reconstruct one slice.

        Parameters
        ----------
        acquisition
            K-space `(coils, readout, phase)`.

        Returns
        -------
        Tensor
            float32 `(rows, columns)`: the header's size, on the scale of the root-sum-of-squares target, on the
            device of the k-space.

        Raises
        ------
        InputError
            If the method cannot reconstruct this slice.
        """

    def batch(self, acquisitions: Sequence[Acquisition]) -> list[Tensor]:
        """Reconstruct several slices; each image equals that of `__call__`."""
        return [self(acquisition) for acquisition in acquisitions]

    def prepare_coils(self, read: Callable[[], Acquisition]) -> None:
        """Do, for a slice whose last lines have yet to come, what depends on its calibration lines alone.

        It is called inside of `recon.calibration.ahead.ahead`, while a scan runs; by default it does nothing. The
        image is the same with and without it.

        Parameters
        ----------
        read
            Function that assembles the slice, k-space `(coils, readout, phase)`, zero where not measured yet.

        Raises
        ------
        InputError
            If the calibration lines do not suffice.
        """
        del read

    @property
    def takes_series(self) -> bool:
        """Whether `batch` is given all frames of a series at once, because each image depends on the others."""
        return False

    @property
    def slab(self) -> Slab | None:
        """Slabs of 3-D scans that `batch` is given, because each image depends on its neighbours; None for others."""
        return None

    @property
    def is_joint(self) -> bool:
        """Whether each image depends on others, so that what `batch` is given cannot be divided."""
        return self.takes_series or self.slab is not None

    def batch_size(self, device: torch.device) -> int:
        """Return how many slices are reconstructed together on a device."""
        del device
        return 1

    def with_settings(self, settings: Mapping[str, Any]) -> Reconstruction:
        """Return the method with other values of some settings."""
        return replace(self, **settings)

    @property
    def uncertainty_calibration(self) -> UncertaintyCalibration | None:
        """The calibration of the method's uncertainty; None if there is none."""
        return None

    @property
    def keeps_phase(self) -> bool:
        """Whether there is a `complex_image`, which post-processing stages need."""
        return False

    def complex_image(self, acquisition: Acquisition) -> Tensor | None:
        """Return the image with its phase; None if the method has none.

        The coil images are combined linearly, along the coil sensitivities in each pixel, so that the noise stays
        complex normal. Where there is signal the magnitude is that of the image, which is the root sum of squares;
        in the air it is lower, because only the noise along one direction among the coils counts there.

        Parameters
        ----------
        acquisition
            K-space `(coils, readout, phase)`.

        Returns
        -------
        Tensor or None
            complex64 `(rows, columns)`, on the scale of the image.

        Raises
        ------
        InputError
            If the method cannot reconstruct this slice.
        """
        del acquisition
        return None

    def noise_map(self, acquisition: Acquisition, covariance: Tensor) -> Tensor | None:
        """Return the standard deviation of the image's noise by a formula; None if there is no formula.

        Parameters
        ----------
        acquisition
            K-space `(coils, readout, phase)`.
        covariance
            complex `(coils, coils)` covariance of the noise in `kspace`.

        Returns
        -------
        Tensor or None
            float32 `(rows, columns)`, in the image's units.
        """
        del acquisition, covariance
        return None

    def for_replicas(self, acquisition: Acquisition) -> Callable[[Acquisition], Tensor]:
        """Return the reconstruction that pseudo-replicas of a slice repeat, by default the method itself.

        A method that measures the noise of a slice, to denoise it by as much, measures it only once here.

        Parameters
        ----------
        acquisition
            K-space `(coils, readout, phase)`, without added noise.

        Raises
        ------
        InputError
            If the method cannot reconstruct this slice.
        """
        del acquisition
        return self


@dataclass(frozen=True)
class SeriesReconstruction(Reconstruction):
    """A method that reconstructs the frames of a dynamic series together.

    It implements `batch`, which is given all frames at one place in the order of time. A single image is a series of
    one frame.
    """

    def __call__(self, acquisition: Acquisition) -> Tensor:
        """Reconstruct a series of one frame."""
        return self.batch([acquisition])[0]

    @abstractmethod
    def batch(self, acquisitions: Sequence[Acquisition]) -> list[Tensor]:
        """Reconstruct a series.

        Parameters
        ----------
        acquisitions
            Frames in the order of time, k-space `(coils, readout, phase)`, each with its own mask.

        Returns
        -------
        list of Tensor
            float32 `(rows, columns)` for each frame, as `Reconstruction.__call__` returns it.

        Raises
        ------
        InputError
            If the method cannot reconstruct the series.
        """

    @property
    def takes_series(self) -> bool:
        """Always true."""
        return True


def in_groups(items: Sequence[T], key: Callable[[T], Hashable], work: Callable[[list[T]], Iterable[R]]) -> list[R]:
    """Do some work on items of the same key together, and return the results in the order of the items."""
    groups: dict[Hashable, list[int]] = defaultdict(list)
    for index, item in enumerate(items):
        groups[key(item)].append(index)
    results: dict[int, R] = {}
    for indices in groups.values():
        results |= zip(indices, work([items[index] for index in indices]), strict=True)
    return [results[index] for index in range(len(items))]


def field_values(settings: Any) -> dict[str, Any]:
    """Return the fields of a dataclass by name, those that are dataclasses themselves as dictionaries."""

    def plain(value: Any) -> Any:
        return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value

    return {field.name: plain(getattr(settings, field.name)) for field in fields(settings)}
