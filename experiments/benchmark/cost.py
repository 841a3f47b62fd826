"""What a piece of work costs: seconds on the clock, seconds of processors, memory at its peak."""

from __future__ import annotations

import ctypes
import gc
import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import psutil

T = TypeVar("T")

SAMPLING_INTERVAL = 0.002
"""Seconds between two looks at the memory."""


@dataclass(frozen=True)
class Seconds:
    """Of the clock, and of all processors together including those of child processes."""

    wall: float
    cpu: float

    def __add__(self, other: Seconds) -> Seconds:
        return Seconds(self.wall + other.wall, self.cpu + other.cpu)


def timed(work: Callable[[], T]) -> tuple[T, Seconds]:
    """Do some work and say how long it took; a child process counts once it has ended."""
    wall, cpu = time.perf_counter(), _cpu_seconds()
    result = work()
    return result, Seconds(time.perf_counter() - wall, _cpu_seconds() - cpu)


def peak_memory(work: Callable[[], object]) -> int:
    """Do some work and say by how many bytes the memory of this process and its children rose at most.

    A thread samples the resident memory, which sees torch, numpy and children alike; a peak shorter than two
    milliseconds may escape it. What the allocator had kept from earlier work is given back first, else it would be
    taken as free of charge.
    """
    gc.collect()
    _give_back_free_memory()
    process, done = psutil.Process(), threading.Event()
    before = highest = _resident(process)

    def watch() -> None:
        nonlocal highest
        while not done.wait(SAMPLING_INTERVAL):
            highest = max(highest, _resident(process))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        work()
        highest = max(highest, _resident(process))
    finally:
        done.set()
        watcher.join()
    return highest - before


def _cpu_seconds() -> float:
    times = os.times()
    return time.process_time() + times.children_user + times.children_system


def _resident(process: psutil.Process) -> int:
    total, command = process.memory_info().rss, process.cmdline()
    for child in process.children():
        try:
            if child.cmdline() != command:  # else it is our own copy, about to become another program
                total += child.memory_info().rss
        except psutil.NoSuchProcess:  # it ended since it was listed
            continue
    return int(total)


def _give_back_free_memory() -> None:
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        if hasattr(libc, "malloc_trim"):  # glibc's; elsewhere the peak is a lower bound
            libc.malloc_trim(0)
