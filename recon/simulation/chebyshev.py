"""Chebyshev grids on which smooth fields are computed, and their interpolation to pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.polynomial.chebyshev import chebvander

from recon.simulation.loops import Floats


def chebyshev_nodes(order: int) -> Floats:
    """Return the Chebyshev points of the first kind, in (-1, 1), from the largest to the smallest."""
    return np.cos(np.pi * (np.arange(order) + 0.5) / order)


def interpolate(values: npt.NDArray[Any], rows: Floats, columns: Floats) -> npt.NDArray[Any]:
    """Interpolate values on a Chebyshev grid to pixels, by the polynomial that passes through them.

    Parameters
    ----------
    values
        `(..., row nodes, column nodes)` on `chebyshev_nodes`.
    rows, columns
        Positions of the pixels, `(rows,)` and `(columns,)`, from -1 to 1.

    Returns
    -------
    ndarray
        `(..., rows, columns)`.
    """
    interpolated: npt.NDArray[Any] = _matrix(rows, values.shape[-2]) @ values @ _matrix(columns, values.shape[-1]).T
    return interpolated


def _matrix(positions: Floats, order: int) -> Floats:
    """Build the matrix `(positions, nodes)` that evaluates a polynomial given on `order` Chebyshev nodes.

    The discrete orthogonality of the polynomials T_k on the nodes gives the coefficients of the interpolant:
    `c_k = 2/n sum_j f(x_j) T_k(x_j)`, half of that for k = 0.
    """
    weights = np.full(order, 2 / order)
    weights[0] /= 2
    matrix: Floats = (chebvander(positions, order - 1) * weights) @ chebvander(chebyshev_nodes(order), order - 1).T
    return matrix
