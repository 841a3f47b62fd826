"""The least time that a network's mathematics can take on this machine, from rates measured on it."""

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
"""Of the convolution on which the arithmetic rate is measured: large enough for any processor to be at its best."""

COPIED = 2**28
"""Bytes of the copy on which the bandwidth is measured: beyond every cache."""

TRIALS = 5

aten = torch.ops.aten


@dataclass(frozen=True)
class Operation:
    """One convolution or Fourier transform: real multiplications and additions, and bytes that must move."""

    convolution: bool
    flops: float
    bytes: float

    def in_half(self) -> Operation:
        """Give the same in half precision, which only convolutions compute in."""
        return replace(self, bytes=self.bytes / 2) if self.convolution else self


@dataclass(frozen=True)
class Rates:
    """What the machine does in a second of the clock it was measured with: FLOP in two precisions, and bytes."""

    single: float
    half: float
    bytes: float

    def least_seconds(self, operations: Sequence[Operation], half: bool = False) -> float:
        """Sum over operations of what bounds each, arithmetic or memory (Williams et al. 2009)."""
        return sum(self._seconds(one.in_half() if half else one, half) for one in operations)

    def _seconds(self, one: Operation, half: bool) -> float:
        rate = self.half if half and one.convolution else self.single
        return max(one.flops / rate, one.bytes / self.bytes)


class Counter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts what runs inside a `with`; on the meta device nothing is computed.

    Convolutions and Fourier transforms count, each with one reading of its inputs and one writing of its output.
    Everything else, norms and activations, sums over coils, could be done while these values pass by, and is free.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.operations: list[Operation] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Let an operation run and note it."""
        result = func(*args, **(kwargs or {}))
        if func is aten.convolution.default:
            image, weight = args[:2]
            self._note(True, _convolution_flops(image, weight, result, args[6]), (image, weight, result))
        elif func is aten.convolution_backward.default:
            gradient, image, weight, *_ = args
            for made, given in zip(result[:2], (weight, image), strict=True):
                if made is not None:
                    self._note(True, _convolution_flops(image, weight, gradient, args[7]), (gradient, given, made))
        elif func is aten._fft_c2c.default:  # noqa: SLF001 - the operator that torch.fft ends in
            points = math.prod(result.shape[axis] for axis in args[1])
            self._note(False, 5 * result.numel() * math.log2(max(points, 2)), (args[0], result))
        return result

    def _note(self, convolution: bool, flops: float, moved: Sequence[Tensor]) -> None:
        size = sum(tensor.numel() * tensor.element_size() for tensor in moved)
        self.operations.append(Operation(convolution, flops, size))


def measure_rates(device: torch.device) -> Rates:
    """Take the best of a few large convolutions and copies."""
    clock = clock_of(device)
    source = torch.zeros(COPIED, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    moving = _fastest(lambda: target.copy_(source), clock)
    single, half = (_convolution_rate(device, dtype, clock) for dtype in (torch.float32, torch.bfloat16))
    return Rates(single, half, 2 * COPIED / moving)


def count(work: Callable[[], object]) -> list[Operation]:
    """List what some work computes."""
    with Counter() as counter:
        work()
    return counter.operations


def clock_of(device: torch.device) -> Clock:
    """Choose a clock: of the GPU once its work is done, else the processors' seconds, which load does not change."""
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
    """Count two for every multiplication: each pixel on the fine side of the weights meets all of them."""
    pixels = image if transposed else result
    return 2.0 * weight.numel() * pixels.shape[0] * pixels.shape[2] * pixels.shape[3]
