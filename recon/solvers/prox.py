"""Sparsity priors, given by their proximal operators on real images; leading axes are independent of each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from einops import rearrange
from torch import Tensor

from recon.blocking import in_blocks
from recon.kernels import kernels

State = TypeVar("State")


class Prior(Protocol[State]):
    """A penalty `g`, whose proximal operator may carry a state from one call to the next."""

    def start(self, shape: torch.Size, device: torch.device) -> State:
        """Return the state for the first call."""

    def prox(self, values: Tensor, threshold: Tensor, state: State) -> tuple[Tensor, State]:
        """Apply `argmin_u 1/2 ||u - v||^2 + t g(u)`, real `(..., readout, phase)`, `t` `(..., 1, 1)`."""


def p_shrink(values: Tensor, threshold: Tensor) -> Tensor:
    """Shrink `v` to `v max(0, 1 - (t/|v|)^(2-p))` with `p = 7/8`; values up to `t` vanish (Chartrand 2009).

    Soft thresholding is the case `p = 1`. It reduces large values by `t` too, which blurs edges; here the reduction
    falls as values grow.
    """
    share = torch.div(threshold, values.abs().clamp_(min=TINY)).clamp_(max=1)
    return torch.addcmul(values, values, share.pow_(1.125), value=-1)


TINY = 1e-37

LEVELS = 4
BLOCK = 1 << LEVELS
LEVEL_GROWTH = 1.5
SHIFTS = torch.randint(0, BLOCK, (509, 2), generator=torch.Generator().manual_seed(0)).tolist()
LOOPS = "recon.solvers.haar_loops"


@dataclass(frozen=True)
class ShiftedHaar:
    """Sparse Haar details of four levels, on a grid that is shifted differently in every call.

    P-shrinkage of the details stands for a penalty that grows more slowly than their absolute value (Chartrand 2009).
    The threshold of a level is 1.5 times that of the next finer one.

    Over many iterations the shifts average out, which makes the transform translation-invariant at the cost of one
    orthonormal transform (cycle spinning, Coifman and Donoho 1995; Figueiredo and Nowak 2003). The state is the
    number of calls. The transform is ours and not PyWavelets', which runs on the CPU only and not in place. It is a
    compiled loop on the CPU, and elsewhere a product with the matrix of the transform of one block: few kernels.
    """

    def start(self, shape: torch.Size, device: torch.device) -> int:
        """Return the number of the first shift."""
        del shape, device
        return 0

    def prox(self, values: Tensor, threshold: Tensor, state: int) -> tuple[Tensor, int]:
        """Shrink the details of the image, extended by reflection to a whole number of blocks."""
        down, across = SHIFTS[state % len(SHIFTS)]
        loops = kernels(LOOPS, values)
        if loops is not None:
            return loops.shrink(values, threshold, (down, across), LEVEL_GROWTH), state + 1
        rows, columns = values.shape[-2:]
        row_index = _reflected(rows, down, values.device)[..., None, :, None]
        column_index = _reflected(columns, across, values.device)[:, None, :]
        blocks = values[..., row_index, column_index].flatten(-2)
        transform, growth = _block_transform(values.device, values.dtype)
        details = p_shrink(blocks @ transform.mT, threshold.unsqueeze(-1) * growth)
        shrunk = rearrange(details @ transform, "... i j (r c) -> ... (i r) (j c)", r=BLOCK)
        return shrunk[..., down : down + rows, across : across + columns], state + 1


@lru_cache(maxsize=8 * BLOCK)
def _reflected(size: int, before: int, device: torch.device) -> Tensor:
    """Return indices `(blocks, 16)` of an axis extended by reflection: by `before` in front, then to whole blocks."""
    total = -(-(size + before) // BLOCK) * BLOCK
    index = np.arange(-before, total - before) % (2 * size)
    return torch.from_numpy(np.minimum(index, 2 * size - 1 - index).reshape(-1, BLOCK)).to(device)


@cache
def _block_transform(device: torch.device, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Return the Haar transform of the pixels of a block, `(256, 256)`, and the growth of each detail's threshold.

    The growth of the mean is zero: it is not shrunk.
    """
    rows, growth = [np.full((BLOCK, BLOCK), 1 / BLOCK)], [0.0]
    for level in range(LEVELS):
        low = np.kron(np.eye(BLOCK >> level + 1), np.ones(2 << level))
        high = np.kron(np.eye(BLOCK >> level + 1), np.repeat([1, -1], 1 << level))
        for down, across in ((low, high), (high, low), (high, high)):
            details = np.einsum("ir,jc->ijrc", down, across).reshape(-1, BLOCK, BLOCK) / (2 << level)
            rows += list(details)
            growth += [LEVEL_GROWTH**level] * len(details)
    transform = torch.from_numpy(np.stack(rows).reshape(BLOCK**2, BLOCK**2))
    return transform.to(device, dtype), torch.tensor(growth, dtype=dtype, device=device)


