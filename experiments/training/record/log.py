"""Writes and reads the log of a training run: one line of JSON per entry."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from accelerate import Accelerator

from recon.data.errors import InputError
from recon.data.storage.atomic import atomic_path

LOG = "log.jsonl"
HEADINGS = {"ssim": "SSIM", "psnr": "PSNR", "nmse": "NMSE", "heldout": "held-out loss"}


def write_line(accelerator: Accelerator, path: Path, values: Mapping[str, Any]) -> None:
    """Append a line to the log and pass its numbers to the trackers; only the main process may call this."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(values) + "\n")
    numbers = {key: value for key, value in flatten(values).items() if isinstance(value, int | float)}
    accelerator.log(numbers, step=values["steps"])


def read_log(path: Path) -> list[dict[str, Any]]:
    """Read the lines of a log, except one that a crash cut short.

    Raises
    ------
    InputError
        If there is no log.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such log; give the output folder of `recon train`")
    lines = []
    for line in path.read_bytes().splitlines():
        try:
            lines.append(json.loads(line))
        except (ValueError, RecursionError):
            continue
    return [line for line in lines if isinstance(line, dict)]


def truncate_log(path: Path, lines: int) -> None:
    """Keep the first lines of a log and remove those written after the state from which the run resumes."""
    content = path.read_bytes().splitlines(keepends=True) if path.exists() else []
    with atomic_path(path) as temporary:
        temporary.write_bytes(b"".join(content[:lines]))


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Flatten nested mappings, joining their keys with dots."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= flatten(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return flat


def format_scores(scores: Mapping[str, Any]) -> str:
    """Format scores for the console: a line of means, and a line for each contrast and acceleration."""
    groups: dict[str, Any] = scores["groups"]
    lines = [f"    {name}, {_count(group['volumes'])}: {_format_means(group)}" for name, group in groups.items()]
    return "\n".join([_format_means(scores), *lines])


def _count(volumes: int) -> str:
    return "1 volume" if volumes == 1 else f"{volumes} volumes"


def _format_means(scores: Mapping[str, Any]) -> str:
    return ", ".join(f"{heading} {scores[name]:.4f}" for name, heading in HEADINGS.items() if name in scores)
