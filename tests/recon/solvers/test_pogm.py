import torch
from torch import Tensor

from recon.solvers.pogm import pogm

GENERATOR = torch.Generator().manual_seed(0)
MATRIX = torch.linalg.qr(torch.randn(40, 30, generator=GENERATOR))[0] * torch.linspace(0.05, 1, 30)
DATA = torch.randn(40, generator=GENERATOR)
WEIGHT = 0.02


def gradient(values: Tensor) -> Tensor:
    return MATRIX.T @ (MATRIX @ values - DATA)


def prox(values: Tensor, step: float) -> Tensor:
    return torch.sgn(values) * (values.abs() - WEIGHT * step).clamp(min=0)


def objective(values: Tensor) -> float:
    return float((MATRIX @ values - DATA).square().sum() / 2 + WEIGHT * values.abs().sum())


def plain(iterations: int) -> Tensor:
    values = torch.zeros(30)
    for _ in range(iterations):
        values = prox(values - gradient(values), 1.0)
    return values


def test_it_ends_where_plain_steps_end() -> None:
    assert abs(objective(pogm(gradient, prox, torch.zeros(30), 1.0, 2000)) - objective(plain(20000))) < 1e-5


def test_it_is_ahead_of_three_times_as_many_plain_steps() -> None:
    for iterations in (10, 20, 40):
        assert objective(pogm(gradient, prox, torch.zeros(30), 1.0, iterations)) < objective(plain(3 * iterations))
