"""Conjugate gradients solve each problem of a batch as if it were alone."""

from contextlib import nullcontext

import torch

from helpers.scans.slices import random_kspace
from recon.blocking import as_on_gpu
from recon.solvers.cg import conjugate_gradients
from recon.solvers.encoding import Encoding

LAMDA = 0.1


def encoding(batch: int = 2) -> Encoding:
    maps = random_kspace(batch, 2, 3, 4, 6, seed=3, dtype=torch.complex128)
    mask = torch.tensor([[1, 0, 1, 1, 0, 1], [1, 1, 0, 1, 0, 0]])[:batch].bool()
    return Encoding(maps, mask.reshape(batch, 1, 1, 6), (-1,))


def right() -> torch.Tensor:
    return random_kspace(2, 2, 4, 6, dtype=torch.complex128)


def test_the_normal_equations_are_solved() -> None:
    A, b = encoding(), right()
    found = conjugate_gradients(A.normal, b, 100, LAMDA)
    torch.testing.assert_close(A.normal(found) + LAMDA * found, b, rtol=1e-8, atol=1e-8)


def test_the_solution_is_that_of_a_direct_solver() -> None:
    A, b = encoding(1), right()[:1]
    basis = torch.eye(48, dtype=torch.complex128).reshape(48, 1, 2, 4, 6)
    normal = torch.stack([A.normal(vector).flatten() for vector in basis], dim=1)
    exact = torch.linalg.solve(normal + LAMDA * torch.eye(48), b.flatten())
    torch.testing.assert_close(conjugate_gradients(A.normal, b, 100, LAMDA).flatten(), exact)


def test_problems_of_a_batch_do_not_see_each_other() -> None:
    A, b = encoding(), right()
    b[1] *= 1000
    together = conjugate_gradients(A.normal, b, 5, LAMDA)
    for number in range(2):
        alone = Encoding(A.sens_maps[number], A.mask[number], A.axes)
        torch.testing.assert_close(conjugate_gradients(alone.normal, b[number], 5, LAMDA), together[number])


def test_each_problem_may_have_a_weight_of_its_own() -> None:
    A, b = encoding(), right()
    found = conjugate_gradients(A.normal, b, 100, torch.tensor([0.1, 2.0]).reshape(2, 1, 1, 1))
    for number, lamda in enumerate((0.1, 2.0)):
        torch.testing.assert_close(found[number], conjugate_gradients(A.normal, b, 100, lamda)[number])


def test_a_solution_to_start_from_stays() -> None:
    A, truth = encoding(), right()
    found = conjugate_gradients(A.normal, A.normal(truth) + LAMDA * truth, 3, LAMDA, start=truth)
    torch.testing.assert_close(found, truth)


def test_a_tolerance_stops_early_and_an_empty_problem_stays_empty() -> None:
    A, b, calls = encoding(), right(), []

    def normal(image: torch.Tensor) -> torch.Tensor:
        calls.append(1)
        return A.normal(image)

    rough = conjugate_gradients(normal, b, 100, LAMDA, tolerance=1e-2)
    assert len(calls) < 30
    residual = A.normal(rough) + LAMDA * rough - b
    assert (residual.flatten(1).norm(dim=1) <= 1e-2 * b.flatten(1).norm(dim=1)).all()
    assert not conjugate_gradients(normal, torch.zeros_like(b), 5).any()


def test_a_solved_problem_waits_unchanged_for_the_others_of_its_batch() -> None:
    A, b = encoding(), right()
    easy = A.normal(b) + LAMDA * b
    start = torch.stack([torch.zeros_like(b[0]), b[1] * (1 + 1e-4)])
    for place in (nullcontext, as_on_gpu):
        with place():
            together = conjugate_gradients(A.normal, easy, 100, LAMDA, start, tolerance=1e-2)
        for number in range(2):
            alone = Encoding(A.sens_maps[number], A.mask[number], A.axes)
            expected = conjugate_gradients(alone.normal, easy[number], 100, LAMDA, start[number], tolerance=1e-2)
            torch.testing.assert_close(together[number], expected)
