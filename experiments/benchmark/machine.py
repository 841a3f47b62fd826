"""On what and with what the numbers were measured."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from recon.data.errors import InputError
from recon.experiments.benchmark.classical import bart
from recon.experiments.report.scores import versions

PEER_PACKAGES = ("pygrappa", "scipy", "numba")


def machine() -> dict[str, Any]:
    """List processor, threads and versions."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "not set"),
        "system": platform.platform(),
        "versions": versions() | _peer_versions(),
    }


def _processor() -> str:
    """Ask Linux, because Python only knows the architecture there."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _peer_versions() -> dict[str, str]:
    found = {}
    for package in PEER_PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed"
    try:
        found["bart"] = bart.run("version").strip()
    except InputError:
        found["bart"] = "not installed"
    return found
