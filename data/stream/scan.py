"""Collects streamed readouts until an image is complete, and returns its k-space."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.data.formats.header import HeaderError, parse_xml
from recon.data.formats.ismrmrd.distinct_images import COUNTERS
from recon.data.formats.ismrmrd.images import Complex, sort_images
from recon.data.formats.ismrmrd.lines import (
    CALIBRATION,
    CALIBRATION_AND_IMAGING,
    NO_IMAGE,
    NOISE,
    PHASE_CORRECTION,
    Indices,
    Key,
    flag,
)
from recon.data.formats.ismrmrd.scan_header import parse_scan_header
from recon.data.storage.limits import check_measured
from recon.data.stream.messages import Readout

LAST_IN_SLICE, LAST_IN_MEASUREMENT = flag(8), flag(25)

OVERHEAD = 1024
"""Upper bound of the bytes that a readout takes besides its samples."""

WORKING_COPIES = 10
"""Number of arrays of the size of the k-space that assembling, preparing and reconstructing it take at once."""


@dataclass(frozen=True, eq=False)
class Finished:
    """An image whose lines have all arrived.

    Attributes
    ----------
    acquisition
        K-space of the image, whose header holds the geometry of this image alone.
    head
        Header of the first readout of the image: counters, time stamps, position.
    """

    acquisition: Acquisition
    head: Any


class StreamedScan:
    """Collects readouts in the order of the scanner.

    An image is complete with the line that is flagged as the last one of its slice (in the last average, if there are
    several), or at the end of the measurement.

    Parameters
    ----------
    xml
        Text of the ISMRMRD header.
    name
        Name of the scan, for messages and for the acquisitions.
    largest
        Largest number of bytes of the k-space of one image.

    Attributes
    ----------
    held
        Number of bytes of the readouts in memory.
    late
        Number of lines that were dropped because they arrived after their image was complete.

    Raises
    ------
    InputError
        If the header cannot be used, or the scan is not a Cartesian 2-D scan.
    """

    def __init__(self, xml: str, name: str, largest: int) -> None:
        try:
            self._scan = parse_scan_header(xml, name)
            self._last_average = _last_average(xml)
        except HeaderError as error:
            raise InputError(f"{name}: {error}") from error
        self._name = Path(name)
        self._largest = largest
        self._images: dict[Key, list[Readout]] = {}
        self._calibration: list[Readout] = []
        self._noise: list[Readout] = []
        self._done: set[Key] = set()
        self.held = 0
        self.late = 0

    def add(self, readout: Readout) -> list[Key]:
        """Add a readout, and return the keys of the images that it completes, for `finish`."""
        flags, key = readout.head["flags"], _key(readout)
        calibration_only = flags & CALIBRATION and not flags & CALIBRATION_AND_IMAGING
        complete = []
        if flags & NOISE:
            self._keep_noise(readout)
        elif calibration_only:
            self._keep(self._calibration, readout)
        elif flags & (NO_IMAGE | PHASE_CORRECTION) or readout.head["encoding_space_ref"] != 0:
            pass
        elif key in self._done:
            self.late += 1
        else:
            self._keep(self._images.setdefault(key, []), readout)
            if flags & LAST_IN_SLICE and readout.head["idx"]["average"] >= self._last_average:
                complete = [key]
        return self.close() if flags & LAST_IN_MEASUREMENT else complete

    def close(self) -> list[Key]:
        """Return the keys of the remaining images, at the end of the measurement."""
        return sorted(self._images)

    def working_memory(self, key: Key) -> int:
        """Return how many bytes the reconstruction of an image will take, besides its readouts.

        Raises
        ------
        InputError
            If the k-space exceeds the limit, or is far larger than the samples that arrived.
        """
        imaging = self._images[key]
        size = 8 * int(imaging[0].head["active_channels"]) * self._scan.matrix[0] * self._scan.matrix[1]
        if size > self._largest:
            raise InputError(f"{self._name}: k-space of {size} bytes is more than the limit of {self._largest}")
        check_measured(self._name, size, sum(readout.samples.nbytes for readout in imaging))
        return WORKING_COPIES * size + 2 * sum(readout.samples.nbytes for readout in self._noise)

    def finish(self, key: Key) -> Finished:
        """Assemble the k-space of an image, and release its readouts.

        Raises
        ------
        InputError
            For the reasons of `working_memory`, or if the readouts do not fit the header or each other.
        """
        self.working_memory(key)
        imaging = self._images.pop(key)
        self._done.add(key)
        self.held -= sum(readout.samples.nbytes + OVERHEAD for readout in imaging)
        readouts = [*self._joined_noise(), *self._calibration_of(key), *imaging]
        heads = np.array([readout.head for readout in readouts])
        images = sort_images(self._name, heads, self._scan)
        if images.lines.partitions is not None:
            raise InputError(f"{self._name}: is a 3-D scan, which is read from files but not from streams")

        def read(rows: Indices) -> Iterator[tuple[int, Complex]]:
            yield from ((row, readouts[row].samples) for row in rows.tolist())

        if len(images.lines.images) > 1:
            raise InputError(
                f"{self._name}: readouts of one image contradict each other: several images share counters"
            )
        acquisition = images.assemble(0, read)
        own = images.header
        return Finished(replace(acquisition, header=own, slice=key[-1]), imaging[0].head)

    def _keep(self, where: list[Readout], readout: Readout) -> None:
        """Keep a readout without its trajectory, which a Cartesian scan does not need."""
        where.append(replace(readout, trajectory=readout.trajectory[:, :0].copy()))
        self.held += readout.samples.nbytes + OVERHEAD

    def _keep_noise(self, readout: Readout) -> None:
        """Keep a line of the noise scan, unless it arrives after the first image."""
        if self._done:
            self.late += 1
        else:
            self._keep(self._noise, readout)

    def _joined_noise(self) -> list[Readout]:
        """Return the noise scan as one readout; its lines are joined once and not for every image."""
        if len(channels := {readout.samples.shape[0] for readout in self._noise}) > 1:
            counts = ", ".join(map(str, sorted(channels)))
            raise InputError(f"{self._name}: the noise scan has lines of {counts} channels")
        if len(self._noise) > 1:
            samples = np.concatenate([readout.samples for readout in self._noise], axis=1)
            self.held -= OVERHEAD * (len(self._noise) - 1)
            self._noise = [replace(self._noise[0], samples=samples)]
        return self._noise

    def _calibration_of(self, key: Key) -> list[Readout]:
        """Return the calibration lines of an image or, if it has none, of other images of the same slice."""
        same_slice = [readout for readout in self._calibration if _key(readout)[-1] == key[-1]]
        return [readout for readout in same_slice if _key(readout) == key] or same_slice


def _key(readout: Readout) -> Key:
    return tuple(int(readout.head["idx"][name]) for name in COUNTERS)


def _last_average(xml: str) -> int:
    text = (parse_xml(xml).findtext("encoding/encodingLimits/average/maximum") or "").strip()
    return int(text) if re.fullmatch("[0-9]{1,5}", text) else 0
