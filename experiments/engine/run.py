"""Run a method over slices: the one way in which every command turns k-space into images.

Nothing in this module opens a file or prints, and no image leaves it with a pixel that is not finite.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import groupby, islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recon.calibration.ahead import ahead
from recon.contract import Predictors, Reconstruction, UncertaintyCalibration
from recon.data.acquisition import Acquisition
from recon.data.describe import describe_image
from recon.data.errors import InputError
from recon.data.slabs import slabs
from recon.experiments.engine.device import CPU, in_halves, to_device
from recon.experiments.engine.pipeline import prefetched
from recon.preprocessing.echo import centre_echo, centre_echoes
from recon.preprocessing.time_average import with_time_average
from recon.quality.noise_floor import with_noise_floor
from recon.quality.noise_map import REPLICAS, g_factor_map, noise_map
from recon.quality.uncertainty import magnitude_noise, noise_level, spread, views
from recon.timing import timed

UNCERTAINTY = "uncertainty"
"""Name of the maps of one standard deviation of the error that is expected in the image."""

INTERVAL = "interval"
"""Name of the maps of half-widths of intervals that contain the truth in a stated share of the pixels."""

NOISE = "noise"
"""Name of the maps of one standard deviation of the noise in the image."""

G_FACTOR = "g_factor"
"""Name of the maps of the g-factor: that noise over the noise of a full scan and the root of the acceleration."""

ALL = slice(None)

Values = NDArray[np.float32]


class NotFiniteError(InputError):
    """A method's image, or a map of it, holds NaN or Inf."""


@dataclass(frozen=True, eq=False)
class SliceResult:
    """Image of one slice.

    Attributes
    ----------
    image
        float32 `(rows, columns)`.
    seconds
        Time to reconstruct the image, without the maps.
    maps
        Maps by name, float32 `(rows, columns)`: standard deviations in the image's units, and g-factors.
    index
        Index of the slice in its file.
    """

    image: Values
    seconds: float
    maps: dict[str, Values] = field(default_factory=dict)
    index: int = 0


@dataclass(frozen=True, eq=False)
class Result:
    """Images of all slices of a volume.

    Attributes
    ----------
    images
        float32 `(slices, rows, columns)`.
    seconds
        Time to reconstruct the images, without reading them and without the maps.
    maps
        Maps by name, of the images' shape.
    """

    images: Values
    seconds: float
    maps: dict[str, Values] = field(default_factory=dict)


