"""Places small details of known size and contrast in the phantom, to learn whether a reconstruction keeps them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

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

DISTANCE = 10
"""Least distance in pixels between two implants."""

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
        Change of the image at its centre: positive if bright, negative if dark.
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
    from scipy.ndimage import minimum_filter  # noqa: PLC0415 - slow to import

    tissue = brightness > TISSUE * brightness.max()
    height = CONTRAST * float(np.median(brightness[tissue]))
    period = brightness.shape[-1] if period is None else period
    implants: list[Implant] = []
    for index, image in enumerate(brightness):
        pixels = rng.permutation(np.argwhere(image > CLEARANCE * height))
        for number in range(count):
            width, sign = WIDTHS[number % len(WIDTHS)], 1 if number // len(WIDTHS) % 2 == 0 else -1
            darkest = minimum_filter(image, 2 * int(width) - 1, mode="constant")
            fitting = pixels[darkest[pixels[:, 0], pixels[:, 1]] > CLEARANCE * height]
            if not len(fitting):
                raise InputError(f"slice {index} has room for {number} implants, not for {count}")
            row, column = (int(place) for place in fitting[0])
            implants.append(Implant(index, row, column, width, sign * height))
            aside = np.abs(pixels[:, 1] - column) % period
            distance = np.hypot(pixels[:, 0] - row, np.minimum(aside, period - aside))
            pixels = pixels[distance >= DISTANCE]
    return implants


def paint_implants(implants: list[Implant], shape: tuple[int, int, int]) -> Array:
    """Draw implants on an empty image, float32 `(slices, rows, columns)`."""
    rows, columns = np.ogrid[: shape[1], : shape[2]]
    volume = np.zeros(shape, np.float32)
    for implant in implants:
        square = (rows - implant.row) ** 2 + (columns - implant.column) ** 2
        volume[implant.slice] += implant.height * np.exp2(-4 * square / implant.width**2)
    return volume
