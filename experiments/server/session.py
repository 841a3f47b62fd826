"""Serve one client of `recon serve`, from its first message to its last."""

from __future__ import annotations

import socket
import threading
import time
import traceback
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace

from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.data.formats.ismrmrd.lines import Key
from recon.data.masks.sampling import Sampling
from recon.data.stream.images import image_message
from recon.data.stream.messages import Close, ConfigName, ConfigText, HeaderText, Message, Readout, Text
from recon.data.stream.reader import MessageReader, StreamLimits
from recon.data.stream.scan import StreamedScan
from recon.experiments.engine.method_warnings import RangeWarnings
from recon.experiments.engine.run import SliceResult
from recon.experiments.openrecon.console import read_console
from recon.experiments.server.outbox import Outbox, hang_up
from recon.experiments.server.resources import MemoryBudget, MethodCache
from recon.preprocessing.steps import Steps

DEFAULT_CONFIGS = {"", "default"}
"""Names of configurations that leave the choice of the method to the server."""


@dataclass(frozen=True)
class SessionLimits:
    """Limits for one client.

    Attributes
    ----------
    idle
        Largest number of seconds from one message to the end of the next.
    image
        Largest number of bytes of the k-space of one image.
    working
        Largest number of bytes that the reconstruction of one image may take.
    outbox
        Largest number of bytes of images that wait to be read by the client.
    stream
        Limits for messages.
    """

    idle: float = 60.0
    image: int = 1 << 30
    working: int = 4 << 30
    outbox: int = 256 << 20
    stream: StreamLimits = field(default_factory=StreamLimits)


class Session:
    """Receives a scan from a client, and sends back its images.

    Parameters
    ----------
    peer
        Connection to the client.
    methods
        Methods that the client can choose.
    steps
        Preprocessing of every slice.
    turn
        Lock that lets one client reconstruct at a time.
    budget
        Memory that all clients share.
    limits
        Limits for this client.
    """

    def __init__(
        self,
        peer: socket.socket,
        methods: MethodCache,
        steps: Steps,
        turn: threading.Lock,
        budget: MemoryBudget,
        limits: SessionLimits,
    ) -> None:
        self._peer = peer
        self._methods = methods
        self._steps = steps
        self._turn = turn
        self._budget = budget
        self._limits = limits
        self._deadline = 0.0
        self._scan: StreamedScan | None = None
        self._runner = methods.default
        self._sampling: Sampling | None = None
        self._warnings = RangeWarnings()
        self.images = 0

    def run(self) -> str:
        """Serve the client, and return a sentence that says how the session ended."""
        with closing(self._peer), closing(self._peer.dup()) as sender:
            sender.settimeout(self._limits.idle)  # a time-out of its own: that of reading shrinks with every piece
            outbox = Outbox(sender, self._limits.outbox)
            try:
                sentence = self._receive_scan(outbox)
                outbox.put(Close())
            except InputError as error:
                sentence = _send_error(outbox, str(error))
            except OSError as error:
                sentence = f"the client has left: {error}"
            except Exception:  # noqa: BLE001 - no client's data may stop the server
                traceback.print_exc()
                sentence = _send_error(outbox, "the reconstruction failed; the server's log says why")
            finally:
                self._budget.release(self)
                outbox.close(self._limits.idle)
            hang_up(self._peer)
        return sentence

    def _receive_scan(self, outbox: Outbox) -> str:
        """Handle messages until the client ends the stream."""
        reader = MessageReader(self._receive_bytes, self._limits.stream)
        try:
            for message in self._messages(reader):
                self._handle(message, outbox)
        except TimeoutError as error:
            raise InputError(f"no whole message came within {self._limits.idle:g} s") from error
        if self._scan is None:
            raise InputError("the stream was closed before its header")
        self._reconstruct(self._scan, self._scan.close(), outbox)
        if self._scan.late:
            outbox.put(Text(f"{self._scan.late} lines came after their image was complete and were left out"))
        return f"{self.images} images by {self._runner.name}"

    def _handle(self, message: Message, outbox: Outbox) -> None:
        """Handle one message; images and waveforms are ignored."""
        match message, self._scan:
            case ConfigName(name), _:
                self._choose(name)
            case ConfigText(text) | Text(text), _:
                self._configure(text, outbox)
            case HeaderText(xml), None:
                self._scan = StreamedScan(xml, "the stream", self._limits.image)
            case HeaderText(), _:
                raise InputError("the stream holds a second header")
            case Readout(), None:
                raise InputError("the stream holds a readout before its header")
            case Readout() as readout, StreamedScan() as scan:
                complete = scan.add(readout)
                self._budget.hold(self, scan.held)
                self._reconstruct(scan, complete, outbox)

    def _messages(self, reader: MessageReader) -> Iterator[Message]:
        while True:
            self._deadline = time.monotonic() + self._limits.idle
            message = reader.next()
            if message is None:
                raise InputError("the stream ended without being closed")
            if isinstance(message, Close):
                return
            yield message

    def _receive_bytes(self, size: int) -> bytes:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._peer.settimeout(left)
        return self._peer.recv(size)

    def _choose(self, name: str) -> None:
        if name.strip().lower() not in DEFAULT_CONFIGS:
            self._runner = self._methods.get(name.strip())

    def _configure(self, text: str, outbox: Outbox) -> None:
        """Apply what was chosen at the scanner's console; other texts are ignored."""
        chosen = read_console(text, self._runner.name)
        if chosen is None:
            return
        self._runner = self._methods.get(chosen.method, chosen.settings)
        self._sampling = chosen.sampling
        outbox.put(Text(f"configured: {chosen}"))

    def _reconstruct(self, scan: StreamedScan, complete: Iterable[Key], outbox: Outbox) -> None:
        """Reconstruct slices whose samples are complete, and send each image at once.

        The memory that a slice takes is reserved before its k-space is assembled, while no other client reconstructs.
        """
        for key in complete:
            start = time.monotonic()
            with self._turn:
                self._reserve(scan, key)
                slice_ = scan.finish(key)
                measured = slice_.acquisition if self._sampling is None else self._sampling(slice_.acquisition)
                acquisition = self._steps(measured.to(self._runner.device))
                result = self._run(acquisition, outbox)
            self._budget.hold(self, scan.held)
            name = self._runner.name
            outbox.put(image_message(result.image, replace(slice_, acquisition=acquisition), self.images, name))
            self.images += 1
            seconds = time.monotonic() - start
            outbox.put(Text(f"{name}: slice {acquisition.slice} in {seconds:.2f} s, not for diagnostic use"))

    def _reserve(self, scan: StreamedScan, key: Key) -> None:
        size = scan.working_memory(key)
        if size > self._limits.working:
            raise InputError(
                f"the reconstruction of an image takes {size / 2**30:.3g} GiB, more than the limit for one client of "
                f"{self._limits.working / 2**30:.3g} GiB"
            )
        self._budget.hold(self, scan.held + size)

    def _run(self, acquisition: Acquisition, outbox: Outbox) -> SliceResult:
        """Reconstruct a slice, and warn the client if it lies outside the training range of the method."""
        runner = self._runner
        for warning in self._warnings.check(runner.name, runner.method, lambda: acquisition):
            outbox.put(Text(f"warning: {warning}"))
        (result,) = runner.slices([acquisition])
        return result


def _send_error(outbox: Outbox, problem: str) -> str:
    sentence = f"error: {problem}"
    with suppress(InputError, OSError):
        outbox.put(Text(sentence))
        outbox.put(Close())
    return sentence
