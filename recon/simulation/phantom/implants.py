"""Places small details of known size and contrast in the phantom, to learn whether a reconstruction keeps them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import minimum_filter

from recon.data.errors import InputError
from recon.simulation.phantom.fields import Array

WIDTHS = (1.0, 2.0, 3.0, 4.0)
"""Widths at half maximum in pixels, in turn; each comes bright and dark."""

CONTRAST = 0.5
"""Height of an implant as a share of the median brightness of tissue."""

TISSUE = 0.1
"""Share of the largest brightness above which a pixel counts as tissue."""

CLEARANCE = 1.1
"""Least brightness around an implant, as a multiple of its height, so that a dark one does not turn negative."""

NEIGHBOURHOOD, DISTANCE = 7, 12
"""Pixels of that surrounding along either axis, and least distance in pixels between two implants."""

COLUMNS = ("slice", "row", "column", "width", "height")
"""Columns of the table in which files record implants; widths in pixels, heights in units of the target."""


@dataclass(frozen=True)
class Implant:
    """A round Gaussian spot.

    Attributes
    ----------
    slice, row, column
        Pixel of the centre.
    width
        Width at half maximum, in pixels.
    height
        What it adds to the image at its centre: positive if bright, negative if dark.
    """

    slice: int
    row: int
    column: int
    width: float
    height: float


def draw_implants(
    brightness: Array, count: int, rng: np.random.Generator, period: int | None = None
) -> list[Implant]:
    """Draw the places of `count` implants in each slice, apart from each other and wholly within tissue.

    Widths are 1 to 4 pixels in turn, first bright, then dark.

    Parameters
    ----------
    brightness
        real `(slices, rows, columns)`: image without noise.
    count
        Number of implants in each slice.
    rng
        Source of the places.
    period
        Columns of a narrower field of view into which the image will be folded: implants stay apart in it too.

    Raises
    ------
    InputError
        If there is no room for so many.
    """
    tissue = brightness > TISSUE * brightness.max()
    height = CONTRAST * float(np.median(brightness[tissue]))
    period = brightness.shape[-1] if period is None else period
    implants: list[Implant] = []
    for index, image in enumerate(brightness):
        fits = minimum_filter(image, NEIGHBOURHOOD, mode="constant") > CLEARANCE * height
        places = _draw_places(rng.permutation(np.argwhere(fits)), count, period)
        if len(places) < count:
            raise InputError(f"slice {index} has room for {len(places)} implants, not for {count}")
        for number, (row, column) in enumerate(places):
            sign = 1 if number // len(WIDTHS) % 2 == 0 else -1
            implants.append(Implant(index, row, column, WIDTHS[number % len(WIDTHS)], sign * height))
    return implants


def paint_implants(implants: list[Implant], shape: tuple[int, int, int]) -> Array:
    """Draw implants on nothing, float32 `(slices, rows, columns)`."""
    rows, columns = np.ogrid[: shape[1], : shape[2]]
    volume = np.zeros(shape, np.float32)
    for implant in implants:
        square = (rows - implant.row) ** 2 + (columns - implant.column) ** 2
        volume[implant.slice] += implant.height * np.exp2(-4 * square / implant.width**2)
    return volume


def _draw_places(candidates: np.ndarray, count: int, period: int) -> list[tuple[int, int]]:
    """Take the first candidates `(n, 2)` that are apart from all before, columns being the same after a period."""
    places: list[tuple[int, int]] = []
    while len(places) < count and len(candidates):
        row, column = (int(number) for number in candidates[0])
        places.append((row, column))
        aside = np.abs(candidates[:, 1] - column) % period
        distance = np.hypot(candidates[:, 0] - row, np.minimum(aside, period - aside))
        candidates = candidates[distance >= DISTANCE]
    return places
