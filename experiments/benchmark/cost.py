"""Measure the cost of a piece of work: wall time, CPU time and peak memory."""

from __future__ import annotations

import ctypes
import gc
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import TypeVar

import psutil
import torch

from recon.data.errors import InputError
from recon.experiments.engine.device import CPU

T = TypeVar("T")

SAMPLING_INTERVAL = 0.002
"""Seconds between two samples of the memory in use."""

HIGH_WATER_INTERVAL = 0.05
"""The same where Linux records the peak itself, so that only a peak at the very end is missed."""


@dataclass(frozen=True)
class Seconds:
    """Wall seconds, and CPU seconds of all cores together, child processes included."""

    wall: float
    cpu: float

    def __add__(self, other: Seconds) -> Seconds:
        return Seconds(self.wall + other.wall, self.cpu + other.cpu)


def timed(work: Callable[[], T]) -> tuple[T, Seconds]:
    """Do some work, and return its result and its time until a GPU has finished it too.

    A child process counts once it has ended.
    """
    _finish()
    wall, cpu = time.perf_counter(), _cpu_seconds()
    result = work()
    _finish()
    return result, Seconds(time.perf_counter() - wall, _cpu_seconds() - cpu)


def _finish() -> None:
    """Wait until the GPU, if one is in use, has done its work."""
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.synchronize()


def peak_memory(work: Callable[[], object], device: torch.device = CPU) -> int:
    """Do some work, and return by how many bytes the memory of this process and its children rose at most.

    On a GPU it is the memory of the device, as torch allocates it.

    A thread samples the resident memory, which includes torch, numpy and child processes; it may miss a peak shorter
    than two milliseconds. Memory that the allocator kept from earlier work is released first, because the work could
    reuse it unnoticed.
    """
    gc.collect()
    if device.type == "cuda":
        held = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        work()
        return torch.cuda.max_memory_allocated() - held
    _release_free_memory()
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


def peak_of_command(command: Sequence[str], environment: Mapping[str, str] | None = None) -> int:
    """Run a program, and return the peak memory of the largest of its processes in bytes, as Linux records it.

    Parameters
    ----------
    command
        The program and its arguments.
    environment
        Environment variables of the program; None for those of this process.

    Raises
    ------
    InputError
        If the program fails; the message is the last line of its standard error.
    """
    highest = 0
    with TemporaryFile() as stderr:
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=stderr, env=environment) as program:  # noqa: S603 - our own
            process = psutil.Process(program.pid)
            while program.poll() is None:
                with suppress(psutil.Error):
                    every = [process, *process.children(recursive=True)]
                    highest = max(highest, *(_high_water(one.pid) for one in every))
                time.sleep(HIGH_WATER_INTERVAL)
        stderr.seek(0)
        lines = stderr.read().decode(errors="replace").splitlines()
    if program.returncode:
        raise InputError(lines[-1] if lines else f"{command[0]}: ended with exit code {program.returncode}")
    return highest


def _high_water(process: int) -> int:
    """Return the largest resident size so far in bytes; 0 for a process that has ended."""
    with suppress(OSError):
        status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
        found = re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
        return 1024 * int(found.group(1)) if found else 0
    return 0


def _cpu_seconds() -> float:
    times = os.times()
    return time.process_time() + times.children_user + times.children_system


def _resident(process: psutil.Process) -> int:
    total, command = process.memory_info().rss, process.cmdline()
    for child in process.children():
        try:
            if child.cmdline() != command:  # an equal command line is a fork of us that has not started its program
                total += child.memory_info().rss
        except psutil.NoSuchProcess:  # the child ended after it was listed
            continue
    return int(total)


def _release_free_memory() -> None:
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        if hasattr(libc, "malloc_trim"):  # only glibc has it; elsewhere the peak is a lower bound
            libc.malloc_trim(0)
