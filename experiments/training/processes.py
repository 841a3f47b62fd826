"""Starts the processes that train one network together, and shares their results and errors."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list, gather_object

from recon.data.errors import InputError
from recon.experiments.console import console, errors
from recon.experiments.training.config.train_config import TrainConfig
from recon.experiments.training.record.trackers import check_trackers
from recon.models.precision import allow_tf32, half_precision

Result = TypeVar("Result")


def make_accelerator(config: TrainConfig) -> Accelerator:
    """Join the processes that `torchrun` or `accelerate launch` started, if any, and silence all but the first.

    Raises
    ------
    InputError
        If the device or the package of a tracker is missing.
    """
    check_trackers(config.trackers)
    if config.device == "cuda" and not torch.cuda.is_available():
        raise InputError("there is no CUDA device on this machine; use device=cpu")
    if config.deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when the first matrix is multiplied
    torch.use_deterministic_algorithms(config.deterministic)
    cpu = config.device == "cpu" or not torch.cuda.is_available()
    allow_tf32(config.mixed_precision == "tf32")
    half = half_precision(config.mixed_precision, "cpu" if cpu else "cuda")
    accelerator = Accelerator(
        cpu=cpu,
        mixed_precision="no" if half is None else "bf16",
        log_with=list(config.trackers) or None,
        project_dir=config.output,
    )
    if torch.distributed.is_initialized():
        _HELD.append(torch.distributed.group.WORLD)
    console.quiet = errors.quiet = not accelerator.is_main_process
    # torch warns about the weights of 1 x 1 convolutions, which fit any memory layout
    warnings.filterwarnings("ignore", "Grad strides do not match bucket view strides")
    return accelerator


_HELD: list[object] = []
"""Process groups, referenced until the program ends.

If the gradient reducer held the last reference to a group, it would destroy the group while holding the interpreter's
lock, for which the group's own threads may be waiting: a deadlock.
"""


def exists_for_all(path: Path) -> bool:
    """Return whether a file exists; all processes must call this.

    Raises
    ------
    InputError
        If only some processes see the file.
    """
    answers = set(gather_object([path.exists()]))
    if len(answers) > 1:
        raise InputError(f"{path}: only some processes see it; choose an output on a file system that all share")
    return answers.pop()


def on_main(accelerator: Accelerator, action: Callable[[], None]) -> None:
    """Run an action in the main process while the others wait; all processes must call this.

    Raises
    ------
    InputError
        In all processes, if the action raised it or an error of the file system.
    """
    failure: InputError | None = None
    if accelerator.is_main_process:
        try:
            action()
        except InputError as error:
            failure = error
        except OSError as error:
            failure = InputError(f"{error.filename or 'the file system'}: {error.strerror or error}")
    messages = broadcast_object_list([None if failure is None else str(failure)])
    if messages[0] is not None:
        raise InputError(messages[0]) from failure


def main_first(accelerator: Accelerator, work: Callable[[], Result]) -> Result:
    """Run `work` in the main process first, then in the others, which reuse its files; all processes must call this.

    Raises
    ------
    InputError
        In all processes, if the main process fails as in `on_main`; the others then do not start.
    """
    done: list[Result] = []
    on_main(accelerator, lambda: done.append(work()))
    return done[0] if done else work()
