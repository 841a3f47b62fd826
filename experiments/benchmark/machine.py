"""Describe the machine and the package versions that a benchmark ran with."""

from __future__ import annotations

import os
import platform
from typing import Any

import torch

from recon.data.errors import InputError
from recon.data.versions import version_of, versions
from recon.experiments.benchmark.classical import bart
from recon.experiments.engine.results.machine import processor

PEER_PACKAGES = ("pygrappa",)


def machine() -> dict[str, Any]:
    """Return processor, threads and versions."""
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "not set"),
        "system": platform.platform(),
        "versions": versions() | _peer_versions(),
    }


def device_name(device: torch.device) -> str:
    """Return the name of a GPU, or "cpu"."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def _peer_versions() -> dict[str, str]:
    installed = {package: version_of(package) for package in PEER_PACKAGES}
    try:
        installed["bart"] = bart.run("version").strip()
    except InputError:
        installed["bart"] = "not installed"
    return installed