@dataclass(frozen=True)
class Runner:
    """A method, where it runs, and the maps it computes beside the images.

    Attributes
    ----------
    name
        Name under which the method is registered.
    method
        The method.
    device
        Device on which the method runs; slices may lie anywhere.
    uncertainty
        Calibration of the maps of uncertainty; None to compute no such maps.
    noise, g_factor
        Whether to compute maps of the noise, and of the g-factor; both are those of images without the floor.
    floor
        Whether to bring every image to the noise floor of a full scan, see `with_noise_floor`.
    coverage
        Share of the pixels that intervals cover; None to compute standard deviations.
    replicas
        Number of pseudo-replicas of a method whose noise no formula gives.
    """

    name: str
    method: Reconstruction
    device: torch.device = CPU
    uncertainty: UncertaintyCalibration | None = None
    noise: bool = False
    g_factor: bool = False
    floor: bool = False
    coverage: float | None = None
    replicas: int = REPLICAS

    @property
    def bounds(self) -> str:
        """Name of the maps that bound the error."""
        return UNCERTAINTY if self.coverage is None else INTERVAL

    @property
    def map_names(self) -> tuple[str, ...]:
        """Names of the maps in every result."""
        computed = {self.bounds: self.uncertainty is not None, NOISE: self.noise, G_FACTOR: self.g_factor}
        return tuple(name for name, wanted in computed.items() if wanted)

    def volume(self, acquisitions: Iterable[Acquisition], on_slice: Callable[[], None] = lambda: None) -> Result:
        """Reconstruct all slices of a volume.

        Parameters
        ----------
        acquisitions
            The slices, those of a series in succession. While a batch is computed, another thread reads the next one;
            no more are held.
        on_slice
            Function to call after every slice.

        Raises
        ------
        InputError
            If a slice cannot be read or reconstructed, for the reasons of `slices`.
        """
        results = []
        with closing(prefetched(acquisitions, self.method.batch_size(self.device))) as slices:
            for result in self.slices(slices):
                results.append(result)
                on_slice()
        results.sort(key=lambda result: result.index)  # series were read one after the other
        return Result(
            images=np.stack([result.image for result in results]),
            seconds=sum(result.seconds for result in results),
            maps={name: np.stack([result.maps[name] for result in results]) for name in self.map_names},
        )

    def slices(self, acquisitions: Iterable[Acquisition]) -> Iterator[SliceResult]:
        """Reconstruct slices one after the other, several at a time where the method asks for it.

        Image and maps are computed from k-space with its echo in the middle, so that no method has to see to it.
        All frames of a series are read before the first is reconstructed, and calibrated together.

        Parameters
        ----------
        acquisitions
            Slices with k-space `(coils, readout, phase)`.

        Yields
        ------
        SliceResult
            Image and maps of each slice, in order.

        Raises
        ------
        InputError
            If the method cannot reconstruct a slice, the memory is too small for one slice, or the image or a map
            is not finite or not what the contract promises.
        """
        if self.method.is_joint and self.map_names:
            together = (
                "all frames of a series" if self.method.takes_series else "neighbouring positions of a 3-D scan"
            )
            raise InputError(
                f"{self.name} reconstructs {together} at once; uncertainty, noise and g-factor maps are for methods "
                "that reconstruct them one by one"
            )
        for read, wanted in self._batches(acquisitions):
            start = time.perf_counter()
            with timed("preprocessing"):
                batch = self._prepared(read)
            images = [
                image for part in self._parts(batch) for image in self._checked(self.method.batch, part, "image")
            ]
            batch, images = batch[wanted], images[wanted]
            seconds = (time.perf_counter() - start) / len(batch)
            for acquisition, image in zip(batch, self._at_floor(images, batch), strict=True):
                maps = self._maps(acquisition, image)
                named = {name: maps[name].numpy() for name in self.map_names}
                yield SliceResult(image.numpy(), seconds, named, acquisition.slice or 0)

    def prepare_coils(self, read: Callable[[], Acquisition]) -> None:
        """Do what depends on the calibration lines of an incomplete slice alone, for `slices` to take up.

        Parameters
        ----------
        read
            Function that assembles the lines that have come; called only if the method wants them.

        Raises
        ------
        InputError
            If the calibration lines do not suffice.
        """
        with ahead():
            self.method.prepare_coils(lambda: to_device(centre_echo(read()), self.device))

    def _batches(self, acquisitions: Iterable[Acquisition]) -> Iterator[tuple[list[Acquisition], slice]]:
        """Yield series and slabs as a whole, other slices as many at a time as the method asks for, and what to keep.

        The images of a slab's margin are not kept: the next slab or the one before has them.
        """
        size, slab = self.method.batch_size(self.device), self.method.slab
        for series, members in groupby(acquisitions, lambda one: one.series if len(one.series) > 1 else None):
            if series is not None:
                yield list(members), ALL
            elif slab is not None:
                yield from slabs(members, slab)
            else:
                while batch := list(islice(members, size)):
                    yield batch, ALL

    def _prepared(self, read: Sequence[Acquisition]) -> list[Acquisition]:
        """Centre the echoes, by one offset where images depend on each other; calibrate the frames of a series."""
        if is_series(read):
            return with_time_average(centre_echoes(read))
        return centre_echoes(read) if self.method.is_joint else [centre_echo(one) for one in read]

    def _parts(self, batch: Sequence[Acquisition]) -> Iterator[Sequence[Acquisition]]:
        """Divide a batch into what the method is given at once."""
        size = len(batch) if self.method.is_joint else self.method.batch_size(self.device)
        for first in range(0, len(batch), size):
            yield batch[first : first + size]

    def _maps(self, acquisition: Acquisition, image: Tensor) -> dict[str, Tensor]:
        """Compute the maps that are wanted, and the noise map if only the g-factor is wanted."""
        maps = {}
        if self.uncertainty is not None:
            width = self.uncertainty.factor(self.coverage)
            maps[self.bounds] = width * self.uncertainty(self.predictors(acquisition, image))
        if self.noise or self.g_factor:
            maps |= self._noise_maps(acquisition)
        return maps

    def predictors(self, acquisition: Acquisition, image: Tensor) -> Predictors:
        """Reconstruct altered versions of a slice, and return the predictors of its image's error.

        Parameters
        ----------
        acquisition
            The slice, its echo centred.
        image
            real `(rows, columns)`, reconstructed from it.

        Raises
        ------
        InputError
            If an altered version cannot be reconstructed.
        """
        altered = views(acquisition)
        slices = [view.acquisition for view in altered]
        try:
            others = self._at_floor(self._checked(self.method.batch, slices, "image"), slices)
            deviations = spread(image, altered, others)
        except InputError as error:
            raise InputError(f"{error} (without some of its samples, to estimate the uncertainty)") from error
        noise = magnitude_noise(image, noise_level(acquisition), acquisition.coils)
        return Predictors(deviations, noise, acquisition.acceleration)

    def _at_floor(self, images: Iterable[Tensor], acquisitions: Sequence[Acquisition]) -> Iterator[Tensor]:
        """Bring images to the noise floor of a full scan if it is wanted."""
        for image, acquisition in zip(images, acquisitions, strict=True):
            yield with_noise_floor(image, acquisition.to("cpu")) if self.floor else image

    def _noise_maps(self, acquisition: Acquisition) -> dict[str, Tensor]:
        def noise_maps(acquisitions: Sequence[Acquisition]) -> list[Tensor]:
            return [noise_map(self.method, one, replicas=self.replicas) for one in acquisitions]

        def g_factor_maps(acquisitions: Sequence[Acquisition]) -> list[Tensor]:
            return [g_factor_map(maps[NOISE].to(one.kspace.device), one) for one in acquisitions]

        maps = {}
        try:
            (maps[NOISE],) = self._checked(noise_maps, [acquisition], "noise map")
            if self.g_factor:
                (maps[G_FACTOR],) = self._checked(g_factor_maps, [acquisition], "g-factor map")
        except InputError as error:
            hint = "for the noise map; --preprocess none keeps the noise scan if the file has one"
            raise InputError(f"{error} ({hint})") from error
        return maps

    def _checked(
        self, work: Callable[[Sequence[Acquisition]], list[Tensor]], acquisitions: Sequence[Acquisition], what: str
    ) -> Iterator[Tensor]:
        """Compute an image from each slice on the device, and yield it on the CPU once it has been checked."""

        def together(slices: Sequence[Acquisition]) -> list[Tensor]:
            on_device = [to_device(acquisition, self.device) for acquisition in slices]
            images = [image.detach() for image in work(on_device)]
            if self.device.type == "cuda" and len({(image.shape, image.dtype) for image in images}) == 1:
                return list(torch.stack(images).cpu())  # one wait for all of them
            return [image.cpu() for image in images]

        try:
            images = together(acquisitions) if self.method.is_joint else in_halves(together, acquisitions)
            for acquisition, image in zip(acquisitions, images, strict=True):
                if image.dtype != torch.float32 or image.ndim != 2:
                    raise InputError(
                        f"the method {self.name} returned {image.dtype} of shape {tuple(image.shape)}; "
                        "expected torch.float32 (rows, columns)"
                    )
                where = describe_image(acquisition.header, acquisition.slice)
                check_finite(image, f"{acquisition.name}: the {what} of {where}")
                yield image
        except MemoryError as error:
            raise InputError(
                f"{acquisitions[0].name}: the memory of the {self.device.type} is too small for one slice; fewer "
                "coils, less readout or half precision need less (--set virtual_coils=8, remove_oversampling=true, "
                "precision=bf16 with learned methods)"
            ) from error


def is_series(batch: Sequence[Acquisition]) -> bool:
    """Return whether a batch holds frames of a series."""
    return len(batch[0].series) > 1


def check_finite(values: Tensor, what: str) -> None:
    """Refuse values that are not finite.

    Parameters
    ----------
    values
        Tensor of any shape.
    what
        Subject of the error message, for example "scan.h5: the image of slice 3".

    Raises
    ------
    NotFiniteError
        If a value is NaN or Inf.
    """
    if not values.isfinite().all():
        raise NotFiniteError(f"{what} is not finite")
