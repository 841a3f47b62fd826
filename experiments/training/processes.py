"""Several processes that train one network: started alike, told alike what went wrong."""

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
from recon.experiments.training.record.log import check_trackers

Result = TypeVar("Result")


def start(config: TrainConfig) -> Accelerator:
    """Join the processes that `torchrun` or `accelerate launch` started, or be the only one; only the first speaks.

    Raises
    ------
    InputError
        If the device or a tracker is missing.
    """
    check_trackers(config.trackers)
    if config.device == "cuda" and not torch.cuda.is_available():
        raise InputError("there is no CUDA device on this machine; use device=cpu")
    if config.deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when the first matrix is multiplied
    torch.use_deterministic_algorithms(config.deterministic)
    accelerator = Accelerator(
        cpu=config.device == "cpu" or not torch.cuda.is_available(),
        mixed_precision=config.mixed_precision,
        log_with=list(config.trackers) or None,
        project_dir=config.output,
    )
    if torch.distributed.is_initialized():
        _HELD.append(torch.distributed.group.WORLD)
    console.quiet = errors.quiet = not accelerator.is_main_process
    # Told of kernels of 1x1, whose layout is any.
    warnings.filterwarnings("ignore", "Grad strides do not match bucket view strides")
    return accelerator


_HELD: list[object] = []
"""Process groups, until the program ends.

Were the gradient reducer the last to hold a group, it would destroy it under the interpreter's lock, for which the
group's own threads may be waiting: a deadlock.
"""


def exists_for_all(path: Path) -> bool:
    """Tell whether a file exists; to be called by all.

    Raises
    ------
    InputError
        If some processes see it and others do not.
    """
    seen = set(gather_object([path.exists()]))
    if len(seen) > 1:
        raise InputError(f"{path}: only some processes see it; choose an output on a file system that all share")
    return seen.pop()


def on_main(accelerator: Accelerator, action: Callable[[], None]) -> None:
    """Let the main process do something; to be called by all.

    Raises
    ------
    InputError
        In all processes, if the action raised it, or the file system did not do what it was asked.
    """
    failure: InputError | None = None
    if accelerator.is_main_process:
        try:
            action()
        except InputError as error:
            failure = error
        except OSError as error:
            failure = InputError(f"{error.filename or 'the file system'}: {error.strerror or error}")
    told = broadcast_object_list([None if failure is None else str(failure)])
    if told[0] is not None:
        raise InputError(told[0]) from failure


def main_first(accelerator: Accelerator, work: Callable[[], Result]) -> Result:
    """Let the main process work and then, if that went well, the others, who find what it left; to be called by all.

    Raises
    ------
    InputError
        As `on_main`.
    """
    done: list[Result] = []
    on_main(accelerator, lambda: done.append(work()))
    return done[0] if done else work()
