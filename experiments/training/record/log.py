"""What a run says while it trains: a line of JSON, a line on the console, and the trackers that were asked for."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator

from recon.data.errors import InputError
from recon.data.storage.atomic import atomic_path
from recon.experiments.training.config.train_config import TrainConfig

LOG = "log.jsonl"
HEADINGS = {"ssim": "SSIM", "psnr": "PSNR", "nmse": "NMSE", "heldout": "held-out loss"}
PROJECT = "unrolled-recon"
PACKAGES = {"tensorboard": ("tensorboard", "tensorboardX"), "wandb": ("wandb",)}


def check_trackers(names: Sequence[str]) -> None:
    """Raise `InputError` if the package of a tracker is not installed."""
    for name in names:
        if not any(find_spec(package) for package in PACKAGES[name]):
            raise InputError(
                f"the tracker {name} is not installed; `pip install {name}`, or leave it out of trackers"
            )


def start_trackers(accelerator: Accelerator, config: TrainConfig, run: str) -> None:
    """Tell the trackers which run begins or goes on.

    Parameters
    ----------
    accelerator
        Made with the trackers' names.
    config
        Becomes their table of hyperparameters.
    run
        Its identity, by which W&B finds the curves to go on with.

    Raises
    ------
    InputError
        If one does not start, for want of a login, say.
    """
    if config.trackers:
        wandb = {"id": run, "name": config.output.name, "dir": str(config.output), "resume": "allow"}
        parameters = {key: str(value) for key, value in flat(config.model_dump(mode="json")).items()}
        try:
            accelerator.init_trackers(PROJECT, parameters, {"wandb": wandb} if "wandb" in config.trackers else {})
        except Exception as error:  # whatever it is that trackers raise
            accelerator.trackers.clear()  # what did not start cannot be ended
            names = " and ".join(config.trackers)
            raise InputError(f"{names}: the tracker did not start: {' '.join(str(error).split())}") from error


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Join the keys of nested mappings by dots."""
    joined: dict[str, Any] = {}
    for key, value in values.items():
        joined |= flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return joined


def keep_lines(path: Path, number: int) -> None:
    """Cut from a log what was written after the state that the run goes on from."""
    lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
    with atomic_path(path) as temporary:
        temporary.write_bytes(b"".join(lines[:number]))


def read_log(path: Path) -> list[dict[str, Any]]:
    """Read the lines of a log, all but one that was cut short by a crash.

    Raises
    ------
    InputError
        If there is no log.
    """
    if not path.is_file():
        raise InputError(f"{path}: there is no such log; give the output folder of `recon train`")
    lines = []
    for line in path.read_bytes().splitlines():
        try:
            lines.append(json.loads(line))
        except ValueError:
            continue
    return lines


def write_line(accelerator: Accelerator, path: Path, values: Mapping[str, Any]) -> None:
    """Append a line to the log, and tell the trackers; to be called by the main process."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(values) + "\n")
    numbers = {key: value for key, value in flat(values).items() if isinstance(value, int | float)}
    accelerator.log(numbers, step=values["steps"])


def score_table(scores: Mapping[str, Any]) -> str:
    """Write scores for the console: the means in one line, those of each contrast and acceleration below."""
    groups: dict[str, Any] = scores["groups"]
    lines = [f"    {name}, {_volumes(group['volumes'])}: {_words(group)}" for name, group in groups.items()]
    return "\n".join([_words(scores), *lines])


def speed_words(speed: Mapping[str, float]) -> str:
    """Write for the console what a meter read."""
    memory = f", {speed['gpu_gb']:.1f} GB" if "gpu_gb" in speed else ""
    return f"{speed['slices_per_second']:.2f} slices/s, waiting for data {speed['data_wait']:.0%}{memory}"


def _volumes(number: int) -> str:
    return "1 volume" if number == 1 else f"{number} volumes"


def _words(scores: Mapping[str, Any]) -> str:
    return ", ".join(f"{heading} {scores[name]:.4f}" for name, heading in HEADINGS.items() if name in scores)


@dataclass
class Meter:
    """How fast a process trains, and how much of the time it waits for data."""

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
        """Count the time in the block as waiting; it is inside of `working`."""
        start = time.perf_counter()
        yield
        self.waited += time.perf_counter() - start

    def read(self, processes: int) -> dict[str, float]:
        """Give slices per second of all processes, share of the time waited, GPU memory in GB; begin anew."""
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
