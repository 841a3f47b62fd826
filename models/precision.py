"""Chooses the precision in which networks compute, from what was asked for and what the processor computes fast."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from pathlib import Path
from typing import Literal

import torch

from recon.data.errors import warn_of_input

Precision = Literal["auto", "float32", "tf32", "bf16", "fp16"]

FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}
"""Names that Linux gives the instructions for bfloat16; the last is ARM's."""

CPU_INFO = Path("/proc/cpuinfo")


@cache
def fast_bf16(device: str) -> bool:
    """Return whether devices of this type have instructions for bfloat16; without them it is 4 to 5 times slower."""
    if device == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device != "cpu" or not CPU_INFO.is_file():
        return False
    lines = CPU_INFO.read_text(encoding="utf-8", errors="replace").splitlines()
    return any(line.startswith(("flags", "Features")) and FLAGS & set(line.split()) for line in lines)


def half_precision(precision: str, device: str) -> torch.dtype | None:
    """Return the half-precision type that convolutions compute in; None for float32.

    `auto` is bfloat16 on a GPU that computes in it, and float32 elsewhere. Where bfloat16 is asked for and the
    processor lacks it, a warning says once that float32 is used.
    """
    if precision == "fp16":
        return torch.float16
    if precision == "auto":
        return torch.bfloat16 if device == "cuda" and fast_bf16(device) else None
    if precision != "bf16":
        return None
    if not fast_bf16(device):
        _warn_of_slow_bf16()
        return None
    return torch.bfloat16


def allow_tf32(allowed: bool) -> tuple[bool, bool]:
    """Allow or forbid TF32 in matrix products and convolutions of float32; return what was allowed before."""
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matmul.allow_tf32, cudnn.allow_tf32
    matmul.allow_tf32 = cudnn.allow_tf32 = allowed
    return before


@contextmanager
def computing_in(precision: Precision, device: torch.device) -> Iterator[None]:
    """Compute the convolutions and matrix products of the block in this precision.

    Parameters
    ----------
    precision
        `float32`; `tf32`, in which a GPU rounds the factors of float32 products to 10 bits of mantissa and a CPU does
        not; or half precision by autocast, as `half_precision` chooses it. All else, such as Fourier transforms
        and norms, is float32.
    device
        Device of the tensors.
    """
    half = half_precision(precision, device.type)
    before = allow_tf32(precision == "tf32")
    try:
        with nullcontext() if half is None else torch.autocast(device.type, half):
            yield
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


@cache
def _warn_of_slow_bf16() -> None:
    warn_of_input("this processor has no instructions for bfloat16 and would take 4 to 5 times longer: using float32")
