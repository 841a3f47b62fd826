"""Priors on series: proximal operators along time, which is the first axis of a series or that of its parts."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from recon.solvers.prox import TINY

TIME = 0
"""Axis of a complex series `(frames, sets, readout, phase)` that numbers the frames."""


def shrink_singular_values(series: Tensor, threshold: float | Tensor) -> Tensor:
    """Apply `argmin_L 1/2 ||L - X||^2 + t ||L||_*` to the matrix of frames times pixels (Cai et al. 2010).

    The singular values come from the small Gram matrix `X X^H` of the frames, and what multiplies them from the left
    is one product of `X` with a matrix of that size: the large matrix itself is never decomposed.

    Parameters
    ----------
    series
        complex `(frames, ...)`.
    threshold
        `t`, by which every singular value is reduced, to zero at least.
    """
    matrix = series.flatten(1)
    energies, vectors = torch.linalg.eigh((matrix @ matrix.mH).to(torch.complex128))
    kept = (1 - threshold / energies.clamp(min=TINY).sqrt()).clamp(min=0)
    filtered = (vectors * kept) @ vectors.mH
    return (filtered.to(series.dtype) @ matrix).reshape(series.shape)


def shrink_spectrum(series: Tensor, threshold: float | Tensor) -> Tensor:
    """Apply `argmin_S 1/2 ||S - X||^2 + t ||F_t S||_1`: soft thresholding of the spectrum along time.

    Parameters
    ----------
    series
        complex `(frames, ...)`.
    threshold
        `t`, by which the modulus of every frequency in every pixel is reduced, to zero at least.
    """
    spectrum = torch.fft.fft(series, dim=TIME, norm="ortho")
    kept = (1 - threshold / spectrum.abs().clamp_(min=TINY)).clamp_(min=0)
    return torch.fft.ifft(spectrum.mul_(kept), dim=TIME, norm="ortho")


@dataclass(frozen=True)
class TemporalVariation:
    """`g(u) = sum |u_(t+1) - u_t|`, by accelerated projection of its dual (Chambolle 2004, Beck and Teboulle 2009).

    A `Prior` on real series `(parts, frames, ..., readout, phase)`. The state is the dual of the last call, from
    which a few steps are enough.

    Attributes
    ----------
    steps
        Number of steps on the dual in each call.
    """

    steps: int = 3

    def start(self, shape: torch.Size, device: torch.device) -> Tensor:
        """Return a dual of zero, which has a frame less."""
        parts, frames, *rest = shape
        return torch.zeros(parts, frames - 1, *rest, device=device)

    def prox(self, values: Tensor, threshold: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Project the dual `p` into the interval of `-t` to `t`, and return `u = v - D^T p`, `D` the difference."""
        dual = ahead = state
        inertia = 1.0
        for _ in range(self.steps):
            image = _descend(values, ahead)
            moved = torch.add(ahead, image[:, 1:] - image[:, :-1], alpha=1 / NORM)
            moved = torch.minimum(torch.maximum(moved, -threshold), threshold)
            inertia, before = (1 + (1 + 4 * inertia**2) ** 0.5) / 2, inertia
            dual, ahead = moved, torch.lerp(dual, moved, 1 + (before - 1) / inertia)
        return _descend(values, dual), dual


NORM = 4
"""Bound on the squared norm of the difference of neighbours."""


def _descend(values: Tensor, dual: Tensor) -> Tensor:
    """Return `v - D^T p` of `(parts, frames, ...)` and `(parts, frames - 1, ...)`."""
    image = values.clone()
    image[:, 1:] -= dual
    image[:, :-1] += dual
    return image
