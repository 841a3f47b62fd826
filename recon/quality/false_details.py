"""Counts small details that a reconstruction invents or loses, bright or dark, against the fully sampled image."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import conv2d, max_pool2d, pad

SIZES = (1.0, 2.0, 4.0)
"""Widths at half maximum of the details that are looked for, in pixels."""

SURROUNDINGS = 1.6
"""Width of the surroundings from which a detail stands out, as a multiple of its own."""

CONTRAST = 0.2
"""Difference to the surroundings, as a share of the median of the object, from which a structure is a detail."""

SHARE, DISTANCE = 0.5, 2
"""Share of a detail's contrast that the other image must show, within so many pixels, to have the detail as well."""

OBJECT = 0.1
"""Share of the brightest pixel above which a pixel of the fully sampled image belongs to the object."""

REACH = 4
"""Distance from a pixel of the object within which details count as the object's, because dark ones may be black."""


@dataclass(frozen=True)
class DetailCounts:
    """Numbers of details in one slice.

    Attributes
    ----------
    invented
        Details of the reconstruction that the fully sampled image does not have.
    lost
        Details of the fully sampled image that the reconstruction does not have.
    present
        Details of the fully sampled image.
    largest_invented
        Contrast of the strongest structure, however weak, that the fully sampled image does not have, as a share of
        the median of the object.
    """

    invented: int
    lost: int
    present: int
    largest_invented: float


def count_details(image: Tensor, target: Tensor, contrast: float = CONTRAST) -> DetailCounts:
    """Count the details of 1 to 4 pixels that are in only one of two images of equal brightness.

    A detail is a local extremum of the difference of two Gaussians, which is one where a Gaussian of its width and of
    unit height lies. Bright and dark details are matched apart. The object's outline counts only where it differs.

    Parameters
    ----------
    image, target
        real `(rows, columns)`.
    contrast
        Smallest contrast of a detail, as a share of the median of the object in the target. Below some ten times the
        standard deviation of the noise, noise counts as detail.
    """
    bright, median = target > OBJECT * target.max(), object_median(target)
    inside = max_pool2d(bright.to(target.dtype)[None], 2 * REACH + 1, 1, REACH)[0] > 0
    smallest = contrast * median
    invented = lost = present = 0
    for sign in (1, -1):
        found, expected = _contrast(sign * image), _contrast(sign * target)
        details = _details(expected, smallest) & inside
        present += int(details.sum())
        lost += int((details & ~_shown(expected, found)).sum())
        invented += int((_details(found, smallest) & ~_shown(found, expected)).sum())
    return DetailCounts(invented, lost, present, float(largest_false(image, target) / median))


def object_median(target: Tensor) -> Tensor:
    """Return the median of the object in an image `(rows, columns)`, the unit of contrast; infinite without one."""
    bright = target > OBJECT * target.max()
    return target[bright].median() if bright.any() else target.new_tensor(torch.inf)


def largest_false(image: Tensor, target: Tensor, where: Tensor | None = None) -> Tensor:
    """Return the contrast, in the image's units, of the strongest detail of an image that the target does not have.

    Parameters
    ----------
    image, target
        real `(rows, columns)`, also differences of images.
    where
        bool `(rows, columns)`: pixels that count; all by default.
    """
    largest = image.new_zeros(())
    for sign in (1, -1):
        found, expected = _contrast(sign * image), _contrast(sign * target)
        false = _details(found, largest) & ~_shown(found, expected)
        false = false if where is None else false & where
        largest = torch.where(false, found, largest).amax()
    return largest


def _contrast(image: Tensor) -> Tensor:
    """Return how much each pixel stands out from its surroundings, at the size that shows it best."""
    sizes = [size / 2.3548 for size in SIZES]  # width at half maximum to standard deviation
    # A Gaussian of unit height, smoothed by one as wide, is 1/2 high.
    gain = 1 / 2 - 1 / (1 + SURROUNDINGS**2)
    differences = [_smooth(image, size) - _smooth(image, SURROUNDINGS * size) for size in sizes]
    return torch.stack(differences).amax(0) / gain


def _smooth(image: Tensor, width: float) -> Tensor:
    reach = max(1, round(4 * width))
    steps = torch.arange(-reach, reach + 1, dtype=image.dtype, device=image.device)
    kernel = torch.exp(-0.5 * (steps / width) ** 2)
    kernel = kernel / kernel.sum()
    padded = pad(image[None, None], [reach] * 4, mode="replicate")
    return conv2d(conv2d(padded, kernel.reshape(1, 1, -1, 1)), kernel.reshape(1, 1, 1, -1))[0, 0]


def _details(contrast: Tensor, smallest: Tensor) -> Tensor:
    return (contrast > smallest) & (contrast == max_pool2d(contrast[None], 3, 1, 1)[0])


def _shown(contrast: Tensor, other: Tensor) -> Tensor:
    """Mark pixels whose contrast the other image shows as well, nearly."""
    return max_pool2d(other[None], 2 * DISTANCE + 1, 1, DISTANCE)[0] >= SHARE * contrast
