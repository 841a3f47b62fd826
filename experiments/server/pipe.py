"""`recon stream`: reconstruct a stream from standard input to standard output, in a session like the server's."""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

from recon.data.errors import InputError
from recon.data.formats.mrd2.reader import buffered
from recon.data.stream.messages import Close, HeaderText, Message, Text, encode
from recon.data.stream.mrd2 import FIRST_BYTE, Mrd2Sink, mrd2_messages
from recon.data.stream.reader import MessageReader, StreamLimits
from recon.experiments.console import errors
from recon.experiments.engine.run import Runner
from recon.experiments.server.answer import DEFAULTS, ServerOptions, Service, check_image_type
from recon.experiments.server.configuration import Configurations
from recon.experiments.server.resources import MemoryBudget, MethodCache
from recon.experiments.server.session import Session, SessionLimits
from recon.preprocessing.steps import NO_STEPS, Steps

PATIENCE = 86400.0
"""Seconds that a pipe may be silent: whoever made it decides when it ends."""

LARGEST_IMAGE = 1 << 30
"""Largest number of bytes of an image that comes back."""


@contextmanager
def standard_streams() -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """Yield standard input and output for bytes; what anything else prints meanwhile goes to standard error.

    Raises
    ------
    InputError
        If standard input is a terminal, or standard output is one.
    """
    if sys.stdin.isatty() or sys.stdout.isatty():
        raise InputError(
            "recon stream reads and writes bytes; redirect its input and output: recon stream < in > out"
        )
    sys.stdout.flush()
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as sink:
        before = os.dup(sys.stdout.fileno())
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        try:
            yield sys.stdin.buffer, sink
        finally:
            sys.stdout.flush()
            os.dup2(before, sys.stdout.fileno())
            os.close(before)


def pipe(
    source: BinaryIO,
    sink: BinaryIO,
    default: Runner,
    memory: int = 8 << 30,
    steps: Steps = NO_STEPS,
    options: ServerOptions = DEFAULTS,
    on_text: Callable[[str], None] = lambda text: errors.print(text, markup=False, highlight=False, soft_wrap=True),
) -> int:
    """Reconstruct a stream, and return the number of images.

    The stream is of ISMRMRD or MRD 2, and what is written is of the same. The header goes to the sink first, then
    each image as soon as it is there, then the message that closes a stream; that one is missing if there was a
    problem.

    Parameters
    ----------
    source, sink
        Stream to read, and where to write.
    default
        The method, unless the stream's configuration names another one.
    memory
        Largest number of bytes of raw data in memory.
    steps
        Preprocessing of every slice.
    options
        What is written, and for which configurations.
    on_text
        Function to call with every text about the reconstruction.

    Raises
    ------
    InputError
        If the stream is damaged, or cannot be reconstructed.
    OSError
        If the sink cannot be written.
    """
    check_image_type(default, options.image_type)
    default.method.prepare()
    inner, outer = socket.socketpair()
    limits = SessionLimits(idle=PATIENCE)
    budget = MemoryBudget(memory)
    configurations = Configurations(MethodCache(default, options.given), options.fallback)
    service = Service(steps, threading.Lock(), budget, limits.working, options)
    session = Session(inner, configurations, service, limits)
    with outer:
        messages, write = _opened(source, sink)
        feeder = _Feeder(messages, write, outer)
        threading.Thread(target=session.run, daemon=True).start()
        feeder.start()
        images, problem = 0, "the reconstruction ended before the stream did"
        for message in MessageReader(outer.recv, StreamLimits(message=LARGEST_IMAGE)):
            match message:
                case Text(text) if text.startswith("error: "):
                    raise InputError(feeder.problem or text.removeprefix("error: "))
                case Text(text):
                    on_text(text)
                case Close():
                    problem = feeder.problem
                    break
                case _:
                    write(message)
                    images += 1
        if problem:
            raise InputError(problem)
        write(Close())
        sink.flush()
    return images


class _Feeder(threading.Thread):
    """Hands messages to a session while its images are read; only the header goes to the sink as well."""

    def __init__(self, messages: Iterable[Message], write: Callable[[Message], None], peer: socket.socket) -> None:
        super().__init__(daemon=True)
        self.problem = ""
        self._messages = messages
        self._write = write
        self._peer = peer

    def run(self) -> None:
        """Read until the stream is closed or ends."""
        try:
            for message in self._messages:
                if isinstance(message, HeaderText):
                    self._write(message)
                if not self._send(message):
                    return
        except (InputError, OSError) as error:
            self.problem = str(error)
        with suppress(OSError):
            self._peer.shutdown(socket.SHUT_WR)

    def _send(self, message: Message) -> bool:
        """Return False if the session has ended; it says why."""
        try:
            self._peer.sendall(encode(message))
        except OSError:
            return False
        return True


def _opened(source: BinaryIO, sink: BinaryIO) -> tuple[Iterable[Message], Callable[[Message], None]]:
    """Return the messages of a stream, and the function that writes images in the same format, ISMRMRD or MRD 2."""
    reader = buffered(source)
    if reader.peek(1)[:1] == FIRST_BYTE:
        return mrd2_messages(reader), Mrd2Sink(sink).write

    def write(message: Message) -> None:
        sink.write(encode(message))
        sink.flush()

    return MessageReader(reader.read), write
