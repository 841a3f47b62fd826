"""Provides the common parts of compiled loops: tickets, and pointers to arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic


def _take(typing: Any, task: Any) -> Any:
    del typing

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        del context, signature
        return builder.atomic_rmw("add", arguments[0], ir.Constant(ir.IntType(64), 1), "monotonic")

    return types.int64(task), generate


def _pointer(kind: Any) -> Callable[[int], Any]:
    def at(typing: Any, address: Any) -> Any:
        del typing

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

        return types.CPointer(kind)(address), generate

    return intrinsic(at)


ticket: Callable[[Any], int] = intrinsic(_take)
"""Take the next ticket of a task: read its first integer and add one, as a single step for all threads."""

floats, doubles, integers = _pointer(types.float32), _pointer(types.float64), _pointer(types.int64)
"""Turn an address into a pointer for `numba.carray`."""
