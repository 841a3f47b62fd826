"""Sparsity priors by their proximal operators, on real images whose leading axes are independent of each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor

State = TypeVar("State")


class Prior(Protocol[State]):
    """A penalty `g`; its proximal operator may carry something from one call to the next."""

    def start(self, shape: torch.Size, device: torch.device) -> State:
        """Give what the first call needs."""

    def prox(self, values: Tensor, threshold: Tensor, state: State) -> tuple[Tensor, State]:
        """Apply `argmin_u 1/2 ||u - v||^2 + t g(u)`, real `(..., readout, phase)`, `t` `(..., 1, 1)`."""


def p_shrink(values: Tensor, threshold: Tensor) -> Tensor:
    """Shrink `v` to `v max(0, 1 - (t/|v|)^(2-p))`, `p = 7/8`: all up to `t` vanishes (Chartrand 2009).

    Soft thresholding is the case `p = 1`. It takes `t` off large values too, which blurs edges; this takes the less
    off them the larger they are.
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
    """Sparse Haar details of four levels, on a grid shifted anew in every call.

    Shrinkage of the details stands for a penalty that grows more slowly than their absolute value (Chartrand 2009); a
    level's threshold is 1.5 times that of the finer one.

    Over many iterations the shifts average out, which makes the transform translation-invariant at the price of
    one orthonormal transform (cycle spinning, Coifman and Donoho 1995; Figueiredo and Nowak 2003). The state is
    the number of calls.
    """

    def start(self, shape: torch.Size, device: torch.device) -> int:
        """Begin with the first shift."""
        del shape, device
        return 0

    def prox(self, values: Tensor, threshold: Tensor, state: int) -> tuple[Tensor, int]:
        """Shrink the details, with the image continued by reflection to a whole number of blocks."""
        shift = SHIFTS[state % len(SHIFTS)]
        down, across = (
            _reflected(size, before, values.device) for size, before in zip(values.shape[-2:], shift, strict=True)
        )
        blocks = values.index_select(-2, down).index_select(-1, across)
        shrunk = _shrink(blocks, threshold, LEVELS)
        rows, columns = values.shape[-2:]
        return shrunk[..., shift[0] : shift[0] + rows, shift[1] : shift[1] + columns], state + 1


def _reflected(size: int, before: int, device: torch.device) -> Tensor:
    """Index an axis of `size` continued by reflection: `before` ahead, then to a multiple of the block."""
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

    The state is the dual of the last call (Beck and Teboulle 2009, section 4), from which a few steps suffice.

    Attributes
    ----------
    steps
        On the dual, in each call.
    """

    steps: int = 3

    def start(self, shape: torch.Size, device: torch.device) -> Tensor:
        """Begin with a dual of zero, `(2, ..., readout, phase)`."""
        return torch.zeros(2, *shape, device=device)

    def prox(self, values: Tensor, threshold: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Project the dual into balls of radius `t`: `u = v - grad^T p`; the state is overwritten."""
        denoised = torch.empty_like(values)
        thresholds = threshold.expand(*values.shape[:-2], 1, 1)
        for index in np.ndindex(*values.shape[:-2]):  # one image fits into the cache, all of them do not
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
    """Forward differences `(..., readout, phase)` to `(2, ..., readout, phase)`, zero at the far edges."""
    differences = image.new_zeros(2, *image.shape)
    torch.sub(image[..., 1:, :], image[..., :-1, :], out=differences[0, ..., :-1, :])
    torch.sub(image[..., 1:], image[..., :-1], out=differences[1, ..., :-1])
    return differences


def gradient_adjoint(field: Tensor) -> Tensor:
    """Apply the adjoint of `gradient`: `(2, ..., readout, phase)` to `(..., readout, phase)`."""
    return _descend(torch.zeros_like(field[0]), field).neg_()


def _descend(values: Tensor, dual: Tensor) -> Tensor:
    """`v - grad^T p`, from real `(..., readout, phase)` and `(2, ..., readout, phase)`."""
    down, across = dual[0, ..., :-1, :], dual[1, ..., :-1]
    image = values.clone()
    image[..., 1:, :] -= down
    image[..., :-1, :] += down
    image[..., 1:] -= across
    image[..., :-1] += across
    return image
