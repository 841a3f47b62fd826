"""Soft shrinkage with a threshold for each channel."""

import pytest
import torch
from torch import Tensor

from recon.models.blocks import shrinkage
from recon.models.blocks.shrinkage import soft_shrink


def coefficients(dtype: torch.dtype = torch.float64) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(2, 5, 7, 6, generator=generator, dtype=dtype)
    return values.contiguous(memory_format=torch.channels_last)


THRESHOLDS = torch.tensor([0.0, 0.3, 0.6, 1.0, 50.0], dtype=torch.float64)
LEVELS = {
    "one": torch.tensor(1.5).reshape(1, 1, 1, 1).double(),
    "of the image": torch.tensor([0.0, 1.5]).reshape(2, 1, 1, 1).double(),
    "map": torch.rand(1, 1, 7, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64),
    "map of the image": torch.rand(2, 1, 7, 6, generator=torch.Generator().manual_seed(2), dtype=torch.float64),
}


def formula(values: Tensor, thresholds: Tensor, levels: Tensor) -> Tensor:
    limits = thresholds[:, None, None] * levels
    return values.sign() * (values.abs() - limits).clamp(min=0)


@pytest.mark.parametrize("levels", LEVELS.values(), ids=LEVELS)
@pytest.mark.parametrize("block", [1, 2**16])
def test_it_is_the_formula(monkeypatch: pytest.MonkeyPatch, levels: Tensor, block: int) -> None:
    monkeypatch.setattr(shrinkage, "BLOCK", block)
    values = coefficients()
    expected = formula(values, THRESHOLDS, levels)
    torch.testing.assert_close(soft_shrink(values.clone().requires_grad_(), THRESHOLDS, levels), expected)
    shrunk = soft_shrink(values, THRESHOLDS, levels)
    torch.testing.assert_close(shrunk, expected)
    assert shrunk.data_ptr() == values.data_ptr()


@pytest.mark.parametrize("levels", LEVELS.values(), ids=LEVELS)
def test_gradients_are_those_of_the_formula(levels: Tensor) -> None:
    values, thresholds = coefficients().requires_grad_(), THRESHOLDS.clone().requires_grad_()
    weights = torch.randn(values.shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    ours, theirs = (
        torch.autograd.grad((function(values, thresholds, levels) * weights).sum(), (values, thresholds))
        for function in (soft_shrink, formula)
    )
    torch.testing.assert_close(ours[0], theirs[0])
    torch.testing.assert_close(ours[1][1:], theirs[1][1:])  # at a threshold of 0 the formula has no slope at v = 0


def test_nan_stays_nan() -> None:
    values = coefficients()
    values[0, 0, 0, 0] = torch.nan
    assert soft_shrink(values, THRESHOLDS, LEVELS["one"])[0, 0, 0, 0].isnan()
