"""Simulates images with noise, and cuts out the parts that a denoiser is trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from recon.data.training.patches import NoisyPatches
from recon.simulation.scanner.effects import truncate
from recon.simulation.scanner.random_fields import smooth_plane
from recon.simulation.scanner.scan_plan import draw_matrix
from recon.simulation.scanner.simulator import FINER, Simulator
from recon.simulation.scanner.subject.contrast import vary_contrast
from recon.simulation.scanner.subject.objects import OBJECT
from recon.simulation.scanner.subject.phase import vary_phase
from recon.simulation.scanner.subject.placement import ObjectPlacement, draw_aspect

BRIGHT = 0.995
"""Quantile of an image's magnitude that serves as the unit of its noise."""

ANYWHERE = 0.2
"""Share of the patches that lie anywhere; the others are centred on the object."""

VARIATION = 0.5
"""Approximate standard deviation of the logarithm of a noise map."""

KNOTS = 3
"""Number of random values along either axis between which a noise map is interpolated."""


@dataclass(frozen=True)
class PatchPlan:
    """Patches to cut out of an image, and the noise to add to them.

    Attributes
    ----------
    size
        Side of a patch, in pixels.
    count
        Number of patches of an image.
    noise
        Smallest and largest standard deviation of the noise, as share of `brightness`.
    mapped
        Share of the patches whose noise varies from pixel to pixel, as that of parallel imaging does.
    phase
        Whether images are complex.
    """

    size: int = 64
    count: int = 4
    noise: tuple[float, float] = (0.01, 0.15)
    mapped: float = 0.3
    phase: bool = True


@dataclass(frozen=True, eq=False)
class PatchSimulator:
    """Draws images of some anatomy and cuts patches out of them, each determined by its random numbers alone.

    Attributes
    ----------
    simulator
        Source of the objects, and the ranges of the matrix and of the objects' properties.
    plan
        Patches and their noise.
    """

    simulator: Simulator
    plan: PatchPlan

    def patches(self, rng: np.random.Generator) -> NoisyPatches:
        """Draw an image, and cut patches out of it."""
        image = self.image(rng)
        size, unit = self.plan.size, brightness(image)
        corners = [_corner(image.abs() > OBJECT * unit, size, rng) for _ in range(self.plan.count)]
        clean = torch.stack([image[row : row + size, column : column + size] for row, column in corners])
        sigma = torch.stack([unit * self._level(rng, image.device) for _ in corners])
        return NoisyPatches(clean + sigma * white_noise(clean, rng), clean, sigma)

    def image(self, rng: np.random.Generator, matrix: tuple[int, int] | None = None) -> Tensor:
        """Draw an image without noise, complex64 or float32 `(rows, columns)`; None draws its matrix."""
        shares, (rows, columns) = self.simulator.ranges.shares, matrix or draw_matrix(self.simulator.ranges, rng)
        aspect = draw_aspect(rows, columns, rng)
        turned = ObjectPlacement.draw(rng).render(self.simulator.object(rng), (FINER * rows, FINER * columns), aspect)
        magnitude = vary_contrast(turned, shares.synthetic, rng)
        fine = vary_phase(magnitude, rng) if self.plan.phase else torch.complex(magnitude, 0 * magnitude)
        image = truncate(fine, (rows, columns))
        return image if self.plan.phase else image.real.contiguous()

    def _level(self, rng: np.random.Generator, device: torch.device) -> Tensor:
        """Draw the noise of a patch `(rows, columns)`, as share of the brightness."""
        return noise_map(
            (self.plan.size, self.plan.size), rng.uniform(*self.plan.noise), self.plan.mapped, rng, device
        )


@dataclass(frozen=True, eq=False)
class PatchSlices(Dataset[NoisyPatches]):
    """Simulated images, each determined by the seed and its index alone, of which patches are returned.

    Attributes
    ----------
    simulator
        Simulator that draws the images.
    count
        Number of images.
    seed
        Seed of the whole set; every epoch has its own.
    """

    simulator: PatchSimulator
    count: int
    seed: Sequence[int]

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> NoisyPatches:
        """Simulate the image of an index."""
        return self.simulator.patches(np.random.default_rng((*self.seed, index)))

    def shapes(self) -> list[tuple[int, ...]]:
        """Return the shape of the patches of every image, which is the same."""
        plan = self.simulator.plan
        return [(plan.count, plan.size, plan.size)] * self.count

    def where(self, index: int) -> str:
        """Name an image in messages."""
        return f"simulated image {index} of seed {', '.join(map(str, self.seed))}"


def noise_map(
    size: tuple[int, int], level: float, mapped: float, rng: np.random.Generator, device: torch.device
) -> Tensor:
    """Draw standard deviations of noise, float32 `(rows, columns)`, whose geometric mean is a level.

    Parameters
    ----------
    size
        Rows and columns.
    level
        Level of the noise.
    mapped
        Share of the maps that vary smoothly from pixel to pixel; the others are constant.
    rng
        Source of the choice and of the variation.
    device
        Device of the map.
    """
    if rng.random() >= mapped:
        return torch.full(size, level, device=device)
    logarithm = VARIATION * smooth_plane(size, KNOTS, rng, device)
    return level * (logarithm - logarithm.mean()).exp()


def brightness(image: Tensor) -> float:
    """Return the magnitude that 99.5 % of the pixels of an image `(rows, columns)` do not exceed."""
    return float(image.abs().float().quantile(BRIGHT))


def white_noise(like: Tensor, rng: np.random.Generator) -> Tensor:
    """Draw noise of the type and shape of a tensor, with a standard deviation of one in real and imaginary part."""
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    noise = torch.randn(like.shape, generator=generator, dtype=like.dtype).to(like.device)
    return noise * 2**0.5 if like.is_complex() else noise


def _corner(inside: Tensor, size: int, rng: np.random.Generator) -> tuple[int, int]:
    """Draw the first row and column of a patch that lies in an image."""
    rows, columns = inside.shape
    places = inside.flatten().nonzero().flatten()
    if rng.random() < ANYWHERE or not len(places):
        return int(rng.integers(rows - size, endpoint=True)), int(rng.integers(columns - size, endpoint=True))
    row, column = divmod(int(places[int(rng.integers(len(places)))]), columns)
    return _within(row - size // 2, rows - size), _within(column - size // 2, columns - size)


def _within(place: int, last: int) -> int:
    return min(max(place, 0), last)
