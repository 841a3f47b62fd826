"""Changes the contrast of an image at random."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from recon.simulation.scanner.random_fields import smooth_plane

KNOTS = 6
"""Number of knots of the brightness curve."""

REMAPPED = 0.3
"""Share of images whose brightnesses are replaced by unrelated ones; the others keep their order."""

BACKGROUND = 0.06
"""Brightness below which a pixel is air, which stays dark."""


def gamma(image: Tensor, rng: np.random.Generator) -> Tensor:
    """Raise the brightness, real `(rows, columns)` roughly in [0, 1], to a random power between 0.6 and 1.6."""
    return image.clamp(min=0) ** float(np.exp(rng.uniform(np.log(0.6), np.log(1.6))))


def remap(image: Tensor, rng: np.random.Generator) -> Tensor:
    """Map brightness, real `(rows, columns)`, through a random piecewise linear curve; air stays dark."""
    values = torch.from_numpy(rng.uniform(0.15, 1.0, KNOTS).astype(np.float32)).to(image.device)
    position = image.clamp(0, 1) * (KNOTS - 1)
    below = position.floor().clamp(max=KNOTS - 2).long()
    share = position - below
    curve = values[below] * (1 - share) + values[below + 1] * share
    return curve * (image / BACKGROUND).clamp(0, 1)


def shade(image: Tensor, rng: np.random.Generator) -> Tensor:
    """Multiply by a smooth random field, as transmission and slice profile do."""
    size = (image.shape[0], image.shape[1])
    return image * (0.25 * smooth_plane(size, 4, rng, image.device)).exp()


def vary_contrast(image: Tensor, rng: np.random.Generator) -> Tensor:
    """Apply `remap` or `gamma`, then `shade`, to real `(rows, columns)`."""
    return shade((remap if rng.random() < REMAPPED else gamma)(image, rng), rng)
