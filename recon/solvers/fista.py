"""Accelerated proximal gradient descent for least squares with a sparsity prior."""

from __future__ import annotations

import torch
from torch import Tensor

from recon.solvers.problem import Problem
from recon.solvers.prox import Prior, State

IMAGINARY_WEIGHT = 1.5
"""How much more the imaginary part is penalised: the maps carry the phase, so little of it is left in the image."""

SETTLING = 0.75
"""Share of the iterations after which there is no more momentum."""

WARMING, FIRST_WEIGHT = 0.5, 10.0
"""The weight comes down to its value during this share of the iterations, from so many times as much."""


def fista(problem: Problem, prior: Prior[State], lamda: float | Tensor, iterations: int) -> Tensor:
    """`argmin_x 1/2 ||A x - y||^2 + lamda (g(Re x) + 1.5 g(Im x))` (Beck and Teboulle 2009, eqs. 4.1-4.3).

    The eigenvalues of `A^H A` do not exceed one, so the step is one. The weight begins high and comes down, which
    clears coarse artefacts in fewer iterations (continuation, Hale et al. 2008, section 4). In the last quarter of
    the iterations there is no momentum: the errors of an inexact proximal operator die out that it would add up.

    Parameters
    ----------
    problem
        Gives `A` and `y`.
    prior
        Gives the proximal operator of `g`.
    lamda
        Weight of the prior: one for all slices, or real `(batch,)`.
    iterations
        How many. The objective gives no reason to stop sooner: when it hardly falls any more, artefacts still fade.

    Returns
    -------
    Tensor
        complex64 `(batch, sets, readout, phase)`.
    """
    encoding = problem.encoding
    data = encoding.adjoint(problem.measured)
    image = ahead = data
    inertia = 1.0
    parts = torch.tensor([1.0, IMAGINARY_WEIGHT], device=data.device).reshape(2, 1, 1, 1, 1)
    threshold = torch.as_tensor(lamda, device=data.device).reshape(-1, 1, 1, 1) * parts
    state = prior.start(torch.Size([2, *data.shape]), data.device)
    for iteration in range(iterations):
        descended = encoding.normal(ahead).sub_(data).neg_().add_(ahead)
        planes = torch.stack([descended.real, descended.imag])
        planes, state = prior.prox(planes, threshold * _excess(iteration / iterations), state)
        image, last = torch.complex(planes[0], planes[1]), image
        inertia, before = (1 + (1 + 4 * inertia**2) ** 0.5) / 2, inertia
        ahead = torch.lerp(last, image, 1 + (before - 1) / inertia) if iteration < SETTLING * iterations else image
    return image


def _excess(done: float) -> float:
    return FIRST_WEIGHT ** max(0.0, 1 - done / WARMING)
