"""Serve one client of `recon serve`, from its first message to its last."""

from __future__ import annotations

import socket
import time
import traceback
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field

from recon.data.errors import InputError
from recon.data.stream.messages import (
    Close,
    ConfigName,
    ConfigText,
    HeaderText,
    Image,
    Message,
    Readout,
    Text,
    Waveform,
    with_attributes,
)
from recon.data.stream.meta import with_attribute
from recon.data.stream.reader import MessageReader, StreamLimits
from recon.data.stream.scan import StreamedScan
from recon.experiments.server.answer import Answer, Service
from recon.experiments.server.configuration import Choice, Configurations, name_in, parameters_of
from recon.experiments.server.outbox import FAREWELL, Outbox, hang_up


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
    configurations
        Configurations that the client can choose.
    service
        What all clients share.
    limits
        Limits for this client.
    """

    def __init__(
        self, peer: socket.socket, configurations: Configurations, service: Service, limits: SessionLimits
    ) -> None:
        self._peer = peer
        self._configurations = configurations
        self._service = service
        self._limits = limits
        self._deadline = 0.0
        self._scan: StreamedScan | None = None
        self._choice: Choice = configurations.default
        self._answer: Answer | None = None
        self._unread_header = ""
        self._returned = 0

    def run(self) -> str:
        """Serve the client, and return a sentence that says how the session ended."""
        with closing(self._peer), closing(self._peer.dup()) as sender:
            sender.settimeout(self._limits.idle)  # a time-out of its own: that of reading shrinks with every piece
            outbox = Outbox(sender, self._limits.outbox)
            reader = MessageReader(self._receive_bytes, self._limits.stream)
            try:
                sentence = self._serve(reader, outbox)
                outbox.put(Close())
            except InputError as error:
                sentence = _send_error(outbox, str(error))
                with suppress(InputError, OSError):
                    outbox.put(Close())
            except OSError as error:
                sentence = f"the client has left: {error}"
            finally:
                self._service.budget.release(self)
                outbox.close(self._limits.idle)
            hang_up(self._peer, self._limits.idle)
        return sentence

    def _serve(self, reader: MessageReader, outbox: Outbox) -> str:
        """Handle messages until the client ends the stream; after an error, read on without handling them.

        Scanners and clients go on sending, and must not find the connection broken.
        """
        for message in self._messages(reader):
            problem = self._attempt(message, outbox)
            if problem:
                self._scan = self._answer = None
                self._service.budget.release(self)
                self._skip(reader)
                return problem
        return self._attempt(Close(), outbox) or self._summary()

    def _attempt(self, message: Message, outbox: Outbox) -> str:
        """Handle a message; return the text that was sent to the client if that fails."""
        try:
            self._handle(message, outbox)
        except InputError as error:
            return _send_error(outbox, str(error))
        except OSError:
            raise
        except Exception:  # noqa: BLE001 - no client's data may stop the server
            traceback.print_exc()
            return _send_error(outbox, "the reconstruction failed; the server's log says why")
        return ""

    def _summary(self) -> str:
        if self._choice.task != "reconstruct":
            return f"{self._returned} messages sent back"
        images = 0 if self._answer is None else self._answer.images
        return f"{images} images by {self._choice.runner.name}"

    def _handle(self, message: Message, outbox: Outbox) -> None:
        """Handle one message."""
        match message:
            case ConfigName(name):
                self._choose(name, outbox)
            case ConfigText(text):
                if not self._configure(text, outbox):
                    outbox.put(Text("the text of the configuration is not used; its name chooses the method"))
            case Text(text):
                self._configure(text, outbox)
            case HeaderText(xml):
                self._read_header(xml)
            case Readout() | Image() | Waveform():
                self._take(message, outbox)
            case Close():
                self._finish()

    def _take(self, message: Readout | Image | Waveform, outbox: Outbox) -> None:
        """Handle data: readouts make images; images and waveforms go back, as everything does if that is the task."""
        if self._choice.task == "discard":
            return
        if self._choice.task == "reconstruct" and isinstance(message, Readout):
            self._add(message, outbox)
            return
        if self._choice.task == "reconstruct" and isinstance(message, Image):
            message = with_attributes(message, with_attribute(message.attributes, "Keep_image_geometry", "1"))
        outbox.put(message, self._limits.idle)  # a client that reads slowly is waited for
        self._returned += 1

    def _read_header(self, xml: str) -> None:
        if self._scan is not None:
            raise InputError("the stream holds a second header")
        if self._choice.task != "reconstruct":
            return
        if xml.lstrip().startswith("<") or not xml.strip():
            self._scan = StreamedScan(xml, "the stream", self._limits.image)
        else:  # clients that send images alone write any text in its place
            self._unread_header = xml

    def _add(self, readout: Readout, outbox: Outbox) -> None:
        if self._scan is None and self._unread_header:
            self._scan = StreamedScan(self._unread_header, "the stream", self._limits.image)
        if self._scan is None:
            raise InputError("the stream holds a readout before its header")
        if self._answer is None:
            self._answer = Answer(self._choice.runner, self._service, outbox, self, self._choice.sampling)
        complete = self._scan.add(readout)
        self._service.budget.hold(self, self._scan.held + self._scan.kept)
        self._answer.send(self._scan, complete)
        if not complete:
            self._answer.look_ahead(self._scan, readout)

    def _finish(self) -> None:
        if self._scan is not None and self._answer is not None:
            self._answer.finish(self._scan)
        elif self._scan is None and not self._returned and self._choice.task == "reconstruct":
            raise InputError("the stream was closed before its header")

    def _choose(self, name: str, outbox: Outbox) -> None:
        self._choice = self._configurations.choose(name)
        if self._choice.note:
            outbox.put(Text(self._choice.note))

    def _configure(self, text: str, outbox: Outbox) -> bool:
        """Choose by the parameters of a text; return whether it held any."""
        parameters = parameters_of(text)
        if parameters is None:
            return False
        if self._answer is None:
            name = name_in(parameters)
            if name is not None:
                self._choose(name, outbox)
            self._choice = self._configurations.refine(self._choice, parameters)
            if self._choice.note:
                outbox.put(Text(self._choice.note))
        return True

    def _messages(self, reader: MessageReader) -> Iterator[Message]:
        """Yield messages until the client ends the stream."""
        while True:
            self._deadline = time.monotonic() + self._limits.idle
            try:
                message = reader.next()
            except TimeoutError as error:
                raise InputError(f"no whole message came within {self._limits.idle:g} s") from error
            if message is None:
                raise InputError("the stream ended without being closed")
            if isinstance(message, Close):
                return
            yield message

    def _skip(self, reader: MessageReader) -> None:
        """Read messages until the client ends the stream, or is silent."""
        with suppress(InputError, OSError):
            while True:
                self._deadline = time.monotonic() + min(FAREWELL, self._limits.idle)
                message = reader.next()
                if message is None or isinstance(message, Close):
                    return

    def _receive_bytes(self, size: int) -> bytes:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._peer.settimeout(left)
        return self._peer.recv(size)


def _send_error(outbox: Outbox, problem: str) -> str:
    sentence = f"error: {problem}"
    with suppress(InputError, OSError):
        outbox.put(Text(sentence))
    return sentence
