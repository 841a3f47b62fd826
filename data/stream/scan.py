"""Collects streamed readouts until an image is complete, and returns its k-space."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from recon.data.acquisition import Acquisition, Header
from recon.data.errors import InputError
from recon.data.formats.header.xml import HeaderError
from recon.data.formats.hybrid import LARGEST_IN_MEMORY
from recon.data.formats.ismrmrd.distinct_images import COUNTERS
from recon.data.formats.ismrmrd.images import SortedImages, sort_images
from recon.data.formats.ismrmrd.lines import (
    CALIBRATION,
    CALIBRATION_AND_IMAGING,
    NO_IMAGE,
    NOISE,
    PHASE_CORRECTION,
    Key,
    flag,
)
from recon.data.formats.ismrmrd.partitions import by_position
from recon.data.formats.ismrmrd.scan_header import parse_scan_header
from recon.data.masks.measured import center_lines
from recon.data.storage.limits import check_measured
from recon.data.stream.announced import Announced
from recon.data.stream.messages import Readout
from recon.data.stream.progress import OVERHEAD, Arrived, Progress, key_of, size_of
from recon.data.stream.volume import StreamedVolume
from recon.data.volume import Volume

LAST_IN_SLICE, LAST_IN_MEASUREMENT = flag(8), flag(25)

WORKING_COPIES = 10
"""Number of arrays of the size of the k-space that assembling, preparing and reconstructing it take at once."""

KEPT = 256 << 20
"""Largest number of bytes of readouts that are kept after their images were sent, in case further lines come."""

SLICE, CONTRAST, SET = COUNTERS.index("slice"), COUNTERS.index("contrast"), COUNTERS.index("set")
PHASE, REPETITION = COUNTERS.index("phase"), COUNTERS.index("repetition")


@dataclass(frozen=True, eq=False)
class Finished:
    """An image whose lines have all arrived.

    Attributes
    ----------
    acquisition
        K-space of the image, whose header holds the geometry of this image alone.
    head
        Header of the first readout of the image: counters, time stamps, position.
    key
        Values of `COUNTERS`.
    """

    acquisition: Acquisition
    head: Any
    key: Key = ()


class StreamedScan:
    """Collects readouts in any order.

    An image is complete when the lines that its header announces are there, see `Announced`; flags of last lines say
    so where the header is silent. Lines that come later complete it again.

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
    announced
        What the header says of the lines of each image.
    held
        Number of bytes of the readouts of images that are not complete yet, of calibration and noise.
    kept
        Number of bytes of the readouts of images that were complete.
    late
        Number of lines that were dropped because they arrived after their image was complete, and repeat its lines.
    lost
        Number of lines that would have completed an image whose other lines had been released.

    Raises
    ------
    InputError
        If the header cannot be used, or the scan is not a Cartesian scan.
    """

    def __init__(self, xml: str, name: str, largest: int) -> None:
        try:
            self._scan = parse_scan_header(xml, name)
            self.announced = Announced.of(xml)
        except HeaderError as error:
            raise InputError(f"{name}: {error}") from error
        self._name = Path(name)
        self._largest = largest
        self._images: dict[Key, list[Arrived]] = {}
        self._progress: dict[Key, Progress] = {}
        self._calibration: list[Arrived] = []
        self._noise: list[Arrived] = []
        self._noise_count = self._count = 0
        self.held = 0
        self.kept = 0
        self.late = 0
        self.lost = 0

    def add(self, readout: Readout) -> list[Key]:
        """Add a readout, and return the keys of the images that it completes, for `finish`."""
        flags = readout.head["flags"]
        complete: list[Key] = []
        if flags & NOISE:
            self._noise_count += 1
            self._keep(self._noise, readout)
        elif flags & CALIBRATION and not flags & CALIBRATION_AND_IMAGING:
            self._keep(self._calibration, readout)
        elif flags & (NO_IMAGE | PHASE_CORRECTION) or readout.head["encoding_space_ref"] != 0:
            pass
        else:
            complete = self._add_line(readout, bool(flags & LAST_IN_SLICE))
        return self._last_in_measurement() if flags & LAST_IN_MEASUREMENT else complete

    def close(self) -> list[Key]:
        """Return the keys of the remaining images and of those with further lines, at the end of the measurement."""
        return sorted(key for key in self._images if self._progress[key].sent != self._counts(key))

    def missing(self, key: Key) -> str:
        """Return which lines an image lacks, empty if it is complete."""
        return self.announced.lacks(self._progress[key].measured)

    def is_certain(self, key: Key) -> bool:
        """Return whether the header announces all lines of an image and they are there, so that none may follow."""
        return self.announced.is_whole(self._progress[key].measured)

    def reopen(self, key: Key) -> None:
        """Count an image that was assembled as not complete, because its lines did not suffice."""
        if self._progress[key].sent is not None:
            self._progress[key].sent = ()

    def calibrates_itself(self, key: Key, enough: int) -> bool:
        """Return whether an image has a calibration scan, enough adjacent lines about the centre, or all lines.

        Images of 3-D scans count as such.

        Raises
        ------
        InputError
            If the readouts do not fit the header or each other.
        """
        images = self._sorted_images(sorted(self._lines_of([key]), key=lambda readout: readout.arrival), 1)
        (own, lines), *_ = images.lines.images.items()
        if images.lines.partitions is not None or images.calibration_of(own) is not None:
            return True
        mask = np.zeros(images.shape[-1], np.bool_)
        mask[lines.columns] = True
        found = center_lines(mask)
        return bool(mask[slice(*images.header.padding)].all()) or found.stop - found.start >= enough

    def series(self, key: Key) -> list[Key]:
        """Return the keys of the frames at the place of an image that have arrived, in the order of time."""
        place = (SLICE, CONTRAST, SET)
        same = [other for other in self._progress if all(other[axis] == key[axis] for axis in place)]
        return sorted(same, key=lambda one: (one[REPETITION], one[PHASE]))

    def is_last_frame(self, keys: Sequence[Key]) -> bool:
        """Return whether the frames of a series are all that the header announces, each complete."""
        repetitions, phases = (1 if limits is None else len(limits) for limits in self.announced.frames)
        if not self.announced.several_frames or len(keys) < repetitions * phases:
            return False
        return all(
            self._whole(key) or (self._progress[key].measured.flagged and not self.missing(key)) for key in keys
        )

    def calibrated(self, readout: Readout) -> Key | None:
        """Return the key of a readout's image, once, when its calibration lines are there and others are not.

        It is a guess, see `Progress.is_calibrated`, and made for single images of 2-D scans without averages.
        """
        key = key_of(readout)
        progress = self._progress.get(key)
        several = self.announced.several_frames or (self.announced.averages or 1) > 1
        count = len(self._images.get(key, ()))
        if progress is None or self._scan.partitions is not None or several or not progress.is_due(count):
            return None
        separate = self._scan.separate_calibration is not False and bool(self._calibration_of([key]))
        return key if progress.is_calibrated(count, self._scan.center, separate) else None

    def so_far(self, key: Key) -> Acquisition:
        """Assemble the lines of one image of a 2-D scan that have come, and keep them for the image itself.

        Raises
        ------
        InputError
            For the reasons of `finish`.
        """
        acquisition = self._assembled([key]).read(0)
        return replace(acquisition, header=_own_header(acquisition.header, 0, alone=True), slice=key[SLICE])

    def working_memory(self, key: Key) -> int:
        """Return how many bytes the reconstruction of an image will take, besides its readouts.

        Raises
        ------
        InputError
            If the k-space exceeds the limit, or is far larger than the samples that arrived.
        """
        imaging = self._images[key]
        first, second = self._scan.matrix[1], self._partitions(imaging)
        size = 8 * int(imaging[0].head["active_channels"]) * self._scan.matrix[0] * first * second
        if size > self._largest:
            raise InputError(f"{self._name}: k-space of {size} bytes is more than the limit of {self._largest}")
        check_measured(self._name, size, sum(readout.samples.nbytes for readout in imaging))
        noise = 2 * sum(readout.samples.nbytes for readout in self._noise)
        if second > 1:  # transformed in blocks, and reconstructed position by position
            return min(3 * size, 3 * LARGEST_IN_MEMORY) + WORKING_COPIES * size // self._scan.matrix[0] + noise
        return WORKING_COPIES * size + noise

    def finish(self, key: Key) -> Finished:
        """Assemble the k-space of an image of a 2-D scan, whose readouts are kept only while there is room.

        Raises
        ------
        InputError
            For the reasons of `working_memory`, or if the readouts do not fit the header or each other.
        """
        (finished,) = self.finish_all([key])
        return finished

    def finish_all(self, keys: Sequence[Key]) -> Iterator[Finished]:
        """Assemble images together: one image, all frames of a series, or all positions of a 3-D scan's image.

        Parameters
        ----------
        keys
            Key of one image, or of the frames of a series.

        Raises
        ------
        InputError
            For the reasons of `finish`.
        """
        firsts = {key: self._images[key][0].head for key in keys}
        volume = self._assembled(keys)
        for key in keys:
            self._put_aside(key)
        positions, order = len(volume) // len(keys), sorted(keys)
        for index in range(len(volume)):
            key = order[index // positions]
            acquisition = volume.read(index)
            header = _own_header(acquisition.header, index, alone=len(keys) == 1)
            number = index % positions if positions > 1 else key[SLICE] if len(keys) == 1 else index
            yield Finished(replace(acquisition, header=header, slice=number), firsts[key], key)

    def _add_line(self, readout: Readout, flagged: bool) -> list[Key]:
        """Add a line of an image, and return its key if the image is complete now."""
        index, key = readout.head["idx"], key_of(readout)
        progress = self._progress.setdefault(key, Progress())
        pair = int(index["kspace_encode_step_1"]), int(index["kspace_encode_step_2"])
        is_new = progress.measured.add(int(index["average"]), pair, int(index["segment"]))
        progress.measured.flagged |= flagged
        if progress.sent is None:
            self._keep(self._images.setdefault(key, []), readout)
        elif not is_new:
            self.late += 1
            return []
        elif key in self._images:
            self._keep(self._images[key], readout)
            self._move_to_kept(self._images[key][-1:])
        else:
            self.lost += 1
            return []
        certain = progress.sent is None and self._whole(key)
        return [key] if certain or (flagged and not self.missing(key)) else []

    def _whole(self, key: Key) -> bool:
        """Return whether no line and no calibration that the header announces is missing."""
        return self.is_certain(key) and (not self._scan.separate_calibration or bool(self._calibration_of([key])))

    def _last_in_measurement(self) -> list[Key]:
        """Return the keys of all images that are complete if no further line comes."""
        for progress in self._progress.values():
            progress.measured.flagged = True
        return [key for key in self.close() if not self.missing(key)]

    def _counts(self, key: Key) -> tuple[int, ...]:
        return len(self._images[key]), len(self._calibration_of([key])), self._noise_count

    def _put_aside(self, key: Key) -> None:
        """Count the readouts of an image as kept, and release those of the oldest images if there are too many."""
        progress = self._progress[key]
        if progress.sent is None:
            self._move_to_kept(self._images[key])
        progress.sent = self._counts(key)
        for other in list(self._images):
            if self.kept <= KEPT:
                return
            if self._progress[other].sent is not None:
                self.kept -= size_of(self._images.pop(other))

    def _move_to_kept(self, readouts: Sequence[Readout]) -> None:
        self.held -= size_of(readouts)
        self.kept += size_of(readouts)

    def _assembled(self, keys: Sequence[Key]) -> Volume:
        for key in keys:
            self.working_memory(key)
        lines = sorted(self._lines_of(keys), key=lambda readout: readout.arrival)
        return self._sorted([*self._joined_noise(), *lines], len(keys))

    def _lines_of(self, keys: Sequence[Key]) -> list[Arrived]:
        return [*self._calibration_of(keys), *(readout for key in keys for readout in self._images[key])]

    def _sorted(self, readouts: list[Arrived], count: int) -> Volume:
        """Sort readouts into images, those of a 3-D scan by position."""
        images = self._sorted_images(readouts, count)
        return by_position(StreamedVolume(self._name, images.shape, images.header, images, readouts), self._scan)

    def _sorted_images(self, readouts: list[Arrived], count: int) -> SortedImages:
        heads = np.array([readout.head for readout in readouts])
        images = sort_images(self._name, heads, self._scan)
        if len(images.lines.images) != count:
            raise InputError(
                f"{self._name}: readouts of one image contradict each other: several images share counters"
            )
        return images

    def _partitions(self, imaging: Sequence[Readout]) -> int:
        slab = self._scan.partitions
        encoded = slab is not None and any(one.head["idx"]["kspace_encode_step_2"] for one in imaging)
        return slab.count if slab is not None and encoded else 1

    def _keep(self, where: list[Arrived], readout: Readout) -> None:
        """Keep a readout without its trajectory, which a Cartesian scan does not need."""
        where.append(Arrived(readout.head, readout.samples, readout.trajectory[:, :0].copy(), self._count))
        self._count += 1
        self.held += readout.samples.nbytes + OVERHEAD

    def _joined_noise(self) -> list[Arrived]:
        """Return the noise scan as one readout; its lines are joined once and not for every image."""
        if len(channels := {readout.samples.shape[0] for readout in self._noise}) > 1:
            counts = ", ".join(map(str, sorted(channels)))
            raise InputError(f"{self._name}: the noise scan has lines of {counts} channels")
        if len(self._noise) > 1:
            samples = np.concatenate([readout.samples for readout in self._noise], axis=1)
            self.held -= OVERHEAD * (len(self._noise) - 1)
            self._noise = [replace(self._noise[0], samples=samples)]
        return self._noise

    def _calibration_of(self, keys: Sequence[Key]) -> list[Arrived]:
        """Return the calibration lines of images or, if they have none, those of other images of the same slice.

        Embedded lines belong to the k-space of their own image alone.
        """
        own = [readout for readout in self._calibration if readout.key in keys]
        if own or self._scan.separate_calibration is False:
            return own
        return [readout for readout in self._calibration if readout.key[SLICE] == keys[0][SLICE]]


def _own_header(header: Header, index: int, alone: bool) -> Header:
    """Return the header with the geometry of one image alone, and without counters unless it is one of several."""
    geometry = None if header.geometry is None else (header.geometry[index],)
    return replace(header, geometry=geometry, frames=None if alone else header.frames)
