"""When a long run should stop before its end."""

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


class Stop:
    """Asks all processes to stop: when the time is up, or when one of them was interrupted.

    Inside its `with` block the first Ctrl-C only asks, the second has its usual effect. SIGTERM always asks:
    launchers and Slurm repeat it, and then kill those that do not end.

    Parameters
    ----------
    accelerator
        Knows the processes.
    max_minutes
        From now; None for no limit.

    Attributes
    ----------
    asked
        Whether to stop, as all processes heard it when they last called.
    interrupted
        Whether that is because of a signal.
    """

    def __init__(self, accelerator: Accelerator, max_minutes: float | None) -> None:
        self.asked = self.interrupted = False
        self._accelerator = accelerator
        self._deadline = math.inf if max_minutes is None else time.monotonic() + 60 * max_minutes
        self._handlers: dict[int, Any] = {}

    def __call__(self) -> bool:
        """Tell whether to stop; to be called by all processes at the same point."""
        if self.interrupted or time.monotonic() > self._deadline:
            self._accelerator.set_trigger()
        self.asked = self._accelerator.check_trigger()
        if self.asked:
            self.interrupted = any(gather_object([self.interrupted]))
        return self.asked

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._handlers = {number: signal.signal(number, self._interrupt) for number in SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()

    def _interrupt(self, number: int, _frame: FrameType | None) -> None:
        self.interrupted = True
        if number == signal.SIGINT:
            signal.signal(number, self._handlers[number])

    def _restore(self) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)


def obey_parent_alone(_worker: int) -> None:
    """Leave to the process that trains the signals that a terminal or Slurm sends to those that read for it as well.

    SIGTERM ends a reading process only if it comes from its parent.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    threading.Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != os.getppid():
        pass
    os._exit(0)
