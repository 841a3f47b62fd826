"""Sending to a peer that may be slow to read, or has not read yet when the talk is over."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from queue import SimpleQueue

from recon.data.errors import InputError
from recon.data.stream.messages import Message, encode

FAREWELL = 2.0
"""Seconds for what is still on its way when we hang up."""


class Outbox:
    """Sends messages in order, in a thread of its own, so that nobody waits for the other.

    Parameters
    ----------
    peer
        Where to; its time-out is that of each message.
    limit
        Bytes that may wait.
    """

    def __init__(self, peer: socket.socket, limit: int) -> None:
        self._peer = peer
        self._limit = limit
        self._waiting = 0
        self._lock = threading.Lock()
        self._queue: SimpleQueue[bytes | None] = SimpleQueue()
        self._gone = False
        self._thread = threading.Thread(target=self._send, daemon=True)
        self._thread.start()

    def put(self, message: Message) -> None:
        """Send a message soon.

        Raises
        ------
        InputError
            If too much is waiting already.
        ConnectionError
            If the peer is gone.
        """
        content = encode(message)
        if self._gone:
            raise ConnectionResetError("the peer is gone")
        with self._lock:
            self._waiting += len(content)
        if self._waiting > self._limit:
            raise InputError(f"more than {self._limit} bytes of images wait to be read")
        self._queue.put(content)

    def close(self, seconds: float) -> None:
        """Send what is left, as far as that takes no longer than some seconds."""
        self._queue.put(None)
        self._thread.join(seconds)

    def _send(self) -> None:
        while (content := self._queue.get()) is not None:
            if not self._gone:
                try:
                    self._peer.sendall(content)
                except OSError:
                    self._gone = True
            with self._lock:
                self._waiting -= len(content)


def hang_up(peer: socket.socket) -> None:
    """Let the peer read what was sent: a socket that is closed with unread input takes it back."""
    with suppress(OSError):
        peer.shutdown(socket.SHUT_WR)
        until = time.monotonic() + FAREWELL
        while (left := until - time.monotonic()) > 0:
            peer.settimeout(left)
            if not peer.recv(1 << 16):
                return
