"""Sums products with coil sensitivities as it computes them, in loops compiled by numba: no product is stored."""

from __future__ import annotations

from functools import lru_cache
from operator import mul
from typing import Any

import numpy as np
import torch
from numba import carray, njit
from torch import Tensor

from recon.kernel_parts import floats, integers, ticket
from recon.kernels import compiled, run

TWO = np.uint64(2)
FIRST = np.uint64(1)


def fits(sens_maps: Tensor, images: Tensor) -> bool:
    """Return whether the loops can treat maps `(..., sets, coils, rows, columns)` and `(..., any, rows, columns)`."""
    whole_rows = all(one.stride(-1) == 1 and one.stride(-2) == one.shape[-1] for one in (sens_maps, images))
    return whole_rows and images.shape[:-3] == sens_maps.shape[:-4] and images.numel() > 0


def expand(sens_maps: Tensor, image: Tensor) -> Tensor:
    """Return `S x`, complex `(..., coils, rows, columns)`, of images `(..., sets, rows, columns)`."""
    return _summed(sens_maps.transpose(-4, -3), image, 1)


def combine(sens_maps: Tensor, coil_images: Tensor) -> Tensor:
    """Return `S^H x`, complex `(..., sets, rows, columns)`, of coil images `(..., coils, rows, columns)`."""
    return _summed(sens_maps, coil_images, -1)


def _summed(factors: Tensor, images: Tensor, sign: int) -> Tensor:
    """Sum the products of factors `(..., results, images, rows, columns)`, conjugate where the sign is -1."""
    *batch, results, count, rows, columns = factors.shape
    result = torch.empty(*batch, results, rows, columns, dtype=images.dtype)
    places = _places(tuple(batch), factors.stride()[:-4], images.stride()[:-3])
    run(
        _sum_products,
        result.numel() // columns,
        results,
        count,
        rows,
        columns,
        sign,
        factors.stride(-4),
        factors.stride(-3),
        images.stride(-3),
        factors,
        images,
        result,
        places,
        places.shape[1],
    )
    return result


@lru_cache(maxsize=64)
def _places(batch: tuple[int, ...], factor_strides: tuple[int, ...], image_strides: tuple[int, ...]) -> Tensor:
    """Return where in memory the factors and the images of each entry of the batch start, counted in values."""
    entries = list(np.ndindex(*batch))
    return torch.tensor(
        [[sum(map(mul, entry, strides)) for entry in entries] for strides in (factor_strides, image_strides)]
    )


@njit
def _add_products(factor: Any, image: Any, sign: Any, total: Any) -> None:
    """Add the products of two rows of complex numbers to a third."""
    for pixel in range(np.uint64(len(total) // 2)):
        real = TWO * pixel
        imaginary = real + FIRST
        a, b = factor[real], sign * factor[imaginary]
        c, d = image[real], image[imaginary]
        total[real] += a * c - b * d
        total[imaginary] += a * d + b * c


@compiled
def _sum_products(pointer: Any) -> None:
    """Sum the products of one row of one result; the fields of the task are those that `_summed` passes."""
    task = carray(pointer, 15)
    results, count, rows, columns, sign = task[2], task[3], task[4], task[5], np.float32(task[6])
    result_stride, factor_stride, image_stride = task[7], task[8], task[9]
    factors, images, sums, batches = task[10], task[11], task[12], task[14]
    places, width = carray(integers(task[13]), 2 * batches), 2 * columns
    while True:
        index = ticket(pointer)
        if index >= task[1]:
            break
        row, rest = index % rows, index // rows
        result, batch = rest % results, rest // results
        total = carray(floats(sums + 8 * columns * index), width)
        total[:] = 0
        for number in range(count):
            factor = places[batch] + result * result_stride + number * factor_stride + row * columns
            image = places[batches + batch] + number * image_stride + row * columns
            _add_products(
                carray(floats(factors + 8 * factor), width), carray(floats(images + 8 * image), width), sign, total
            )
