"""Tries in a process of its own what may end it, never end, or eat the memory: opening damaged HDF5 files."""

from __future__ import annotations

import faulthandler
import os
import resource
import warnings
from collections.abc import Callable
from pathlib import Path

import psutil

from recon.data.errors import InputError

SECONDS = 30
"""Of a processor, that a trial may take."""

MEMORY = 4 * 2**30
"""Bytes that it may take beyond what this process has."""

LONGEST = 4096
"""Bytes of a sentence that comes back from it."""


def try_apart(path: Path, action: Callable[[], object]) -> None:
    """Do in a fork what is about to be done here, so that here it is known to end well.

    Parameters
    ----------
    path
        The file, for the message.
    action
        What it returns is lost, as is any error but one of the input.

    Raises
    ------
    InputError
        If the action did, or did not come to an end.
    """
    memory = psutil.Process().memory_info().vms + MEMORY
    reading, writing = os.pipe()
    with warnings.catch_warnings():  # newer Pythons warn of forks beside threads, of which this one uses none
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            _limit(memory)
            os.write(writing, _sentence(path, action)[:LONGEST])
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        sentence = pipe.read().decode(errors="replace")
    if os.WIFSIGNALED(os.waitpid(child, 0)[1]):
        sentence = f"{path}: the file is damaged so badly that reading it ends the process, or never ends"
    if sentence:
        raise InputError(sentence)


def _limit(memory: int) -> None:
    """Let the kernel end this process where it takes too much, and nobody hear of it."""
    for kind, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, SECONDS),
        (resource.RLIMIT_AS, memory),
    ):
        _, allowed = resource.getrlimit(kind)
        limit = most if allowed == resource.RLIM_INFINITY else min(most, allowed)
        resource.setrlimit(kind, (limit, limit))
    faulthandler.disable()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def _sentence(path: Path, action: Callable[[], object]) -> bytes:
    try:
        action()
    except InputError as error:
        return str(error).encode(errors="replace")
    except MemoryError:
        return f"{path}: opening the file takes more than {MEMORY / 2**30:g} GiB".encode(errors="replace")
    return b""
