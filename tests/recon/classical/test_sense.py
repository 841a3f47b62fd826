"""SENSE: the equations are solved, and dark regions stay dark."""

import torch

from helpers.objects import object_acquisition
from recon.classical.sense import Sense, conjugate_gradients
from recon.data.masks import MaskKind, Sampling
from recon.solvers.encoding import Encoding
from recon.solvers.problem import Problem


def test_conjugate_gradients_solve_the_normal_equations() -> None:
    generator = torch.Generator().manual_seed(0)
    maps = torch.randn(2, 3, 1, 6, generator=generator, dtype=torch.complex128)
    measured = torch.randn(3, 1, 6, generator=generator, dtype=torch.complex128)
    encoding = Encoding(maps, torch.tensor([1.0, 0, 1, 1, 0, 1]).double(), (-1,))
    basis = torch.eye(12, dtype=torch.complex128).reshape(12, 2, 1, 6)
    normal = torch.stack([encoding.normal(vector).flatten() for vector in basis], dim=1)
    exact = torch.linalg.solve(normal + 0.1 * torch.eye(12), encoding.adjoint(measured).flatten())
    found = conjugate_gradients(encoding, measured, lamda=0.1, iterations=50, tolerance=1e-12)
    torch.testing.assert_close(found.flatten(), exact)


def test_knowing_where_the_object_is_dark_beats_any_uniform_weight() -> None:
    scan = Sampling(MaskKind.RANDOM, 5, 0.08)(object_acquisition(coils=4, readout=64, phase=96, noise=0.02))
    problem = Problem.of(scan)

    def error(image: torch.Tensor) -> float:
        return float((image - scan.target).norm() / scan.target.norm())

    uniform = min(
        error(problem.image(conjugate_gradients(problem.encoding, problem.measured, lamda, 40, 1e-4)))
        for lamda in (1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
    )
    assert error(Sense()(scan)) < 0.95 * uniform
