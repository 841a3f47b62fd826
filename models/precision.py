"""Chooses the precision in which networks compute."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Literal

import torch

Precision = Literal["float32", "tf32", "bf16", "fp16"]

HALF: dict[str, torch.dtype] = {"bf16": torch.bfloat16, "fp16": torch.float16}


@contextmanager
def computing_in(precision: Precision, device: torch.device) -> Iterator[None]:
    """Compute the convolutions and matrix products of the block in this precision.

    Parameters
    ----------
    precision
        `float32`; `tf32`, in which a GPU rounds the factors of float32 products to 10 bits of mantissa and a CPU does
        not; or `bf16` or `fp16` by autocast. Everything else, such as Fourier transforms and norms, is float32.
    device
        Device of the tensors.
    """
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matmul.allow_tf32, cudnn.allow_tf32
    matmul.allow_tf32 = cudnn.allow_tf32 = precision == "tf32"
    try:
        with torch.autocast(device.type, HALF[precision]) if precision in HALF else nullcontext():
            yield
    finally:
        matmul.allow_tf32, cudnn.allow_tf32 = before
