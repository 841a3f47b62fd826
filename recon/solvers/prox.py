"""Sparsity priors, given by their proximal operators on real images; leading axes are independent of each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor

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
    share = values.abs().clamp_(min=TINY).reciprocal_().mul_(threshold).clamp_(max=1)
    kept = share.sqrt().sqrt_().sqrt_().mul_(share).neg_().add_(1)
    return kept.mul_(values)


TINY = 1e-37

LEVELS = 4
LEVEL_GROWTH = 1.5
SHIFTS = torch.randint(0, 2**LEVELS, (509, 2), generator=torch.Generator().manual_seed(0)).tolist()


@dataclass(frozen=True)
class ShiftedHaar:
    """Sparse Haar details of four levels, on a grid that is shifted differently in every call.

    P-shrinkage of the details stands for a penalty that grows more slowly than their absolute value (Chartrand 2009).
    The threshold of a level is 1.5 times that of the next finer one.

    Over many iterations the shifts average out, which makes the transform translation-invariant at the cost of one
    orthonormal transform (cycle spinning, Coifman and Donoho 1995; Figueiredo and Nowak 2003). The state is the
    number of calls. The transform is ours and not PyWavelets', which runs on the CPU only and not in place.
    """

    def start(self, shape: torch.Size, device: torch.device) -> int:
        """Return the number of the first shift."""
        del shape, device
        return 0

    def prox(self, values: Tensor, threshold: Tensor, state: int) -> tuple[Tensor, int]:
        """Shrink the details of the image, extended by reflection to a whole number of blocks."""
        shift = SHIFTS[state % len(SHIFTS)]
        down, across = (
            _reflected(size, before, values.device) for size, before in zip(values.shape[-2:], shift, strict=True)
        )
        blocks = values.index_select(-2, down).index_select(-1, across)
        shrunk = _shrink(blocks, threshold, LEVELS)
        rows, columns = values.shape[-2:]
        return shrunk[..., shift[0] : shift[0] + rows, shift[1] : shift[1] + columns], state + 1


def _reflected(size: int, before: int, device: torch.device) -> Tensor:
    """Return indices of an axis extended by reflection: by `before` in front, then to a multiple of the block."""
    block = 2**LEVELS
    total = -(-(size + before) // block) * block
    index = torch.arange(-before, total - before, device=device) % (2 * size)
    return torch.where(index < size, index, 2 * size - 1 - index)


def _shrink(values: Tensor, threshold: Tensor, levels: int) -> Tensor:
    """Shrink the details of this level and, recursively, of the coarser ones."""
    if levels == 0:
        return values
    top, bottom = values[..., 0::2, :], values[..., 1::2, :]
    total, difference = (top + bottom) / 2, (top - bottom) / 2
    mean, right = total[..., 0::2] + total[..., 1::2], total[..., 0::2] - total[..., 1::2]
    down, cross = difference[..., 0::2] + difference[..., 1::2], difference[..., 0::2] - difference[..., 1::2]
    mean = _shrink(mean, LEVEL_GROWTH * threshold, levels - 1)
    right, down, cross = (p_shrink(detail, threshold) for detail in (right, down, cross))
    shrunk = torch.empty_like(values)
    shrunk[..., 0::2, 0::2] = (mean + right + down + cross) / 2
    shrunk[..., 0::2, 1::2] = (mean - right + down - cross) / 2
    shrunk[..., 1::2, 0::2] = (mean + right - down - cross) / 2
    shrunk[..., 1::2, 1::2] = (mean - right - down + cross) / 2
    return shrunk


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

    def start(self, shape: torch.Size, device: torch.device) -> Tensor:
        """Return a dual of zero, `(2, ..., readout, phase)`."""
        return torch.zeros(2, *shape, device=device)

    def prox(self, values: Tensor, threshold: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Project the dual `p` into balls of radius `t`, and return `u = v - grad^T p`; overwrites the state."""
        denoised = torch.empty_like(values)
        thresholds = threshold.expand(*values.shape[:-2], 1, 1)
        for index in np.ndindex(*values.shape[:-2]):  # one image fits into the cache, all of them together do not
            dual = state[:, *index]
            dual.copy_(self._project(values[index], thresholds[index], dual))
            denoised[index] = _descend(values[index], dual)
        return denoised, state

    def _project(self, image: Tensor, threshold: Tensor, dual: Tensor) -> Tensor:
        """Take a few steps on the dual `(2, readout, phase)` of one image."""
        ahead, inertia = dual, 1.0
        for _ in range(self.steps):
            moved = gradient(_descend(image, ahead)).div_(8).add_(ahead)
            # The square root of a sum costs a tenth of what torch takes for a norm over a leading axis.
            square = torch.addcmul(moved[0].square(), moved[1], moved[1])
            moved *= torch.maximum(square, threshold.square()).clamp_(min=TINY).rsqrt_().mul_(threshold)
            inertia, before = (1 + (1 + 4 * inertia**2) ** 0.5) / 2, inertia
            dual, ahead = moved, torch.lerp(dual, moved, 1 + (before - 1) / inertia)
        return dual


def gradient(image: Tensor) -> Tensor:
    """Return forward differences: `(..., readout, phase)` to `(2, ..., readout, phase)`, zero at the far edges."""
    differences = image.new_zeros(2, *image.shape)
    torch.sub(image[..., 1:, :], image[..., :-1, :], out=differences[0, ..., :-1, :])
    torch.sub(image[..., 1:], image[..., :-1], out=differences[1, ..., :-1])
    return differences


def gradient_adjoint(field: Tensor) -> Tensor:
    """Apply the adjoint of `gradient`: `(2, ..., readout, phase)` to `(..., readout, phase)`."""
    return _descend(torch.zeros_like(field[0]), field).neg_()


def _descend(values: Tensor, dual: Tensor) -> Tensor:
    """Return `v - grad^T p` of real `(..., readout, phase)` and `(2, ..., readout, phase)`."""
    down, across = dual[0, ..., :-1, :], dual[1, ..., :-1]
    image = values.clone()
    image[..., 1:, :] -= down
    image[..., :-1, :] += down
    image[..., 1:] -= across
    image[..., :-1] += across
    return image
