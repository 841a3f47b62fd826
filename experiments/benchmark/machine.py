"""Describe the machine and the package versions that a benchmark ran with."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

import torch

from recon.data.errors import InputError
from recon.data.versions import version_of
from recon.experiments.benchmark.classical import bart
from recon.experiments.report.scores import versions

PEER_PACKAGES = ("pygrappa", "scipy", "numba")


def machine() -> dict[str, Any]:
    """Return processor, threads and versions."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "not set"),
        "system": platform.platform(),
        "versions": versions() | _peer_versions(),
    }


def device_name(device: torch.device) -> str:
    """Return the name of a GPU, or "cpu"."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def _processor() -> str:
    """Return the name of the processor; on Linux from /proc/cpuinfo, because Python knows only the architecture."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _peer_versions() -> dict[str, str]:
    installed = {package: version_of(package) for package in PEER_PACKAGES}
    try:
        installed["bart"] = bart.run("version").strip()
    except InputError:
        installed["bart"] = "not installed"
    return installed
