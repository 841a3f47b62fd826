"""Shows volumes of 3-D scans in three planes through the place where the reconstructions differ most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from recon.data.images.placement import stack
from recon.data.images.planes import NAMES, Plane, planes
from recon.experiments.engine.sampled_volume import SampledVolume
from recon.experiments.engine.scores.metrics import common_field
from recon.experiments.report.pictures.zoom import error_share

Volume = NDArray[np.floating]

INSIDE = 0.5
"""Planes of the object: those with this share of the energy of the plane with most energy."""


@dataclass(frozen=True, eq=False)
class PlanePictures:
    """A volume as several methods reconstructed it.

    Attributes
    ----------
    target
        Reference volume, float `(positions, rows, columns)`; None if there is none.
    images
        Reconstructions by method, of the target's size.
    planes
        Planes perpendicular to the three axes, axial, coronal and sagittal where the orientation is known.
    """

    target: Volume | None
    images: Mapping[str, Volume]
    planes: tuple[Plane, ...]

    @cached_property
    def place(self) -> tuple[int, ...]:
        """The voxel through which the planes lie.

        Along each axis it is the plane with the largest share of squared errors or, without a target, of differences
        from the mean image, among the planes that show much of the object.
        """
        reference = np.mean(list(self.images.values()), axis=0) if self.target is None else self.target
        share = error_share(self.images.values(), reference)
        return tuple(_fullest(reference, share, axis) for axis in range(3))

    def cut(self, volume: Volume) -> dict[str, Volume]:
        """Cut the three planes out of a volume, by their names, on square pixels."""
        return {plane.name: self._cut(plane, volume) for plane in self.planes}

    def _cut(self, plane: Plane, volume: Volume) -> Volume:
        pixels = np.asarray(plane.cut(volume, self.place[plane.axis]), np.float32)
        rows, columns = plane.square(pixels)
        if (rows, columns) == pixels.shape:
            return pixels
        return np.asarray(Image.fromarray(pixels).resize((columns, rows), Image.Resampling.BILINEAR))


def plane_pictures(scan: SampledVolume, images: Mapping[str, Volume], index: int) -> PlanePictures | None:
    """Show the volume that a position of a 3-D scan belongs to; None if the scan is 2-D or has a single position.

    Parameters
    ----------
    scan
        The scan.
    images
        All images by method, `(images, rows, columns)`.
    index
        Index of an image, whose frame, echo and set are shown.
    """
    volume = scan.volume
    header, numbers = volume.header, scan.numbers
    frames = header.frames
    here = [
        position
        for position, number in enumerate(numbers)
        if frames is None or frames[number] == frames[numbers[index]]
    ]
    if not header.volumetric or len(here) < 2:
        return None
    target = volume.read_target()
    shown = {name: one[here] for name, one in images.items()}
    if target is not None:
        target = target[here]
        shown = {name: common_field(target, one)[1] for name, one in shown.items()}
    sizes = {one.shape[1:] for one in shown.values()}
    if len(sizes) > 1 or (target is not None and target.shape[1:] not in sizes):
        return None  # of methods that enlarge images
    placed = stack(
        next(iter(shown.values())).astype(np.float32), header, volume.shape[2:], [numbers[one] for one in here]
    )
    return PlanePictures(target, shown, tuple(sorted(planes(placed), key=_order)))


def _order(plane: Plane) -> tuple[int, int]:
    """Sort axial, coronal and sagittal planes in this order, others by their axes."""
    return (-NAMES.index(plane.name) if plane.name in NAMES else 0), plane.axis


def _fullest(reference: Volume, share: Volume, axis: int) -> int:
    """Return the number of the plane with the largest share among those that show much of the object."""
    others = tuple(other for other in range(3) if other != axis)
    energy: Sequence[float] = np.square(reference, dtype=np.float64).sum(others)
    inside = np.asarray(energy) >= INSIDE * np.max(energy)
    errors = np.where(inside, share.sum(others), -1.0)
    return int(np.argmax(errors if errors.max() > 0 else energy))
