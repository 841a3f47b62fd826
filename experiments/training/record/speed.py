"""Measures the speed of a training run."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch


@dataclass
class SpeedMeter:
    """Measures how fast a process trains and how much of the time it waits for data.

    Attributes
    ----------
    slices
        Number of slices since the last reading.
    seconds
        Time spent on steps since then.
    waited
        Part of that time spent waiting for data.
    """

    slices: int = 0
    seconds: float = 0.0
    waited: float = 0.0

    @contextmanager
    def working(self) -> Iterator[None]:
        """Count the time in the block."""
        start = time.perf_counter()
        yield
        self.seconds += time.perf_counter() - start

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Count the time in the block, which lies inside a `working` block, as waiting."""
        start = time.perf_counter()
        yield
        self.waited += time.perf_counter() - start

    def read(self, processes: int) -> dict[str, float]:
        """Return the speed since the last reading, and reset the meter.

        Returns
        -------
        dict of str to float
            `slices_per_second` of all processes, `data_wait` as a fraction of the time and, on a GPU, the peak memory
            `gpu_gb` in GB.
        """
        seconds = max(self.seconds, 1e-9)
        values = {
            "slices_per_second": round(processes * self.slices / seconds, 3),
            "data_wait": round(self.waited / seconds, 4),
        }
        if torch.cuda.is_available():
            values["gpu_gb"] = round(torch.cuda.max_memory_allocated() / 1e9, 3)
            torch.cuda.reset_peak_memory_stats()
        self.slices, self.seconds, self.waited = 0, 0.0, 0.0
        return values


def format_speed(speed: Mapping[str, float]) -> str:
    """Format the reading of a meter for the console."""
    memory = f", {speed['gpu_gb']:.1f} GB" if "gpu_gb" in speed else ""
    return f"{speed['slices_per_second']:.2f} slices/s, waiting for data {speed['data_wait']:.0%}{memory}"
