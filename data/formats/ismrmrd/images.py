"""Assembles the k-space of images from ISMRMRD readouts, of a file or of a stream."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from recon.data.acquisition import Acquisition, Geometry, Header, Vector, are_orthonormal
from recon.data.errors import InputError
from recon.data.formats.ismrmrd.distinct_images import COUNTERS
from recon.data.formats.ismrmrd.frame_times import frame_interval
from recon.data.formats.ismrmrd.lines import Heads, Indices, Lines, SortedLines, sort_lines
from recon.data.formats.ismrmrd.scan_header import ScanHeader
from recon.data.masks.measured import is_one_sided, prospective_mask
from recon.data.series import Frame
from recon.data.storage.finite import check_finite
from recon.data.storage.limits import check_measured, check_size
from recon.data.volume import VolumeWithoutTarget

Complex = NDArray[np.complex64]

FRAME = ("contrast", "phase", "set", "repetition")
"""Counters that tell images of one slice apart."""

Readouts = Callable[[Indices], Iterator[tuple[int, Complex]]]
"""Function that reads rows, and yields each row with its samples `(coils, samples)`."""


@dataclass(frozen=True, eq=False)
class SortedImages:
    """Readouts sorted into images, one for every contrast, cardiac phase, set, repetition and slice.

    The slice index varies fastest.

    Attributes
    ----------
    path
        Source of the readouts, for messages.
    shape
        `(images, coils, readout, phase)`.
    header
        Matrix, padding, field of view, contrast, and the geometry of every image.
    heads
        Headers of all readouts.
    lines
        Readouts of every image.
    noise_scale
        Factor that scales the noise scan to the noise level of the image.
    """

    path: Path
    shape: tuple[int, int, int, int]
    header: Header
    heads: Heads
    lines: SortedLines
    noise_scale: float
    _noise: list[Complex] = field(default_factory=list, init=False, repr=False)

    @cached_property
    def mask(self) -> NDArray[np.bool_] | None:
        """Sampling mask `(phase,)` of the first undersampled image; None if all are fully sampled."""
        masks = (self._mask(lines) for lines in self.lines.images.values())
        return next((mask for mask in masks if prospective_mask(mask, self.header.padding) is not None), None)

    @property
    def calibration_lines(self) -> int:
        """Number of adjacent calibration lines that a separate scan adds to the first image; 0 if there was none."""
        lines = self.calibration_of(next(iter(self.lines.images)))
        return 0 if lines is None else len(_longest_run(lines))

    @property
    def averages(self) -> int:
        """Smallest number of averages of an image."""
        return min(len(np.unique(self._average(lines))) for lines in self.lines.images.values())

    def first_averages(self, count: int) -> SortedImages:
        """Return the images without the readouts of all averages but the first.

        Raises
        ------
        InputError
            If an image has fewer averages.
        """
        if not 1 <= count <= self.averages:
            raise InputError(f"{self.path}: holds {self.averages} averages, so {count} of them cannot be chosen")
        kept = {key: self._first_averages(lines, count) for key, lines in self.lines.images.items()}
        return replace(self, lines=replace(self.lines, images=kept))

    def _average(self, lines: Lines) -> Indices:
        return self.heads["idx"]["average"][lines.rows].astype(np.int64)

    def _first_averages(self, lines: Lines, count: int) -> Lines:
        average = self._average(lines)
        kept = np.isin(average, np.unique(average)[:count])
        return Lines(lines.rows[kept], lines.columns[kept])

    def assemble(self, index: int, readouts: Readouts) -> Acquisition:
        """Assemble one image.

        Parameters
        ----------
        index
            Index of the image.
        readouts
            Function that reads the samples.

        Raises
        ------
        InputError
            If the image holds values that are not finite.
        """
        key, lines = list(self.lines.images.items())[index]
        calibration = self.calibration_of(key)
        with np.errstate(over="ignore", invalid="ignore"):  # checked below
            kspace = self.assemble_lines(readouts, lines, self.shape[-1])
            reference = None if calibration is None else self._reference(readouts, calibration)
            noise = self.noise_of(readouts, lines)
        check_finite(self.path, kspace, f"k-space of image {index}")
        check_finite(self.path, reference, "calibration")
        check_finite(self.path, noise, "noise scan")
        return Acquisition.from_numpy(
            kspace=kspace,
            mask=self._mask(lines),
            header=self.header,
            calibration=reference,
            noise=noise,
            name=self.path.name,
            slice=index,
        )

    def _mask(self, lines: Lines) -> NDArray[np.bool_]:
        mask = np.zeros(self.shape[-1], np.bool_)
        mask[lines.columns] = True
        return mask

    def calibration_of(self, key: tuple[int, ...]) -> Lines | None:
        """Find the separate calibration lines of an image or, if it has none, of another image of the same slice."""
        found = self.lines.calibration
        same_slice = (other for other in found if other[-1] == key[-1])
        return found[key] if key in found else next((found[other] for other in same_slice), None)

    def assemble_lines(self, readouts: Readouts, lines: Lines, phase: int) -> Complex:
        """Assemble lines to `(coils, readout, phase)`, averaging the samples that were measured repeatedly."""
        _, coils, readout, _ = self.shape
        kspace = np.zeros((phase, coils, readout), np.complex64)
        columns = dict(zip(lines.rows.tolist(), lines.columns.tolist(), strict=True))
        repeated = np.bincount(lines.columns, minlength=phase) > 1
        times = np.zeros((phase, readout), np.int64)
        for row, line in readouts(lines.rows):
            start, (begin, end) = int(self.lines.first[row]), (int(limit[row]) for limit in self.lines.kept)
            filled = slice(start, start + end - begin)
            place = kspace[columns[row], :, filled]
            samples = line[:, ::-1] if self.lines.backward[row] else line
            if repeated[columns[row]]:
                place += samples[:, begin:end]
                times[columns[row], filled] += 1
            else:  # keeps every bit, even the sign of zero
                place[:] = samples[:, begin:end]
        kspace[repeated] /= np.maximum(times[repeated], 1)[:, None]
        return np.ascontiguousarray(np.moveaxis(kspace, 0, -1))

    def _reference(self, readouts: Readouts, lines: Lines) -> Complex:
        """Assemble the longest run of adjacent calibration lines: `(coils, readout, lines)`."""
        kspace = self.assemble_lines(readouts, lines, self.shape[-1])
        longest = _longest_run(lines)
        return np.ascontiguousarray(kspace[..., longest[0] : longest[-1] + 1])

    def noise_of(self, readouts: Readouts, lines: Lines) -> Complex | None:
        """Return the noise scan `(coils, samples)` at the level of the mean of these lines; None if there is none."""
        return self._noise_scan(readouts) * _remaining_noise(lines) if len(self.lines.noise) else None

    def _noise_scan(self, readouts: Readouts) -> Complex:
        """Return the noise scan `(coils, samples)`, which is read once for all images."""
        if not self._noise:
            parts = [line for _, line in readouts(self.lines.noise)]
            self._noise.append(np.concatenate(parts, axis=1) * np.float32(self.noise_scale))
        return self._noise[0]


@dataclass(frozen=True, eq=False)
class SortedVolume(VolumeWithoutTarget):
    """Base of opened files whose readouts are sorted into images; a subclass defines `readouts`.

    There is an image for every contrast, cardiac phase, set, repetition and slice; the slice index varies fastest.

    Attributes
    ----------
    path
        Path of the file.
    shape
        `(images, coils, readout, phase)`.
    header
        Matrix, padding, field of view, contrast, and the geometry of every image.
    images
        Readouts sorted into images.
    choices
        Number of averages, if they were chosen.
    """

    path: Path
    shape: tuple[int, int, int, int]
    header: Header
    images: SortedImages
    choices: Mapping[str, str] = field(default_factory=dict, kw_only=True)

    @abstractmethod
    def readouts(self) -> AbstractContextManager[Readouts]:
        """Open the file to read the samples of its readouts."""

    def read(self, index: int) -> Acquisition:
        """Read one image.

        Raises
        ------
        InputError
            If the file is damaged or the image holds values that are not finite.
        """
        with self.readouts() as readouts:
            return self.images.assemble(index, readouts)

    @property
    def averages(self) -> int:
        """Number of averages that the file holds one by one."""
        return self.images.averages

    def first_averages(self, count: int) -> Self:
        """Return the volume whose k-space is the mean of the first averages only.

        Raises
        ------
        InputError
            If an image has fewer averages.
        """
        chosen = {**self.choices, "averages": f"first {count}"}
        return replace(self, images=self.images.first_averages(count), choices=chosen)

    @property
    def mask(self) -> NDArray[np.bool_] | None:
        """Sampling mask `(phase,)` of the first undersampled image; None if all are fully sampled."""
        return self.images.mask

    @property
    def calibration_lines(self) -> int:
        """Number of adjacent calibration lines that a separate scan adds to the first image."""
        return self.images.calibration_lines


def _remaining_noise(lines: Lines) -> np.float32:
    """Return the noise of an image over that of one readout: the mean of N readouts has `sqrt(1 / N)` of it."""
    times = np.bincount(lines.columns)
    return np.float32(np.sqrt(np.mean(1 / times[times > 0])))


def _longest_run(lines: Lines) -> Indices:
    """Return the columns of the longest run of adjacent lines."""
    columns = np.unique(lines.columns)
    return max(np.split(columns, np.flatnonzero(np.diff(columns) > 1) + 1), key=len)


def sort_images(path: Path, heads: Heads, scan: ScanHeader) -> SortedImages:
    """Sort readouts into images; a column of a 3-D scan's is a pair of phase-encoding steps.

    Raises
    ------
    InputError
        If the scan is not Cartesian, or its readouts contradict the header or each other.
    """
    lines = sort_lines(path, heads, scan)
    first = next(iter(lines.images.values())).rows[0]
    columns = scan.matrix[1] * (lines.partitions.count if lines.partitions else 1)
    shape = (len(lines.images), int(heads["active_channels"][first]), scan.matrix[0], columns)
    check_size(path, "an image's k-space", shape[1:], 8)
    samples = heads["number_of_samples"].astype(np.int64) * shape[1]
    fullest = max(int(samples[image.rows].sum()) for image in lines.images.values())
    check_measured(path, 8 * math.prod(shape[1:]), 8 * fullest)
    padding = (0, columns) if lines.partitions else (scan.header.padding[0], min(scan.header.padding[1], columns))
    if padding[0] >= padding[1]:
        raise InputError(f"{path}: the header says that lines {padding[0]} to {padding[1] - 1} were acquired")
    _check_center(path, lines, padding, shape[-1])
    if 0 in scan.header.crop:
        raise InputError(f"{path}: the header's reconstruction matrix is {scan.header.crop}")
    frames = _frames(lines)
    header = replace(
        scan.header,
        padding=padding,
        geometry=_geometry(heads, lines, scan),
        frames=frames,
        frame_interval=scan.header.frame_interval or frame_interval(heads, lines, frames, scan),
    )
    return SortedImages(
        path=path,
        shape=shape,
        header=header,
        heads=heads,
        lines=lines,
        noise_scale=_noise_scale(path, heads, lines, int(first), scan),
    )


def _frames(lines: SortedLines) -> tuple[Frame, ...] | None:
    """Return the counters of every image; None if images differ only in their slice."""
    keys = [dict(zip(COUNTERS, key, strict=True)) for key in lines.images]
    frames = tuple(Frame(**{name: key[name] for name in FRAME}) for key in keys)
    return frames if len(set(frames)) > 1 else None


def _check_center(path: Path, lines: SortedLines, padding: tuple[int, int], phase: int) -> None:
    """Refuse scans that measured one side of k-space only, or whose header says so: the centre must lie elsewhere."""
    columns = np.concatenate([image.columns for image in lines.images.values()])
    for first, last in (padding, (int(columns.min()), int(columns.max()) + 1)):
        if is_one_sided((first, last), phase):
            raise InputError(
                f"{path}: its lines {first} to {last - 1} of {phase} all lie on one side of the centre of k-space; "
                "correct the number of the central line in its header"
            )


def _geometry(heads: Heads, lines: SortedLines, scan: ScanHeader) -> tuple[Geometry, ...] | None:
    """Return position and orientation of every image; None if they are not stored."""
    if scan.field_of_view is None:
        return None
    firsts = heads[[int(image.rows[0]) for image in lines.images.values()]]
    directions = np.stack([firsts[name] for name in ("read_dir", "phase_dir", "slice_dir")], axis=1)
    if not are_orthonormal(directions):
        return None
    if not np.isfinite(firsts["position"]).all():
        return None
    return tuple(
        Geometry(
            position=_vector(head["position"]),
            read_dir=_vector(head["read_dir"]),
            phase_dir=_vector(head["phase_dir"]),
            slice_dir=_vector(head["slice_dir"]),
            field_of_view=scan.field_of_view,
        )
        for head in firsts
    )


def _vector(numbers: NDArray[np.float32]) -> Vector:
    x, y, z = map(float, numbers)
    return x, y, z


def _noise_scale(path: Path, heads: Heads, lines: SortedLines, first: int, scan: ScanHeader) -> float:
    """Return the square root of the ratio of bandwidths, because noise rises with it (Kellman and McVeigh 2005)."""
    if not len(lines.noise):
        return 1.0
    channels = set(heads["active_channels"][lines.noise].tolist())
    if channels != {heads["active_channels"][first]}:
        raise InputError(
            f"{path}: the noise scan has {', '.join(map(str, sorted(channels)))} channels, the image has "
            f"{heads['active_channels'][first]}"
        )
    dwell, noise_dwell = float(heads["sample_time_us"][first]), float(heads["sample_time_us"][lines.noise[0]])
    if not (0 < dwell < np.inf and 0 < noise_dwell < np.inf):
        return 1.0
    return float(np.sqrt(noise_dwell / dwell / scan.noise_bandwidth))
