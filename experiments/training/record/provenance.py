"""Describes what a run consists of: code, packages, files and machine."""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import torch
from accelerate import Accelerator

from recon.data.errors import InputError
from recon.data.storage.atomic import atomic_path
from recon.data.versions import version_of, versions

RUN = "run.json"


class SliceFile(Protocol):
    """A file that contains slices."""

    @property
    def name(self) -> str:
        """Name of the file."""

    @property
    def path(self) -> Path:
        """Path of the file."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the data in the file."""

    def __len__(self) -> int:
        """Return the number of slices."""


def describe_run(
    accelerator: Accelerator, training: Sequence[SliceFile], validation: Sequence[SliceFile]
) -> dict[str, Any]:
    """Describe the code, packages, files and machine of a run that starts now."""
    gpu = accelerator.device.type == "cuda"
    return {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "git": describe_code(),
        "versions": {**versions(), **{name: version_of(name) for name in ("accelerate", "safetensors")}},
        "data": {"train": describe_data(training), "val": describe_data(validation)},
        "processes": accelerator.num_processes,
        "device": torch.cuda.get_device_name(accelerator.device) if gpu else platform.processor() or "CPU",
    }


def describe_data(files: Sequence[SliceFile]) -> dict[str, Any]:
    """Count files and slices, and hash the files' names, sizes and shapes (not their samples)."""
    index = sorted((file.name, file.path.stat().st_size, file.shape) for file in files)
    return {
        "files": len(files),
        "slices": sum(map(len, files)),
        "sha256": hashlib.sha256(json.dumps(index).encode()).hexdigest(),
    }


@cache
def describe_code() -> dict[str, Any] | None:
    """Return the git commit of the running code and whether it was changed; None outside of a git checkout.

    The answer of the first call holds for the whole process.
    """
    folder = Path(__file__).parent
    if _git(folder, "ls-files", "--error-unmatch", Path(__file__).name) is None:
        return None
    return {"commit": _git(folder, "rev-parse", "HEAD"), "changed": bool(_git(folder, "status", "--porcelain"))}


def write_provenance(folder: Path, description: dict[str, Any], resumed: bool) -> tuple[str, bool]:
    """Write `run.json`: the identity of the run and a description for each time it was started.

    Parameters
    ----------
    folder
        Output folder of the run.
    description
        Description of this start, see `describe_run`.
    resumed
        Whether the run was started before.

    Returns
    -------
    tuple of str and bool
        Identity of the run, and whether it uses the same files as at its last start.

    Raises
    ------
    InputError
        If the record of earlier starts is damaged.
    """
    path = folder / RUN
    run: dict[str, Any] = _read_run(path) if resumed and path.is_file() else {"id": uuid.uuid4().hex, "starts": []}
    same = not run["starts"] or run["starts"][-1]["data"] == json.loads(json.dumps(description["data"]))
    run["starts"].append(description)
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(run, indent=1))
    return run["id"], same


def is_run(folder: Path) -> bool:
    """Return whether a folder holds the record of a run."""
    try:
        _read_run(folder / RUN)
    except (InputError, OSError):
        return False
    return True


def _read_run(path: Path) -> dict[str, Any]:
    try:
        run = json.loads(path.read_bytes())
        if not (isinstance(run["id"], str) and all("data" in start for start in run["starts"])):
            raise ValueError("no identity")  # noqa: TRY301 - as any other damage
        return {**run, "starts": list(run["starts"])}
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise InputError(f"{path}: is damaged; remove it to resume without the record of earlier starts") from error


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        result = subprocess.run(  # noqa: S603 - the arguments are constants
            ["git", "-C", str(folder), *arguments],  # noqa: S607 - git is wherever the user has it
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return result.stdout.strip()
