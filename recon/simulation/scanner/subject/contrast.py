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

TISSUES = (3, 7)
"""Smallest and largest number of tissues that get unrelated brightnesses."""

PIXELS = 4096
"""Number of pixels from which the brightnesses of tissues are found."""

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


def synthesise(image: Tensor, rng: np.random.Generator) -> Tensor:
    """Give the tissues of an image unrelated brightnesses, as another sequence would.

    Tissues are ranges of brightness that hold equally many pixels each. Their mean brightnesses are drawn at random;
    the variation within a tissue is kept, stronger or weaker than before.

    Parameters
    ----------
    image
        real `(rows, columns)`, roughly in [0, 1].
    rng
        Source of the number of tissues and of their brightnesses.

    Returns
    -------
    Tensor
        real, of the same shape; air stays dark.
    """
    tissues = int(rng.integers(*TISSUES, endpoint=True))
    object_ = image[image > BACKGROUND]
    if not len(object_):
        return image
    every = max(len(object_) // PIXELS, 1)
    edges = object_[::every].quantile(torch.linspace(0, 1, tissues + 1, device=image.device))
    old = (edges[1:] + edges[:-1]) / 2
    new = torch.from_numpy(rng.uniform(0.1, 1.0, tissues).astype(np.float32)).to(image.device)
    width = (edges[-1] - edges[0]).clamp(min=1e-3) * float(rng.uniform(0.01, 0.04))
    steps = ((image[..., None] - edges[1:-1]) / width).sigmoid()
    texture = float(np.exp(rng.uniform(np.log(0.3), np.log(1.5))))
    means = new[0] + (steps * new.diff()).sum(-1)
    variation = (image - old[0] - (steps * old.diff()).sum(-1)).clamp(-1, 1)
    return ((means + texture * variation) * (image / BACKGROUND).clamp(0, 1)).clamp(min=0)


def shade(image: Tensor, rng: np.random.Generator) -> Tensor:
    """Multiply by a smooth random field, as transmission and slice profile do."""
    size = (image.shape[0], image.shape[1])
    return image * (0.25 * smooth_plane(size, 4, rng, image.device)).exp()


def vary_contrast(image: Tensor, synthetic: float, rng: np.random.Generator) -> Tensor:
    """Apply `synthesise` to a share of the images, `remap` or `gamma` to the others, then `shade`.

    Parameters
    ----------
    image
        real `(rows, columns)`, roughly in [0, 1].
    synthetic
        The share, from 0 to 1.
    rng
        Source of the choice and of the contrast.
    """
    if rng.random() < synthetic:
        return shade(synthesise(image, rng), rng)
    return shade((remap if rng.random() < REMAPPED else gamma)(image, rng), rng)
