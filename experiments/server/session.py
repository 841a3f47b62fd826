"""One client of `recon serve`, from its first message to its last."""

from __future__ import annotations

import socket
import threading
import time
import traceback
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray

from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.data.stream.images import image_message
from recon.data.stream.messages import Close, ConfigName, ConfigText, HeaderText, Message, Readout, Text
from recon.data.stream.reader import MessageReader, StreamLimits
from recon.data.stream.scan import Finished, StreamedScan
from recon.experiments.engine.range_warnings import Doubts
from recon.experiments.server.outbox import Outbox, hang_up
from recon.experiments.server.resources import Budget, MethodShelf
from recon.preprocessing.steps import Steps

GREETINGS = {"", "default"}
"""Names of configurations that leave the choice to the server."""


@dataclass(frozen=True)
class Limits:
    """What one client may take.

    Attributes
    ----------
    idle
        Seconds from one message to the end of the next.
    image
        Bytes of the k-space of one image.
    outbox
        Bytes of images that wait for a client who does not read.
    stream
        Of messages.
    """

    idle: float = 60.0
    image: int = 1 << 30
    outbox: int = 256 << 20
    stream: StreamLimits = field(default_factory=StreamLimits)


class Session:
    """Takes a scan and gives its images.

    Parameters
    ----------
    peer
        The client.
    methods
        What can be asked for.
    steps
        What is done to every slice first.
    turn
        Lets one client compute at a time.
    budget
        Memory that all clients share.
    device
        Where to compute.
    limits
        Of this client.
    """

    def __init__(
        self,
        peer: socket.socket,
        methods: MethodShelf,
        steps: Steps,
        turn: threading.Lock,
        budget: Budget,
        device: torch.device,
        limits: Limits,
    ) -> None:
        self._peer = peer
        self._methods = methods
        self._steps = steps
        self._turn = turn
        self._budget = budget
        self._device = device
        self._limits = limits
        self._deadline = 0.0
        self._scan: StreamedScan | None = None
        self._name, self._method = methods.default
        self._doubts = Doubts()
        self.images = 0

    def run(self) -> str:
        """Serve the client, and say in a sentence how it went."""
        with closing(self._peer), closing(self._peer.dup()) as sender:
            sender.settimeout(self._limits.idle)  # apart from that of reading, which shrinks with every piece
            outbox = Outbox(sender, self._limits.outbox)
            try:
                sentence = self._converse(outbox)
                outbox.put(Close())
            except InputError as error:
                sentence = _tell(outbox, str(error))
            except OSError as error:
                sentence = f"the client is gone: {error}"
            except Exception:  # noqa: BLE001 - whatever a client's data does, it must not take the server with it
                traceback.print_exc()
                sentence = _tell(outbox, "the reconstruction failed; the server's log says why")
            finally:
                self._budget.give_back(self)
                outbox.close(self._limits.idle)
            hang_up(self._peer)
        return sentence

    def _converse(self, outbox: Outbox) -> str:
        """Take messages until the client closes."""
        reader = MessageReader(self._receive, self._limits.stream)
        try:
            for message in self._messages(reader):
                self._take(message, outbox)
        except TimeoutError as error:
            raise InputError(f"no whole message came within {self._limits.idle:g} s") from error
        if self._scan is None:
            raise InputError("the stream was closed before its header")
        self._reconstruct(self._scan.close(), outbox)
        if self._scan.late:
            outbox.put(Text(f"{self._scan.late} lines came after their image was complete and were left out"))
        return f"{self.images} images by {self._name}"

    def _take(self, message: Message, outbox: Outbox) -> None:
        """Do what a message asks for; images, waveforms and texts are nothing to reconstruct."""
        match message, self._scan:
            case ConfigName(name), _:
                self._choose(name)
            case ConfigText(), _:
                outbox.put(Text("the text of the configuration is not used; its name picks the method"))
            case HeaderText(xml), None:
                self._scan = StreamedScan(xml, "the stream", self._limits.image)
            case HeaderText(), _:
                raise InputError("the stream holds a second header")
            case Readout(), None:
                raise InputError("the stream holds a readout before its header")
            case Readout() as readout, StreamedScan() as scan:
                self._reconstruct(scan.add(readout), outbox)
                self._budget.hold(self, scan.held)

    def _messages(self, reader: MessageReader) -> Iterator[Message]:
        while True:
            self._deadline = time.monotonic() + self._limits.idle
            message = reader.next()
            if message is None:
                raise InputError("the stream ended without being closed")
            if isinstance(message, Close):
                return
            yield message

    def _receive(self, size: int) -> bytes:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._peer.settimeout(left)
        return self._peer.recv(size)

    def _choose(self, name: str) -> None:
        if name.strip().lower() not in GREETINGS:
            self._name, self._method = self._methods.get(name.strip())

    def _reconstruct(self, finished: Iterable[Finished], outbox: Outbox) -> None:
        """Reconstruct images that are complete, and send each at once."""
        for one in finished:
            start = time.monotonic()
            with self._turn:
                acquisition = self._steps(one.acquisition.to(self._device))
                image = self._image(acquisition, outbox)
            outbox.put(image_message(image, replace(one, acquisition=acquisition), self.images, self._name))
            self.images += 1
            seconds = time.monotonic() - start
            outbox.put(
                Text(f"{self._name}: slice {one.acquisition.slice} in {seconds:.2f} s, not for diagnostic use")
            )

    def _image(self, acquisition: Acquisition, outbox: Outbox) -> NDArray[np.float32]:
        """Reconstruct a slice, and tell the client too what the method was not trained on."""
        for doubt in self._doubts.consider(self._name, self._method, lambda: acquisition):
            outbox.put(Text(f"warning: {doubt}"))
        image: NDArray[np.float32] = self._method(acquisition).cpu().numpy()
        return image


def _tell(outbox: Outbox, problem: str) -> str:
    sentence = f"error: {problem}"
    with suppress(InputError, OSError):
        outbox.put(Text(sentence))
        outbox.put(Close())
    return sentence
