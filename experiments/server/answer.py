"""Reconstructs the images of one client's scan as they are complete, and sends them back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.data.formats.ismrmrd.lines import Key
from recon.data.images import WARNING
from recon.data.masks.sampling import Sampling
from recon.data.stream.images import image_message
from recon.data.stream.messages import Readout, Text
from recon.data.stream.pixels import ImageType, PixelScale
from recon.data.stream.scan import CONTRAST, SET, SLICE, Finished, StreamedScan
from recon.experiments.engine.device import to_device
from recon.experiments.engine.method_warnings import RangeWarnings
from recon.experiments.engine.run import Runner, check_finite
from recon.experiments.server.outbox import Outbox
from recon.experiments.server.resources import MemoryBudget
from recon.preprocessing.echo import centre_echo
from recon.preprocessing.steps import Steps
from recon.preprocessing.time_average import ENOUGH_LINES
from recon.timing import timed, timings

Pixels = NDArray[np.float32] | NDArray[np.complex64]

EARLY = "before the last line"
"""Name of the part of the work that is done while lines still arrive."""

Record = Callable[[float, Mapping[str, float]], None]
"""Function to call with the seconds that an image took, and with those of each part of the work."""


def unrecorded(_seconds: float, _parts: Mapping[str, float]) -> None:
    """Keep no times."""


@dataclass(frozen=True)
class ServerOptions:
    """What the server sends, and to whom.

    Attributes
    ----------
    image_type
        Type of the pixels of images.
    fallback
        Whether the default method also serves clients whose configuration is unknown.
    incomplete
        Whether incomplete images are sent at the end of the measurement.
    given
        Settings with which the default method was created.
    record
        Function to call with the times of every image.
    """

    image_type: ImageType = "float32"
    fallback: bool = False
    incomplete: bool = False
    given: Mapping[str, Any] = field(default_factory=dict)
    record: Record = unrecorded


DEFAULTS = ServerOptions()


@dataclass(frozen=True)
class Service:
    """What all clients of a server share.

    Attributes
    ----------
    steps
        Preprocessing of every slice.
    turn
        Lock that lets one client reconstruct at a time.
    budget
        Memory of all clients.
    working
        Largest number of bytes that the reconstruction of one image may take.
    options
        What is sent, and to whom.
    """

    steps: Steps
    turn: threading.Lock
    budget: MemoryBudget
    working: int
    options: ServerOptions


@dataclass(eq=False)
class Answer:
    """Images of one scan, on their way back to the client.

    Attributes
    ----------
    runner
        Method that reconstructs.
    service
        What all clients share.
    outbox
        Messages on their way to the client.
    owner
        Client in the budget of memory.
    sampling
        How to leave out measured lines first; None to use all of them.
    """

    runner: Runner
    service: Service
    outbox: Outbox
    owner: object
    sampling: Sampling | None = None
    _scale: PixelScale = field(init=False)
    _warnings: RangeWarnings = field(default_factory=RangeWarnings, init=False)
    _numbers: dict[tuple[Key, int | None], int] = field(default_factory=dict, init=False)
    _waiting: set[Key] = field(default_factory=set, init=False)
    _early: dict[Key, float] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        check_image_type(self.runner, self.service.options.image_type)
        self._scale = PixelScale(self.service.options.image_type)

    @property
    def images(self) -> int:
        """Number of different images that were sent."""
        return len(self._numbers)

    def send(self, scan: StreamedScan, keys: Sequence[Key]) -> None:
        """Reconstruct images that are complete, unless they wait for other frames, and send each at once.

        Raises
        ------
        InputError
            If an image cannot be reconstructed, and no further lines can come.
        """
        for key in keys:
            try:
                group = [key]
                if self._waits_for_frames(scan, key):
                    group = scan.series(key)
                    if not scan.is_last_frame(group):
                        self._announce_waiting(key)
                        continue
                self._reconstruct(scan, group)
            except InputError as error:
                if scan.is_certain(key):
                    raise
                scan.reopen(key)
                self.outbox.put(Text(f"warning: {error}; the image waits for further lines"))

    def look_ahead(self, scan: StreamedScan, readout: Readout) -> None:
        """Compute what depends on the calibration lines alone once these have come, before the image's last line."""
        key = scan.calibrated(readout)
        if key is None or self.sampling is not None or len(scan.series(key)) > 1:
            return
        start = time.monotonic()
        with suppress(InputError):  # the image itself is going to say what is wrong
            self._reserve(scan, [key])
            with self.service.turn:
                self.runner.prepare_coils(lambda: self.service.steps(scan.so_far(key).to(self.runner.device)))
        self.service.budget.hold(self.owner, scan.held + scan.kept)
        self._early[key] = time.monotonic() - start

    def finish(self, scan: StreamedScan) -> None:
        """Reconstruct what is left at the end of the measurement.

        Raises
        ------
        InputError
            If an image cannot be reconstructed, or is incomplete.
        """
        problems: list[str] = []
        remaining = []
        for key in scan.close():
            scan.working_memory(key)
            problem = scan.missing(key)
            if problem:
                problems.append(f"the image of slice {key[SLICE]} is incomplete: {problem}")
            if not problem or self.service.options.incomplete:
                remaining.append(key)
        done: set[Key] = set()
        for key in remaining:
            if key not in done:
                group = scan.series(key) if self._waits_for_frames(scan, key) else [key]
                whole = [one for one in group if one in remaining or not scan.missing(one)]
                done.update(whole)
                try:
                    self._reconstruct(scan, whole)
                except InputError as error:
                    problems.append(str(error))
        if scan.late:
            self.outbox.put(Text(f"{scan.late} lines came after their image was complete and were left out"))
        if scan.lost:
            problems.append(f"{scan.lost} lines came so late that the other lines of their images had been released")
        if problems:
            more = f"; {len(problems) - 1} further problems" if len(problems) > 1 else ""
            raise InputError(f"{problems[0]}{more}")

    def _waits_for_frames(self, scan: StreamedScan, key: Key) -> bool:
        """Return whether an image is reconstructed together with the other frames of its series.

        Methods may ask for it; and frames with few central lines are calibrated from the mean over time.
        """
        if not scan.announced.several_frames and len(scan.series(key)) == 1:
            return False
        if self.runner.method.takes_series:
            return True
        return not scan.calibrates_itself(key, ENOUGH_LINES)

    def _announce_waiting(self, key: Key) -> None:
        place = tuple(key[axis] for axis in (SLICE, CONTRAST, SET))
        if place not in self._waiting:
            self._waiting.add(place)
            reason = (
                f"{self.runner.name} reconstructs all frames of a series together"
                if self.runner.method.takes_series
                else "a frame has too few central lines to calibrate itself"
            )
            self.outbox.put(Text(f"slice {key[SLICE]}: {reason}; its images follow when the series is complete"))

    def _reconstruct(self, scan: StreamedScan, keys: Sequence[Key]) -> None:
        """Reconstruct one image, all positions of a 3-D one or all frames of a series, and send each at once.

        The memory that they take is reserved before k-space is assembled, while no other client reconstructs.
        """
        start = time.monotonic()
        pictures = self._pictures(scan, keys)
        while True:
            with self.service.turn, timings() as parts:
                picture = next(pictures, None)
            if picture is None:
                break
            finished, image = picture
            seconds, start = time.monotonic() - start, time.monotonic()
            pixels, attributes = self._scale(image)
            place = finished.key, finished.acquisition.slice
            again = place in self._numbers
            number = self._numbers.setdefault(place, len(self._numbers))
            name, which = self.runner.name, finished.acquisition.slice
            self.outbox.put(image_message(pixels, finished, number, name, attributes))
            what = "again, with further lines, " if again else ""
            self.outbox.put(Text(f"{name}: slice {which} {what}in {seconds:.3f} s, {WARNING}"))
            self.service.options.record(seconds, parts | {EARLY: self._early.pop(finished.key, 0.0)})
            self._warn(finished.acquisition)
        self.service.budget.hold(self.owner, scan.held + scan.kept)

    def _warn(self, acquisition: Acquisition) -> None:
        """Tell the client why a slice lies outside the training range; called once its image is on its way."""
        for warning in self._warnings.check(self.runner.name, self.runner.method, lambda: acquisition):
            self.outbox.put(Text(f"warning: {warning}"))

    def _pictures(self, scan: StreamedScan, keys: Sequence[Key]) -> Iterator[tuple[Finished, Pixels]]:
        """Yield images one by one, with what they were reconstructed from."""
        self._reserve(scan, keys)
        stepped = map(self._prepare, _assembled(scan, keys))
        if len(keys) > 1:
            frames = sorted(stepped, key=lambda one: one.acquisition.frame)
            for finished, result in zip(frames, self._images([one.acquisition for one in frames]), strict=True):
                own = replace(finished.acquisition, header=replace(finished.acquisition.header, frames=None))
                yield replace(finished, acquisition=replace(own, slice=finished.key[SLICE])), result
            return
        if self.runner.method.slab is not None:
            positions = list(stepped)
            yield from zip(positions, self._images([one.acquisition for one in positions]), strict=True)
            return
        for finished in stepped:
            (image,) = self._images([finished.acquisition])
            yield finished, image

    def _prepare(self, finished: Finished) -> Finished:
        with timed("preprocessing"):
            measured = finished.acquisition if self.sampling is None else self.sampling(finished.acquisition)
            return replace(finished, acquisition=self.service.steps(measured.to(self.runner.device)))

    def _images(self, acquisitions: Sequence[Acquisition]) -> Iterator[Pixels]:
        if self.service.options.image_type != "complex64":
            yield from (result.image for result in self.runner.slices(acquisitions))
            return
        for acquisition in acquisitions:
            image = self.runner.method.complex_image(to_device(centre_echo(acquisition), self.runner.device))
            if image is None:
                raise InputError(f"{self.runner.name} gives no image with phase")
            check_finite(image, f"{acquisition.name}: the image of slice {acquisition.slice}")
            pixels: NDArray[Any] = image.detach().cpu().numpy()
            yield pixels

    def _reserve(self, scan: StreamedScan, keys: Sequence[Key]) -> None:
        size = sum(map(scan.working_memory, keys))
        if size > self.service.working:
            raise InputError(
                f"the reconstruction of an image takes {size / 2**30:.3g} GiB, more than the limit for one client of "
                f"{self.service.working / 2**30:.3g} GiB"
            )
        self.service.budget.hold(self.owner, scan.held + scan.kept + size)


def _assembled(scan: StreamedScan, keys: Sequence[Key]) -> Iterator[Finished]:
    images = scan.finish_all(keys)
    while True:
        with timed("assembling"):
            finished = next(images, None)
        if finished is None:
            return
        yield finished


def check_image_type(runner: Runner, image_type: ImageType) -> None:
    """Refuse images with phase of a method that has none.

    Raises
    ------
    InputError
        If the method keeps no phase, or the images are to be brought to a noise floor, which magnitudes have.
    """
    if image_type != "complex64":
        return
    if not runner.method.keeps_phase:
        raise InputError(f"{runner.name} gives no image with phase; complex64 needs another method, such as sense")
    if runner.floor:
        raise InputError("complex images have no noise floor; leave out --noise-floor or choose another --image-type")
