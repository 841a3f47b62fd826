import numpy as np
import pytest

from recon.simulation.chebyshev import chebyshev_nodes, interpolate


@pytest.mark.parametrize("order", [1, 7, 32])
def test_nodes_are_the_zeros_of_the_polynomial(order: int):
    """`T_n(x) = cos(n arccos x)`."""
    nodes = chebyshev_nodes(order)
    assert len(set(nodes)) == order
    np.testing.assert_allclose(np.cos(order * np.arccos(nodes)), 0, atol=1e-13)


def test_polynomials_of_lower_order_are_interpolated_exactly():
    coefficients = np.random.default_rng(0).standard_normal((3, 9, 7))
    rows, columns = np.linspace(-1, 1, 20), np.linspace(-1, 1, 31)

    def polynomial(y: np.ndarray, x: np.ndarray) -> np.ndarray:
        return np.stack([np.polynomial.chebyshev.chebgrid2d(y, x, part) for part in coefficients])

    on_nodes = polynomial(chebyshev_nodes(9), chebyshev_nodes(7))
    np.testing.assert_allclose(interpolate(on_nodes, rows, columns), polynomial(rows, columns), atol=1e-12)


def test_values_on_nodes_are_kept():
    values = np.random.default_rng(0).standard_normal((8, 5))
    np.testing.assert_allclose(interpolate(values, chebyshev_nodes(8), chebyshev_nodes(5)), values, atol=1e-13)
