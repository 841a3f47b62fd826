"""Describes the machine that a result was computed on: the same versions may round differently on another one."""

from __future__ import annotations

import platform
from functools import cache
from pathlib import Path
from typing import Any

import torch


def machine(device: torch.device) -> dict[str, Any]:
    """Return the processor, the instructions that torch chose for it, the threads, the system, and the GPU in use."""
    gpu = {"GPU": torch.cuda.get_device_name(device)} if device.type == "cuda" else {}
    return {
        "processor": processor(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "system": platform.platform(),
        **gpu,
    }


@cache
def processor() -> str:
    """Return the name of the processor; on Linux from /proc/cpuinfo, because Python knows only the architecture."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
