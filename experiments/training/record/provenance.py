"""Where weights come from: the code, the packages, the files, the machine."""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Protocol

import torch
from accelerate import Accelerator

from recon.data.storage.atomic import atomic_path
from recon.experiments.report.scores import versions

RUN = "run.json"


class Described(Protocol):
    """A file with slices."""

    @property
    def name(self) -> str:
        """The file's name."""

    @property
    def path(self) -> Path:
        """Where it lies."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of what it holds."""

    def __len__(self) -> int:
        """Give the number of its slices."""


def describe_data(volumes: Sequence[Described]) -> dict[str, Any]:
    """Count files and slices; `sha256` is that of the files' names, sizes and shapes, not of every sample."""
    index = sorted((volume.name, volume.path.stat().st_size, volume.shape) for volume in volumes)
    return {
        "files": len(volumes),
        "slices": sum(map(len, volumes)),
        "sha256": hashlib.sha256(json.dumps(index).encode()).hexdigest(),
    }


def describe_code() -> dict[str, Any] | None:
    """Tell the commit that runs and whether it was changed since; None if it was installed without its history."""
    folder = Path(__file__).parent
    if _git(folder, "ls-files", "--error-unmatch", Path(__file__).name) is None:
        return None
    return {"commit": _git(folder, "rev-parse", "HEAD"), "changed": bool(_git(folder, "status", "--porcelain"))}


def describe(
    accelerator: Accelerator, training: Sequence[Described], validation: Sequence[Described]
) -> dict[str, Any]:
    """Describe what a run is made of, as from now."""
    gpu = accelerator.device.type == "cuda"
    return {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "git": describe_code(),
        "versions": {**versions(), **{name: metadata.version(name) for name in ("accelerate", "safetensors")}},
        "data": {"train": describe_data(training), "val": describe_data(validation)},
        "processes": accelerator.num_processes,
        "device": torch.cuda.get_device_name(accelerator.device) if gpu else platform.processor() or "CPU",
    }


def record(folder: Path, described: dict[str, Any], goes_on: bool) -> tuple[str, bool]:
    """Write `run.json`: the run's identity, and what it was made of each time that it was started.

    Parameters
    ----------
    folder
        Of the run.
    described
        See `describe`.
    goes_on
        Whether it is a run that was started before.

    Returns
    -------
    tuple of str and bool
        The run's identity, and whether the files are those that it was last started with.
    """
    path = folder / RUN
    earlier: dict[str, Any] = (
        json.loads(path.read_text()) if goes_on and path.is_file() else {"id": uuid.uuid4().hex, "starts": []}
    )
    same = not earlier["starts"] or earlier["starts"][-1]["data"] == json.loads(json.dumps(described["data"]))
    earlier["starts"].append(described)
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(earlier, indent=1))
    return earlier["id"], same


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        told = subprocess.run(  # noqa: S603 - fixed words
            ["git", "-C", str(folder), *arguments],  # noqa: S607 - git is wherever the user has it
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return told.stdout.strip()