ROW, COLUMN = -2, -1
PLANE = {ROW: 1.0, COLUMN: 1.0}
"""Weights of the differences within an image, by axis."""


@dataclass(frozen=True)
class TotalVariation:
    """`g(u) = sum |grad u|`, isotropic (Rudin et al. 1992), by accelerated projection of its dual.

    The state is the dual of the last call (Beck and Teboulle 2009, section 4), from which a few steps are enough.

    Attributes
    ----------
    steps
        Number of steps on the dual in each call.
    """

    steps: int = 3

    @property
    def weights(self) -> Mapping[int, float]:
        """Weight of the differences along each axis of an image, by its negative number."""
        return PLANE

    def start(self, shape: torch.Size, device: torch.device) -> Tensor:
        """Return a dual of zero, `(len(weights), ..., readout, phase)`."""
        return torch.zeros(len(self.weights), *shape, device=device)

    def prox(self, values: Tensor, threshold: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Project the dual `p` into balls of radius `t`, and return `u = v - grad^T p`; overwrites the state."""
        denoised = torch.empty_like(values)
        thresholds = threshold.expand(*values.shape[:-2], 1, 1)
        for index in _pieces(values, min(self.weights)):
            image, dual = values[index].contiguous(), state[:, *index]
            dual.copy_(self._project(image, thresholds[index], dual))
            denoised[index] = _descend(image, dual, self.weights)
        return denoised, state

    def _project(self, image: Tensor, threshold: Tensor, dual: Tensor) -> Tensor:
        """Take a few steps on the dual of one image."""
        weights = self.weights
        bound = 4 * sum(weight**2 for weight in weights.values())  # of the square of the gradient's norm
        ahead, inertia = dual, 1.0
        for _ in range(self.steps):
            moved = gradient(_descend(image, ahead, weights), weights).div_(bound).add_(ahead)
            # The square root of a sum costs a tenth of what torch takes for a norm over a leading axis.
            square = moved[0].square()
            for part in moved[1:]:
                square.addcmul_(part, part)
            torch.maximum(square, threshold.square(), out=square)
            moved *= square.clamp_(min=TINY).rsqrt_().mul_(threshold)
            inertia, before = (1 + (1 + 4 * inertia**2) ** 0.5) / 2, inertia
            dual, ahead = moved, torch.lerp(dual, moved, 1 + (before - 1) / inertia)
        return dual


def _pieces(values: Tensor, first_axis: int) -> Iterable[Any]:
    """Return indices of the images to treat together: single ones on a CPU, whose cache holds one, elsewhere all.

    The first axis of an image is counted from the last, so it is negative; axes before it number the images.
    """
    return np.ndindex(*values.shape[:first_axis]) if in_blocks(values) else [()]


def gradient(image: Tensor, weights: Mapping[int, float] = PLANE) -> Tensor:
    """Return weighted forward differences, zero at the far edges: `(...)` to `(len(weights), ...)`."""
    differences = image.new_zeros(len(weights), *image.shape)
    for part, (axis, weight) in zip(differences, weights.items(), strict=True):
        inner = image.shape[axis] - 1
        torch.sub(image.narrow(axis, 1, inner), image.narrow(axis, 0, inner), out=part.narrow(axis, 0, inner))
        if weight != 1:
            part.mul_(weight)
    return differences


def _descend(values: Tensor, dual: Tensor, weights: Mapping[int, float]) -> Tensor:
    """Return `v - grad^T p` of real `(...)` and `(len(weights), ...)`."""
    image = values.clone()
    for part, (axis, weight) in zip(dual, weights.items(), strict=True):
        inner = image.shape[axis] - 1
        step = part.narrow(axis, 0, inner)
        image.narrow(axis, 1, inner).sub_(step, alpha=weight)
        image.narrow(axis, 0, inner).add_(step, alpha=weight)
    return image
