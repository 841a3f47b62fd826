"""Simulates pairs of a noise-free image and a noisy one of low resolution, made from the centre of its k-space."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from recon.crop import center_crop
from recon.data.acquisition import Size
from recon.data.training.patches import NoisyPatches
from recon.fourier import fft, ifft
from recon.simulation.noisy_patches import PatchSimulator, brightness, noise_map, white_noise
from recon.simulation.scanner.scan_plan import draw_matrix

SQUARE, PHASE_ALONE = 0.5, 0.25
"""Shares of the scans that measure half of both axes, and half of phase alone; the others lie between."""

LEAST_FACTOR = 1.2
"""Smallest factor by which an axis of those others is shortened."""


@dataclass(frozen=True)
class CropPlan:
    """Matrices of a pair, known before it is simulated, so that pairs can be sorted by shape.

    Attributes
    ----------
    matrix
        Rows and columns of the image.
    centre
        Rows and columns of the centre of its k-space that the scan measures.
    """

    matrix: Size
    centre: Size

    @classmethod
    def draw(cls, simulator: PatchSimulator, rng: np.random.Generator) -> CropPlan:
        """Draw a plan: up to twice the measured matrix along either axis."""
        matrix, kind = draw_matrix(simulator.simulator.ranges, rng), rng.random()
        factors = LEAST_FACTOR + (2 - LEAST_FACTOR) * rng.random(2)
        if kind < SQUARE:
            factors[:] = 2
        elif kind < SQUARE + PHASE_ALONE:
            factors[:] = 1, 2
        rows, columns = (round(size / factor) for size, factor in zip(matrix, factors.tolist(), strict=True))
        return cls(matrix, (rows, columns))


@dataclass(frozen=True, eq=False)
class CroppedScans(Dataset[NoisyPatches]):
    """Pairs of simulated images, each determined by the seed and its index alone.

    Attributes
    ----------
    simulator
        Simulator that draws the images, and the levels of their noise.
    count
        Number of pairs.
    seed
        Seed of the whole set; every epoch has its own.
    together
        Number of consecutive pairs that have the same shape, so that they can share a batch.
    """

    simulator: PatchSimulator
    count: int
    seed: Sequence[int]
    together: int = 1

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> NoisyPatches:
        """Simulate the pair of an index: `noisy` and `sigma` of the measured centre, `clean` of the whole."""
        rng, plan = self._rng(index, 1), self._plan(index)
        clean = self.simulator.image(rng, plan.matrix)
        sigma = brightness(clean) * self._level(rng, plan.centre, clean.device)
        low = lowered(clean, plan.centre)
        noisy = low + sigma * white_noise(low, rng)
        return NoisyPatches(noisy[None], clean[None], sigma[None])

    def shapes(self) -> list[tuple[int, ...]]:
        """Return the shapes of every pair; only pairs of the same shapes can share a batch."""
        plans = [self._plan(index) for index in range(self.count)]
        return [(1, *plan.matrix, *plan.centre) for plan in plans]

    def where(self, index: int) -> str:
        """Name a pair in messages."""
        return f"simulated image {index} of seed {', '.join(map(str, self.seed))}"

    def _level(self, rng: np.random.Generator, size: Size, device: torch.device) -> Tensor:
        """Draw the noise of the pixels, real `size`, as share of the brightness: uniformly in the logarithm."""
        plan = self.simulator.plan
        return noise_map(size, math.exp(rng.uniform(*np.log(plan.noise))), plan.mapped, rng, device)

    def _plan(self, index: int) -> CropPlan:
        return CropPlan.draw(self.simulator, self._rng(index - index % self.together, 0))

    def _rng(self, index: int, purpose: int) -> np.random.Generator:
        return np.random.default_rng((*self.seed, index, purpose))


def lowered(image: Tensor, size: Size) -> Tensor:
    """Return an image of the centre of k-space alone: larger pixels, the same field of view and brightness.

    Parameters
    ----------
    image
        complex `(..., rows, columns)`.
    size
        Rows and columns of the centre.
    """
    return ifft(center_crop(fft(image), size)) * math.sqrt(math.prod(size) / math.prod(image.shape[-2:]))
