"""Opens a suspect file in a child process first, so that a crash, a hang or a lack of memory cannot reach ours."""

from __future__ import annotations

import faulthandler
import os
import resource
import warnings
from collections.abc import Callable
from pathlib import Path

from recon.data.errors import InputError

SECONDS = 3
"""Processor time that a trial may take, and two seconds more for each GiB of the file."""

MEMORY = 2**30
"""Bytes that a trial may allocate beyond what this process has allocated, and twice the file's bytes more."""

LONGEST = 4096
"""Largest number of bytes of the message that comes back."""


def try_in_child(path: Path, action: Callable[[], object]) -> None:
    """Run an action in a forked child before it is run here.

    Parameters
    ----------
    path
        Path of the file, for the message.
    action
        Function to run. Its result is lost, and so is any error other than `InputError`.

    Raises
    ------
    InputError
        If the action raised it, crashed, ran for too long or took too much memory.
    """
    size = path.stat().st_size if path.is_file() else 0
    most, seconds = MEMORY + 2 * size, SECONDS + 2 * size // 2**30
    memory = _own_memory() + most
    reading, writing = os.pipe()
    with warnings.catch_warnings():  # newer Pythons warn about forks in a process with threads; the child uses none
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            _limit(memory, seconds)
            os.write(writing, _message(path, action, most)[:LONGEST])
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        message = pipe.read().decode(errors="replace")
    if os.WIFSIGNALED(os.waitpid(child, 0)[1]):
        message = f"{path}: the file is so badly damaged that opening it crashes or hangs"
    if message:
        raise InputError(message)


def _own_memory() -> int:
    """Return the bytes of address space of this process."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[0]
    return int(pages) * resource.getpagesize()


def _limit(memory: int, seconds: int) -> None:
    """Limit the resources of this process, and keep a crash from writing to the terminal or to a core file."""
    for kind, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_AS, memory),
    ):
        _, allowed = resource.getrlimit(kind)
        limit = most if allowed == resource.RLIM_INFINITY else min(most, allowed)
        resource.setrlimit(kind, (limit, limit))
    faulthandler.disable()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def _message(path: Path, action: Callable[[], object], most: int) -> bytes:
    try:
        action()
    except InputError as error:
        return str(error).encode(errors="replace")
    except MemoryError:
        return f"{path}: opening the file takes more than {most / 2**30:.3g} GiB".encode(errors="replace")
    return b""
