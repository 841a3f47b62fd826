"""SENSE: the equations are solved, and dark regions stay dark."""

import torch

from helpers.scans.objects import object_acquisition
from recon.classical.sense import Sense
from recon.data.masks.kind import MaskKind
from recon.data.masks.sampling import Sampling
from recon.solvers.cg import conjugate_gradients
from recon.solvers.problem import Problem


def test_knowing_where_the_object_is_dark_beats_any_uniform_weight() -> None:
    scan = Sampling(MaskKind.RANDOM, 5, 0.08)(object_acquisition(coils=4, readout=64, phase=96, noise=0.02))
    problem = Problem.of_slices([scan])

    def error(image: torch.Tensor) -> float:
        return float((image - scan.target).norm() / scan.target.norm())

    data = problem.encoding.adjoint(problem.measured)
    uniform = min(
        error(problem.image(conjugate_gradients(problem.encoding.normal, data, 40, lamda))[0])
        for lamda in (1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
    )
    assert error(Sense()(scan)) < 0.95 * uniform
