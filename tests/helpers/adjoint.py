"""The dot-product identity that makes an operator the adjoint of another."""

from collections.abc import Callable

import torch
from torch import Tensor


def assert_adjoint(
    forward: Callable[[Tensor], Tensor],
    adjoint: Callable[[Tensor], Tensor],
    domain: tuple[int, ...],
    codomain: tuple[int, ...],
    dtype: torch.dtype = torch.complex128,
) -> None:
    """Check `<A x, y> = <x, A^H y>` for random x and y."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(domain, generator=generator, dtype=dtype)
    y = torch.randn(codomain, generator=generator, dtype=dtype)
    left = torch.sum(forward(x).conj() * y)
    right = torch.sum(x.conj() * adjoint(y))
    torch.testing.assert_close(left, right, rtol=1e-9, atol=1e-9)
