"""Send messages to a peer that may read slowly, or only after the session has ended."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from queue import SimpleQueue

from recon.data.errors import InputError
from recon.data.stream.messages import Message, encode

FAREWELL = 2.0
"""Seconds to wait for the peer to read the last messages before the connection is closed."""


class Outbox:
    """Sends messages in order from a thread of its own, so that the reconstruction does not wait for the peer.

    Parameters
    ----------
    peer
        Connection to the peer; its time-out holds for each message.
    limit
        Largest number of bytes that may wait to be sent.
    """

    def __init__(self, peer: socket.socket, limit: int) -> None:
        self._peer = peer
        self._limit = limit
        self._waiting = 0
        self._lock = threading.Condition()
        self._queue: SimpleQueue[bytes | None] = SimpleQueue()
        self._gone = False
        self._thread = threading.Thread(target=self._send, daemon=True)
        self._thread.start()

    def put(self, message: Message, patience: float = 0.0) -> None:
        """Queue a message.

        Parameters
        ----------
        message
            The message.
        patience
            Seconds to wait until fewer bytes than the limit are waiting.

        Raises
        ------
        InputError
            If more bytes than the limit are waiting.
        ConnectionError
            If the peer has left.
        """
        content = encode(message)
        if self._gone:
            raise ConnectionResetError("the peer has left")
        with self._lock:
            has_room = self._lock.wait_for(lambda: self._waiting + len(content) <= self._limit, patience)
            self._waiting += len(content)
        if not has_room:
            raise InputError(f"more than {self._limit} bytes of images wait to be read")
        self._queue.put(content)

    def close(self, seconds: float) -> None:
        """Send the remaining messages, for at most so many seconds."""
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
                self._lock.notify_all()


def hang_up(peer: socket.socket, seconds: float = FAREWELL) -> None:
    """Read on until the peer closes: closing a socket that has unread input discards what was sent.

    Parameters
    ----------
    peer
        Connection to the peer.
    seconds
        Largest number of seconds in all; a peer that is silent is not waited for as long.
    """
    with suppress(OSError):
        peer.shutdown(socket.SHUT_WR)
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            peer.settimeout(min(left, FAREWELL))
            if not peer.recv(1 << 16):
                return
