"""Collects what the report shows of a subject: one slice in every arm, with its regions and edges."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from recon.experiments.study.regions import Regions

Image = NDArray[np.float32]


@dataclass
class SubjectPictures:
    """One slice of a subject in every arm.

    Attributes
    ----------
    name
        Name of the scan.
    images
        Images `(rows, columns)` by arm.
    regions
        Regions in the image of each arm.
    index
        Index of the slice among those of the study: the one that holds most of the regions.
    """

    name: str
    images: dict[str, Image] = field(default_factory=dict)
    regions: dict[str, Regions] = field(default_factory=dict)
    index: int = 0

    def add(self, arm: str, images: Image, regions: Regions) -> None:
        """Add the images `(slices, rows, columns)` of an arm."""
        if not self.images:
            held = np.sum([mask.any(axis=(1, 2)) for mask in regions.masks.values()], axis=0)
            self.index = int(held.argmax())
        self.images[arm] = images[self.index]
        self.regions[arm] = regions

    def masks(self, arm: str) -> dict[str, NDArray[np.bool_]]:
        """Return the pixels `(rows, columns)` of the regions that lie in the slice."""
        masks = {name: mask[self.index] for name, mask in self.regions[arm].masks.items()}
        return {name: mask for name, mask in masks.items() if mask.any()}

    def lines(self, arm: str) -> list[NDArray[np.float64]]:
        """Return the ends `(2, 2)`, row and column, of the lines along which edges are measured in the slice."""
        regions = self.regions[arm]
        lines = []
        for edge in regions.study.edges.values():
            shown = regions.slice_of(edge) == regions.slices[self.index]
            if shown and edge.start is not None and edge.end is not None:
                lines.append(regions.frame.to_pixels(np.array([edge.start, edge.end], np.float64)))
        return lines
