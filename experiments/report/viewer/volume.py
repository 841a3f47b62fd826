"""Chooses the slices and frames that a report's viewer scrolls through, as many as its share of the page allows."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from fastmri.data.transforms import center_crop
from numpy.typing import NDArray

from recon.data.describe import describe_image
from recon.data.images.placement import TO_RAS, Stack, stack
from recon.experiments.engine.sampled_volume import SampledVolume
from recon.experiments.report.viewer.encoding import compress, quantise

Images = NDArray[np.floating]

FEWEST = 5
"""Number of images of each method that a viewer shows at least, if a scan has so many: they take what is left."""

BASE64 = 4 / 3
"""Length of an encoded byte on the page."""

TARGET = "target"


@dataclass(frozen=True, eq=False)
class ViewerVolume:
    """Images of a scan as several methods reconstructed it, ready for the page.

    Attributes
    ----------
    encoded
        Images of the target, if there is one, and of each method by name: `(frames, places, rows, columns)`,
        compressed and in base64.
    description
        What the script must know of all of them: shape, labels, affine and the image shown first.
    """

    encoded: Mapping[str, str]
    description: Mapping[str, Any]

    @property
    def size(self) -> int:
        """Number of bytes on the page."""
        return sum(map(len, self.encoded.values()))


@dataclass
class Budget:
    """Bytes that the viewers of a page may still use, shared evenly between the comparisons still to come.

    Attributes
    ----------
    remaining
        Number of bytes left.
    comparisons
        Number of comparisons still to come.
    """

    remaining: int
    comparisons: int

    def encode(
        self, scan: SampledVolume, images: Mapping[str, Images], index: int, size: tuple[int, int], white: float
    ) -> ViewerVolume | None:
        """Encode the next comparison; None if not even about `FEWEST` images of each method fit.

        Parameters
        ----------
        scan
            The scan.
        images
            All images by method, `(images, rows, columns)`.
        index
            Index of the image that the report shows.
        size
            Rows and columns of the field that all images cover.
        white
            Value that is shown white at first.
        """
        share = self.remaining / max(self.comparisons, 1)
        self.comparisons -= 1
        target = scan.volume.read_target()
        shown = ({} if target is None else {TARGET: target}) | dict(images)
        steps = {name: quantise(center_crop(one, size), white) for name, one in shown.items()}
        each = BASE64 * sum(len(compress(one[[index]])) for one in steps.values())
        grid = _grid(scan)
        number = max(int(share / each), min(FEWEST, grid.size))
        frame, place = (int(where[0]) for where in np.nonzero(grid == index))
        frames = _evenly(grid.shape[0], frame, number)
        places = _evenly(grid.shape[1], place, max(1, number // len(frames)))
        chosen = grid[np.ix_(frames, places)]
        if each * chosen.size > self.remaining:
            return None
        volume = ViewerVolume(
            {name: b64encode(compress(one[chosen.ravel()])).decode() for name, one in steps.items()},
            _describe(scan, chosen, size) | {"shown": (frames.index(frame), places.index(place))},
        )
        self.remaining -= volume.size
        return volume


def _grid(scan: SampledVolume) -> NDArray[np.intp]:
    """Return the indices of all images, `(frames, places)`; images of series of several lengths are places each."""
    series = scan.series
    if len({len(one) for one in series}) > 1:
        return np.array([scan.order])
    return np.array(series).T


def _evenly(count: int, shown: int, most: int) -> list[int]:
    """Return at most so many of the numbers below `count`, evenly spaced, that contain one of them."""
    step = -(-count // most)
    return list(range(shown % step, count, step))


def _describe(scan: SampledVolume, chosen: NDArray[np.intp], size: tuple[int, int]) -> dict[str, Any]:
    volume, numbers = scan.volume, scan.numbers
    first = [numbers[index] for index in chosen[0]]
    placed = stack(np.zeros((len(first), *size), np.float32), volume.header, volume.shape[2:], first)
    return {
        "shape": [*chosen.shape, *size],
        "images": len(scan),
        "labels": [[describe_image(volume.header, numbers[index]) for index in frame] for frame in chosen],
        "affine": _affine(placed).tolist(),
        "volumetric": volume.header.volumetric and len(first) > 1,
        "oriented": placed.oriented and volume.header.volumetric,
    }


def _affine(placed: Stack) -> NDArray[np.float64]:
    """Return the affine from (column, row, place) to mm: in the patient for 3-D scans; others show rows downwards."""
    first, last = placed.placements[0], placed.placements[-1]
    affine = np.eye(4)
    if placed.volumetric and len(placed.placements) > 1:
        across = (last.corner - first.corner) / (len(placed.placements) - 1)
        affine[:3] = np.stack([first.across, first.down, across, first.corner], axis=1)
        return TO_RAS @ affine
    rows, columns = first.spacing
    return np.diag([columns, -rows, 1.0, 1.0])
