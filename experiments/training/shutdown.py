"""Stops a long run cleanly before its end: when its time is up, or on Ctrl-C or SIGTERM."""

from __future__ import annotations

import math
import os
import signal
import threading
import time
from types import FrameType, TracebackType
from typing import Any, Self

from accelerate import Accelerator
from accelerate.utils import gather_object

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Shutdown:
    """Agrees between all processes when to stop: when the time is up, or when one of them receives a signal.

    Inside the `with` block the first Ctrl-C requests a shutdown and the second has its usual effect. SIGTERM never
    has its usual effect: launchers and Slurm repeat it, and then kill processes that do not end.

    Parameters
    ----------
    accelerator
        Accelerator that the processes share.
    max_minutes
        Time limit in minutes from now; None for no limit.

    Attributes
    ----------
    requested
        Whether to stop, as all processes agreed in the last call of `poll`.
    interrupted
        Whether a signal is the reason.
    """

    def __init__(self, accelerator: Accelerator, max_minutes: float | None) -> None:
        self.requested = self.interrupted = False
        self._accelerator = accelerator
        self._deadline = math.inf if max_minutes is None else time.monotonic() + 60 * max_minutes
        self._handlers: dict[int, Any] = {}

    def poll(self) -> bool:
        """Return whether to stop; all processes must call this at the same point."""
        requested = self.interrupted or time.monotonic() > self._deadline
        if self._accelerator.num_processes == 1:
            self.requested = requested  # no need to wait for the device, as the trigger does
            return requested
        if requested:
            self._accelerator.set_trigger()
        self.requested = self._accelerator.check_trigger()
        if self.requested:
            self.interrupted = any(gather_object([self.interrupted]))
        return self.requested

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._handlers = {number: signal.signal(number, self._interrupt) for number in SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def _interrupt(self, number: int, _frame: FrameType | None) -> None:
        self.interrupted = True
        if number == signal.SIGINT:
            signal.signal(number, self._handlers[number])


def obey_parent_only(_worker: int) -> None:
    """Make a reading process ignore Ctrl-C, and SIGTERM unless its parent sends it.

    A terminal and Slurm send these signals to all processes, but the training process decides when to stop.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    threading.Thread(target=_exit_with_parent, daemon=True).start()


def _exit_with_parent() -> None:
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != os.getppid():
        pass
    os._exit(0)
