"""Finds the pixels of a study's regions, and the lines of its edges, in the images of a subject."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recon.data.errors import InputError, warn_of_input
from recon.data.extras import extra
from recon.data.images.placement import stack
from recon.data.volume import Volume
from recon.experiments.study.config import EdgeConfig, RoiConfig, StudyConfig
from recon.experiments.study.edge_rise import RAYS, border_rise, line_rise
from recon.experiments.study.geometry import Ellipse, Frame

Mask = NDArray[np.bool_]
Images = NDArray[np.float32]

FEWEST_PIXELS = 2
"""Smallest number of pixels of a region; a standard deviation takes two."""


@dataclass(frozen=True, eq=False)
class Regions:
    """Regions and edges of one subject.

    Attributes
    ----------
    frame
        Frame of the subject's images.
    masks
        Pixels of every region, bool `(slices, rows, columns)`.
    study
        Config of the study with the changes for the subject.
    slices
        Numbers of the slices in the file.
    """

    frame: Frame
    masks: Mapping[str, Mask]
    study: StudyConfig
    slices: tuple[int, ...]

    def rises(self, images: Images) -> dict[str, float]:
        """Return the 10-90 % rise of every edge in images `(slices, rows, columns)`, in mm; NaN if unclear."""
        return {name: self._rise(edge, images) for name, edge in self.study.edges.items()}

    def slice_of(self, edge: EdgeConfig) -> int:
        """Return the number of the slice in which an edge is measured."""
        if edge.slice is not None:
            return edge.slice
        roi = None if edge.roi is None else self.study.rois[edge.roi]
        return self.slices[0] if roi is None or roi.slices is None else roi.slices[0]

    def _rise(self, edge: EdgeConfig, images: Images) -> float:
        image = images[self.slices.index(self.slice_of(edge))]
        if edge.roi is not None:
            lines = zip(*_ellipse(self.study.rois[edge.roi]).border_lines(RAYS, edge.reach), strict=True)
            return border_rise(image, self.frame, list(lines))
        start, end = np.array(edge.start, np.float64), np.array(edge.end, np.float64)
        return line_rise(image, self.frame, start, end, edge.width)


def chosen_slices(study: StudyConfig, volume: Volume) -> tuple[int, ...]:
    """Return the indices of the study's slices in a scan.

    Raises
    ------
    InputError
        If the scan lacks one of the slices.
    """
    count = len(volume)
    if study.slices == "all":
        return tuple(range(count))
    if study.slices == "middle":
        return (count // 2,)
    for number in study.slices:
        if number >= count:
            raise InputError(f"{volume.name}: has {count} slices, so there is no slice {number}")
    return tuple(dict.fromkeys(study.slices))


def find_regions(study: StudyConfig, volume: Volume, shape: tuple[int, int], folder: Path) -> Regions:
    """Find all regions in the images of a subject.

    Parameters
    ----------
    study
        Config of the study with the changes for the subject.
    volume
        The subject's slices.
    shape
        Size of the images `(rows, columns)`.
    folder
        Folder to which the path of label maps is relative.

    Raises
    ------
    InputError
        If a region lies outside of the images or has fewer than two pixels, a region or an edge lies in a slice that
        the study leaves out, or a label map cannot be read.
    """
    slices = tuple(volume.number(index) for index in range(len(volume)))
    placed = stack(
        np.zeros((len(slices), *shape), np.float32), volume.header, volume.shape[2:], list(slices)
    ).placements
    if volume.header.field_of_view is None and volume.header.geometry is None:
        warn_of_input(f"{volume.name}: has no field of view, so every pixel counts as 1 mm wide")
    frame = Frame(shape, placed[0].spacing)
    masks: dict[str, Mask] = {}
    if any(roi.label is not None for roi in study.rois.values()):
        with extra("images", "a label map"):
            from recon.data.images.label_map import read_label_map  # noqa: PLC0415
        path = folder / str(study.labels).replace("{name}", scan_name(volume))
        label_map = read_label_map(path)
        labels = np.stack([label_map.at(placement, shape) for placement in placed])
        masks = {name: labels == roi.label for name, roi in study.rois.items() if roi.label is not None}
    for name, roi in study.rois.items():
        if roi.label is None:
            masks[name] = _ellipse_mask(f"{volume.name}: the region {name!r}", roi, frame, slices)
        if masks[name].sum() < FEWEST_PIXELS:
            raise InputError(f"{volume.name}: the region {name!r} has {masks[name].sum()} pixels; it needs two")
    regions = Regions(frame, {name: masks[name] for name in study.rois}, study, slices)
    for name, edge in study.edges.items():
        if regions.slice_of(edge) not in slices:
            raise InputError(
                f"{volume.name}: the edge {name!r} lies in slice {edge.slice}, which is not among those of the study"
            )
    return regions


def scan_name(volume: Volume) -> str:
    """Return the name of a scan without its suffix."""
    return Path(volume.name).stem


def _ellipse(roi: RoiConfig) -> Ellipse:
    if roi.center is None or roi.radii is None:
        raise InputError("the region is not an ellipse")
    return Ellipse(roi.center, roi.radii, roi.angle)


def _ellipse_mask(what: str, roi: RoiConfig, frame: Frame, slices: Sequence[int]) -> Mask:
    ellipse = _ellipse(roi)
    plane = ellipse.mask(frame)
    border, _ = ellipse.border_lines(RAYS, 0)
    pixels = frame.to_pixels(border)
    if (pixels < -0.5).any() or (pixels > np.array(frame.shape) - 0.5).any():
        rows, columns = (size * step for size, step in zip(frame.shape, frame.spacing, strict=True))
        raise InputError(f"{what} reaches beyond the image of {columns:.0f} x {rows:.0f} mm")
    numbers = slices if roi.slices is None else roi.slices
    for number in numbers:
        if number not in slices:
            raise InputError(f"{what} lies in slice {number}, which is not among those of the study")
    return np.stack([plane if number in numbers else np.zeros_like(plane) for number in slices])
