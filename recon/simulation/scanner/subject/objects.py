"""Varies the anatomy of magnitude images: mixtures of two, elastic deformation, lesions, implants."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import grid_sample, interpolate

from recon.simulation.scanner.random_fields import coordinates, smooth_plane

LARGEST_DEFORMATION = 0.06
"""Typical displacement of the strongest deformations, in fields of view."""

MOST_LESIONS, MOST_IMPLANTS = 6, 8
"""Largest number of lesions and of implants in an image."""

OBJECT = 0.12
"""Brightness from which on a pixel belongs to the object."""


def mix(image: Tensor, other: Tensor, rng: np.random.Generator) -> Tensor:
    """Show one image in some regions and another one, scaled to the same size, in the rest.

    Parameters
    ----------
    image, other
        real `(rows, columns)`.
    rng
        Source of the regions, whose borders are more or less sharp.

    Returns
    -------
    Tensor
        real, of the shape of `image`; every pixel lies between those of the two images.
    """
    size = (image.shape[0], image.shape[1])
    resized = interpolate(other[None, None], size=size, mode="bilinear", align_corners=True)[0, 0]
    regions = smooth_plane(size, int(rng.integers(3, 8)), rng, image.device)
    share = (regions * float(np.exp(rng.uniform(0, 3)))).sigmoid()
    return torch.lerp(image, resized, share)


def deform(image: Tensor, rng: np.random.Generator) -> Tensor:
    """Deform an image, real `(rows, columns)`, elastically: sample it at smoothly displaced positions."""
    size = (image.shape[0], image.shape[1])
    strength, cells = LARGEST_DEFORMATION * rng.random(), int(rng.integers(3, 7))
    down, across = (strength * smooth_plane(size, cells, rng, image.device) for _ in range(2))
    y, x = coordinates(size, image.device)
    grid = torch.stack([x + across, y + down], dim=-1)
    return grid_sample(image[None, None], grid[None], mode="bilinear", align_corners=True)[0, 0]


def add_lesions(image: Tensor, rng: np.random.Generator) -> Tensor:
    """Brighten or darken some roundish regions of the object, of 1 to 12 % of its size, with soft borders.

    Parameters
    ----------
    image
        real `(rows, columns)`, roughly between 0 and 1.
    rng
        Source of number, place, shape and contrast of the lesions.

    Returns
    -------
    Tensor
        real, of the same shape; air is unchanged.
    """
    rows, columns = image.shape
    for _ in range(int(rng.integers(1, MOST_LESIONS + 1))):
        distance = _distance(image, rng, largest=0.12, smallest=0.01)
        rough = 1 + 0.3 * smooth_plane((rows, columns), int(rng.integers(6, 14)), rng, image.device)
        inside = ((1 - distance * rough) * float(np.exp(rng.uniform(1, 3)))).sigmoid() * (distance < 3)
        change = rng.uniform(0.1, 0.9) * (1 if rng.random() < 0.5 else -1)
        image = torch.where(image > OBJECT, image * (1 + change * inside), image)
    return image


def add_implants(image: Tensor, rng: np.random.Generator) -> Tensor:
    """Replace small discs in the object, of 1 to 6 pixels, by a void or a bright spot with sharp borders.

    Parameters and result are those of `add_lesions`.
    """
    for _ in range(int(rng.integers(1, MOST_IMPLANTS + 1))):
        pixel = 1 / max(image.shape)
        distance = _distance(image, rng, largest=3 * pixel, smallest=0.6 * pixel)
        image = torch.where(distance < 1, image.new_tensor(rng.choice([0.0, rng.uniform(0.2, 1.0)])), image)
    return image


def _distance(image: Tensor, rng: np.random.Generator, largest: float, smallest: float) -> Tensor:
    """Return the distance of each pixel from a random one of the object, one at the border of a random ellipse.

    Parameters
    ----------
    image
        real `(rows, columns)`.
    rng
        Source of centre, half axes and angle.
    largest, smallest
        Half axes of the ellipse, in units of the longer side of the image.
    """
    places = (image > OBJECT).flatten().nonzero().flatten()
    place = int(places[int(rng.integers(len(places)))]) if len(places) else image.numel() // 2
    row, column = divmod(place, image.shape[1])
    first, second = np.exp(rng.uniform(np.log(smallest), np.log(largest), 2)) * max(image.shape)
    angle = rng.uniform(0, np.pi)
    y = torch.arange(image.shape[0], device=image.device)[:, None] - row
    x = torch.arange(image.shape[1], device=image.device)[None, :] - column
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    return torch.hypot(along / first, across / second)
