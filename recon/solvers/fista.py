"""FISTA for least squares with a sparsity prior.

It is ours and not sigpy's because continuation and settling save most of the iterations.
"""

from __future__ import annotations

import torch
from torch import Tensor

from recon.solvers.problem import LeastSquares
from recon.solvers.prox import Prior, State

IMAGINARY_WEIGHT = 1.5
"""Weight of the imaginary part's penalty: the maps carry the phase, so the image has little imaginary part."""

SETTLING = 0.75
"""Share of the iterations after which momentum ends."""

WARMING, FIRST_WEIGHT = 0.5, 10.0
"""Share of the iterations in which the weight falls to its value, and how many times larger it starts."""


def fista(problem: LeastSquares, prior: Prior[State], lamda: float | Tensor, iterations: int) -> Tensor:
    """`argmin_x 1/2 ||A x - y||^2 + lamda (g(Re x) + 1.5 g(Im x))` (Beck and Teboulle 2009, eqs. 4.1-4.3).

    The eigenvalues of `A^H A` do not exceed one, so the step is one. The weight starts high and falls, which clears
    coarse artefacts in fewer iterations (continuation, Hale et al. 2008, section 4). The last quarter of the
    iterations has no momentum, so that errors of an inexact proximal operator die out instead of adding up.

    Parameters
    ----------
    problem
        The least-squares problem, `A` and `y`.
    prior
        The penalty `g`, with its proximal operator.
    lamda
        Weight of the prior: one for all slices, or real `(batch,)`.
    iterations
        Number of iterations. There is no early stop: artefacts still fade when the objective hardly falls any more.

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
        descended = torch.add(ahead, data).sub_(encoding.normal(ahead))
        planes = torch.view_as_real(descended).movedim(-1, 0)
        planes, state = prior.prox(planes, threshold * _excess(iteration / iterations), state)
        image, last = torch.view_as_complex(planes.movedim(0, -1).contiguous()), image
        inertia, before = (1 + (1 + 4 * inertia**2) ** 0.5) / 2, inertia
        ahead = torch.lerp(last, image, 1 + (before - 1) / inertia) if iteration < SETTLING * iterations else image
    return image


def _excess(done: float) -> float:
    return FIRST_WEIGHT ** max(0.0, 1 - done / WARMING)
