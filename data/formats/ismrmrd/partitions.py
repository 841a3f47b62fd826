"""Reads 3-D scans as many 2-D problems: the readout is transformed, and every position along it is an image.

The readout of a Cartesian scan is fully sampled, so its transform can be undone before anything else. Each position
then has a k-space of its own, whose two axes are the phase encodings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from recon.data.acquisition import Acquisition, Geometry, Header
from recon.data.errors import InputError
from recon.data.formats.hybrid import HybridSpace, image_of_readout, thinnest_mask
from recon.data.formats.ismrmrd.images import Complex, Readouts, SortedImages, SortedVolume
from recon.data.formats.ismrmrd.lines import Lines
from recon.data.formats.ismrmrd.scan_header import Partitions, ScanHeader
from recon.data.formats.unread import FULL_READOUT
from recon.data.masks.measured import is_one_sided, prospective_mask
from recon.data.storage.finite import check_finite
from recon.data.volume import Volume, VolumeWithoutTarget

BLOCK_BYTES = 2**26
"""Bytes of the k-space that is transformed at a time."""


@dataclass(frozen=True, eq=False)
class PartitionedVolume(VolumeWithoutTarget):
    """A 3-D scan; positions along the readout vary fastest among its images.

    Attributes
    ----------
    path
        Path of the file.
    shape
        `(images, coils, first phase encoding, second phase encoding)`.
    header
        Header of the images, whose geometry is that of every position.
    lines
        The file's readouts, sorted into images of which a column is a pair of phase-encoding steps.
    positions
        Number of positions along the readout that the image shows.
    choices
        Number of averages, if they were chosen.
    """

    path: Path
    shape: tuple[int, int, int, int]
    header: Header
    lines: SortedVolume
    positions: int
    choices: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    _hybrid: HybridSpace = field(default_factory=HybridSpace, init=False, repr=False)
    _reference: HybridSpace = field(default_factory=HybridSpace, init=False, repr=False)

    @cached_property
    def mask(self) -> NDArray[np.bool_] | None:
        """Sampling mask of the first undersampled image; None if all are fully sampled."""
        masks = (self._mask(lines) for lines in self._images.lines.images.values())
        return next((mask for mask in masks if prospective_mask(mask, self.header.padding) is not None), None)

    @property
    def calibration_lines(self) -> int:
        """Number of lines of the rectangle that a separate calibration scan adds to the first image."""
        lines = self._images.calibration_of(next(iter(self._images.lines.images)))
        return 0 if lines is None else self._rectangle(lines)[1]

    @property
    def averages(self) -> int:
        """Number of averages that the file holds one by one."""
        return self.lines.averages

    def first_averages(self, count: int) -> Self:
        """Return the volume whose k-space is the mean of the first averages only.

        Raises
        ------
        InputError
            If an image has fewer averages.
        """
        chosen = self.lines.first_averages(count)
        return replace(self, lines=chosen, choices=chosen.choices)

    def read(self, index: int) -> Acquisition:
        """Read one position along the readout; the first one of an image transforms the whole image.

        Raises
        ------
        InputError
            If the file is damaged or the image holds values that are not finite.
        """
        image, position = divmod(index, self.positions)
        key, lines = list(self._images.lines.images.items())[image]
        separate = self._images.calibration_of(key)
        with self.lines.readouts() as readouts:
            space = self._hybrid.of(
                image, (self.positions, *self.shape[1:]), lambda out: self._fill(readouts, lines, out)
            )
            noise = self._images.noise_of(readouts, lines)
            calibration = None if separate is None else self._calibration(readouts, image, separate)[position]
        kspace = np.array(space[position])
        check_finite(self.path, kspace, f"k-space of position {index}")
        check_finite(self.path, noise, "noise scan")
        return Acquisition.from_numpy(
            kspace=kspace,
            mask=self._mask(lines),
            header=self.header,
            calibration=None if calibration is None else np.array(calibration),
            noise=noise,
            name=self.path.name,
            slice=index,
        )

    @property
    def _images(self) -> SortedImages:
        return self.lines.images

    def _mask(self, lines: Lines) -> NDArray[np.bool_]:
        mask = np.zeros(self.shape[2] * self.shape[3], np.bool_)
        mask[lines.columns] = True
        return thinnest_mask(mask.reshape(self.shape[2:]))

    def _fill(self, readouts: Readouts, lines: Lines, out: Complex) -> None:
        """Transform an image into `out`, `(positions, coils, first, second phase encoding)`, by blocks of lines."""
        second = self.shape[3]
        line_bytes = 8 * self._images.shape[1] * self._images.shape[2] * second
        rows = max(1, BLOCK_BYTES // line_bytes)
        for first in range(0, self.shape[2], rows):
            last = min(first + rows, self.shape[2])
            inside = (lines.columns >= first * second) & (lines.columns < last * second)
            part = Lines(lines.rows[inside], lines.columns[inside] - first * second)
            with np.errstate(over="ignore", invalid="ignore"):  # checked when a position is read
                kspace = self._images.assemble_lines(readouts, part, (last - first) * second)
                positions = image_of_readout(kspace, 1, self.positions)
            shape = (*positions.shape[:2], last - first, second)
            out[:, :, first:last] = positions.reshape(shape).swapaxes(0, 1)

    def _rectangle(self, lines: Lines) -> tuple[int, int]:
        """Return the size of the rectangle about DC within which calibration lines were measured."""
        steps = np.divmod(lines.columns, self.shape[3])
        rows, columns = (
            2 * min(size // 2 - int(step.min()), int(step.max()) + 1 - size // 2)
            for size, step in zip(self.shape[2:], steps, strict=True)
        )
        if rows < 2 or columns < 2:
            raise InputError(f"{self.path}: its separate calibration lines do not surround the centre of k-space")
        return rows, columns

    def _calibration(self, readouts: Readouts, image: int, lines: Lines) -> Complex:
        """Transform separate calibration lines to `(positions, coils, rows, lines)`."""
        rows, columns = self._rectangle(lines)
        top, left = self.shape[2] // 2 - rows // 2, self.shape[3] // 2 - columns // 2
        row, column = np.divmod(lines.columns, self.shape[3])
        inside = (row >= top) & (row < top + rows) & (column >= left) & (column < left + columns)
        part = Lines(lines.rows[inside], (row[inside] - top) * columns + column[inside] - left)

        def fill(out: Complex) -> None:
            positions = image_of_readout(
                self._images.assemble_lines(readouts, part, rows * columns), 1, self.positions
            )
            check_finite(self.path, positions, "calibration")
            out[:] = positions.reshape(*positions.shape[:2], rows, columns).swapaxes(0, 1)

        return self._reference.of(image, (self.positions, self.shape[1], rows, columns), fill)


def by_position(lines: SortedVolume, scan: ScanHeader) -> Volume:
    """Return the images of a 2-D scan unchanged, those of a 3-D scan by their positions along the readout.

    Raises
    ------
    InputError
        If the readouts all lie on one side of k-space, or differ in length.
    """
    slab = lines.images.lines.partitions
    if slab is None:
        return lines
    images = lines.images
    matrix = scan.matrix[1], slab.count
    steps = [np.divmod(one.columns, slab.count) for one in images.lines.images.values()]
    limits = [
        (min(int(step[axis].min()) for step in steps), max(int(step[axis].max()) for step in steps) + 1)
        for axis in (0, 1)
    ]
    for size, limit in zip(matrix, limits, strict=True):
        if is_one_sided(limit, size):
            raise InputError(
                f"{lines.path}: its phase-encoding steps {limit[0]} to {limit[1] - 1} of {size} all lie on one side "
                "of the centre of k-space; correct the number of the central step in its header"
            )
    _check_readouts(images)
    shown = scan.header.covered((scan.matrix[0], scan.matrix[1]))[0]
    header = _header_by_position(scan, slab, images, shown)
    count = len(images.lines.images) * shown
    return PartitionedVolume(
        path=lines.path,
        shape=(count, images.shape[1], *matrix),
        header=replace(header, padding=limits[1]),
        lines=lines,
        positions=shown,
    )


def _check_readouts(images: SortedImages) -> None:
    """Refuse readouts of several lengths: what is missing of some would differ from line to line.

    Raises
    ------
    InputError
        If there are any.
    """
    rows = np.concatenate([one.rows for one in images.lines.images.values()])
    first, (begin, end) = images.lines.first[rows], (limit[rows] for limit in images.lines.kept)
    extents = np.unique(np.stack([first, first + end - begin], axis=1), axis=0)
    if len(extents) > 1:
        lengths = extents[:, 1] - extents[:, 0]
        raise InputError(
            f"{images.path}: its readouts have {lengths.min()} to {lengths.max()} samples at {len(extents)} "
            f"different places of k-space; {FULL_READOUT}"
        )


def _header_by_position(scan: ScanHeader, slab: Partitions, images: SortedImages, shown: int) -> Header:
    """Return the header whose axes are the phase encodings."""
    header, encoded, image = scan.header, scan.header.encoded_field_of_view, scan.header.field_of_view
    frames = None if images.header.frames is None else tuple(f for f in images.header.frames for _ in range(shown))
    thickness = None if encoded is None else encoded[0] / scan.matrix[0]
    known = image is not None and slab.field_of_view is not None
    geometry = None
    if known and image is not None and slab.field_of_view is not None and thickness is not None:
        fields = (image[1], slab.field_of_view, thickness)
        geometry = tuple(
            _position(one, (number - shown // 2) * thickness, fields)
            for one in images.header.geometry or ()
            for number in range(shown)
        )
    both = encoded is not None and slab.encoded_field_of_view is not None
    return replace(
        header,
        crop=(header.crop[1], slab.image_count),
        field_of_view=(image[1], slab.field_of_view or 0.0) if image is not None and known else None,
        encoded_field_of_view=(encoded[1], slab.encoded_field_of_view or 0.0)
        if encoded is not None and both
        else None,
        geometry=geometry or None,
        frames=frames,
        slice_thickness=thickness,
        volumetric=True,
        frame_interval=images.header.frame_interval,
    )


def _position(slab: Geometry, along: float, field_of_view: tuple[float, float, float]) -> Geometry:
    """Return the geometry of the plane at a distance along the readout, whose axes are the phase encodings."""
    x, y, z = (centre + along * step for centre, step in zip(slab.position, slab.read_dir, strict=True))
    return Geometry(
        position=(x, y, z),
        read_dir=slab.phase_dir,
        phase_dir=slab.slice_dir,
        slice_dir=slab.read_dir,
        field_of_view=field_of_view,
    )
