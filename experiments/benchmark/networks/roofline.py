"""Estimate the least time that a network can take on this machine with the roofline model (Williams et al. 2009)."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import conv2d
from torch.utils._python_dispatch import TorchDispatchMode

Clock = Callable[[], float]

CHANS, SIZE = 256, 56
"""Channels and side length of the convolution that measures the arithmetic rate, large enough for full speed."""

COPIED = 2**28
"""Bytes of the copy that measures the bandwidth, larger than any cache."""

TRIALS = 5

aten = torch.ops.aten


@dataclass(frozen=True)
class Operation:
    """One convolution or Fourier transform: its real multiplications and additions, and the bytes that it moves."""

    convolution: bool
    flops: float
    bytes: float

    def in_half(self) -> Operation:
        """Return the same operation in half precision, which only convolutions use."""
        return replace(self, bytes=self.bytes / 2) if self.convolution else self


@dataclass(frozen=True)
class Rates:
    """Operations per second in single and half precision, and bytes moved per second."""

    single: float
    half: float
    bytes: float

    def least_seconds(self, operations: Sequence[Operation], half: bool = False) -> float:
        """Sum the times of all operations, each bounded by arithmetic or by memory (Williams et al. 2009)."""
        return sum(self._seconds(one.in_half() if half else one, half) for one in operations)

    def _seconds(self, one: Operation, half: bool) -> float:
        rate = self.half if half and one.convolution else self.single
        return max(one.flops / rate, one.bytes / self.bytes)


class OperationCounter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the operations inside a `with` block; on the meta device nothing is computed.

    Convolutions and Fourier transforms count; each reads its inputs once and writes its output once. Everything else,
    such as norms, activations and sums over coils, counts as free, because it could be fused with these operations.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.operations: list[Operation] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operation and record it."""
        result = func(*args, **(kwargs or {}))
        if func is aten.convolution.default:
            image, weight = args[:2]
            self._record(True, _convolution_flops(image, weight, result, args[6]), (image, weight, result))
        elif func is aten.convolution_backward.default:
            gradient, image, weight, *_ = args
            for made, given in zip(result[:2], (weight, image), strict=True):
                if made is not None:
                    self._record(True, _convolution_flops(image, weight, gradient, args[7]), (gradient, given, made))
        elif func is aten._fft_c2c.default:  # noqa: SLF001 - the operator that torch.fft calls
            points = math.prod(result.shape[axis] for axis in args[1])
            self._record(False, 5 * result.numel() * math.log2(max(points, 2)), (args[0], result))
        return result

    def _record(self, convolution: bool, flops: float, moved: Sequence[Tensor]) -> None:
        size = sum(tensor.numel() * tensor.element_size() for tensor in moved)
        self.operations.append(Operation(convolution, flops, size))


def measure_rates(device: torch.device) -> Rates:
    """Measure the best rates of a few large convolutions and copies."""
    clock = clock_of(device)
    source = torch.zeros(COPIED, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    moving = _fastest(lambda: target.copy_(source), clock)
    single, half = (_convolution_rate(device, dtype, clock) for dtype in (torch.float32, torch.bfloat16))
    return Rates(single, half, 2 * COPIED / moving)


def count_operations(work: Callable[[], object]) -> list[Operation]:
    """List the operations of some work."""
    with OperationCounter() as counter:
        work()
    return counter.operations


def clock_of(device: torch.device) -> Clock:
    """Choose a clock: wall time of finished work on a GPU, otherwise CPU time, which other load does not change."""
    if device.type != "cuda":
        return time.process_time

    def finished() -> float:
        torch.cuda.synchronize()
        return time.perf_counter()

    return finished


def _convolution_rate(device: torch.device, dtype: torch.dtype, clock: Clock) -> float:
    image = torch.randn(1, CHANS, SIZE, SIZE, device=device, dtype=dtype).to(memory_format=torch.channels_last)
    weight = torch.randn(CHANS, CHANS, 3, 3, device=device, dtype=dtype)
    with torch.no_grad():
        return 2 * 9 * CHANS**2 * SIZE**2 / _fastest(lambda: conv2d(image, weight, padding=1), clock)


def _fastest(work: Callable[[], object], clock: Clock) -> float:
    work()
    seconds = []
    for _ in range(TRIALS):
        start = clock()
        work()
        seconds.append(clock() - start)
    return max(min(seconds), 1e-9)


def _convolution_flops(image: Tensor, weight: Tensor, result: Tensor, transposed: bool) -> float:
    """Count two operations per multiplication: every pixel of the finer image is multiplied by all weights."""
    pixels = image if transposed else result
    return 2.0 * weight.numel() * pixels.shape[0] * pixels.shape[2] * pixels.shape[3]
