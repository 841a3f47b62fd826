"""`recon serve`: reconstruction for scanners and other clients that speak the MRD stream."""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field

import torch

from recon.contract import Reconstruction
from recon.data.errors import InputError, printable
from recon.data.stream.messages import Close, Text, encode
from recon.experiments.console import console
from recon.experiments.server.outbox import FAREWELL, hang_up
from recon.experiments.server.resources import Budget, MethodShelf
from recon.experiments.server.session import Limits, Session
from recon.preprocessing.steps import NO_STEPS, Steps

REFUSED = 8
"""How many clients are told at once that the server is busy."""


ATTENTION = 0.5
"""Seconds of waiting for a client after which signals are looked for: another thread may have received them."""

PATIENCE = 0.1
"""Seconds until a client is asked for again when none can be had."""


@dataclass(frozen=True)
class ServerLimits:
    """What the server gives.

    Attributes
    ----------
    clients
        How many are served at once.
    queue
        How many more may wait.
    held
        Bytes of raw data in memory, of all clients together.
    session
        What one client may take.
    """

    clients: int = 8
    queue: int = 8
    held: int = 8 << 30
    session: Limits = field(default_factory=Limits)


class Server:
    """Listens, and serves each client in a thread of its own; one at a time computes.

    Parameters
    ----------
    listener
        A socket that listens.
    name, method
        What is used if a client does not choose.
    device
        Where to compute.
    limits
        What the server gives.
    steps
        What is done to every slice first.
    tell
        Called with a sentence about each client that has left.
    """

    def __init__(
        self,
        listener: socket.socket,
        name: str,
        method: Reconstruction,
        device: torch.device,
        limits: ServerLimits,
        steps: Steps = NO_STEPS,
        tell: Callable[[str], None] = lambda sentence: console.print(sentence, markup=False),
    ) -> None:
        self._steps = steps
        self._tell = tell
        listener.settimeout(ATTENTION)
        self._listener = listener
        self._methods = MethodShelf(name, method)
        self._device = device
        self._limits = limits
        self._turn = threading.Lock()
        self._places = threading.BoundedSemaphore(limits.clients + limits.queue)
        self._stopped = threading.Event()
        self._peers: set[socket.socket] = set()
        self._refusals = threading.BoundedSemaphore(REFUSED)
        self.budget = Budget(limits.held)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        host, port = self._listener.getsockname()[:2]
        return host, port

    def run(self) -> None:
        """Serve until `stop` is called or the program is interrupted; clients that are still there are sent away."""
        with ThreadPoolExecutor(self._limits.clients) as pool, ThreadPoolExecutor(REFUSED) as door:
            try:
                while not self._stopped.is_set():
                    self._admit(pool, door)
            finally:
                for peer in self._peers.copy():
                    with suppress(OSError):
                        peer.shutdown(socket.SHUT_RDWR)

    def stop(self) -> None:
        """Take no more clients."""
        self._stopped.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _admit(self, pool: ThreadPoolExecutor, door: ThreadPoolExecutor) -> None:
        """Wait for a client, and serve it or turn it away."""
        try:
            peer, address = self._listener.accept()
        except TimeoutError:
            return
        except OSError:  # the server was stopped, or has no files left until a client leaves
            self._stopped.wait(PATIENCE)
            return
        with suppress(OSError):
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # an image is not to wait for the next one
        if self._places.acquire(blocking=False):
            self._peers.add(peer)
            pool.submit(self._serve, peer, f"{address[0]}:{address[1]}")
        elif self._refusals.acquire(blocking=False):
            door.submit(self._turn_away, peer)
        else:  # too many are being told already
            peer.close()

    def _turn_away(self, peer: socket.socket) -> None:
        try:
            with peer, suppress(OSError):
                peer.settimeout(FAREWELL)
                peer.sendall(encode(Text("error: the server is busy; try again later")) + encode(Close()))
                hang_up(peer)
        finally:
            self._refusals.release()

    def _serve(self, peer: socket.socket, client: str) -> None:
        try:
            session = Session(
                peer, self._methods, self._steps, self._turn, self.budget, self._device, self._limits.session
            )
            self._tell(f"{client}: {printable(session.run())}")
        finally:
            self._peers.discard(peer)
            self._places.release()


def serve(
    host: str,
    port: int,
    exposed: bool,
    name: str,
    method: Reconstruction,
    device: torch.device,
    limits: ServerLimits,
    steps: Steps = NO_STEPS,
) -> None:
    """Listen and serve until interrupted.

    Parameters
    ----------
    host, port
        Where to listen; port 0 is any free one.
    exposed
        Whether other machines may reach the server.
    name, method
        What is used if a client does not choose.
    device
        Where to compute.
    limits
        What the server gives.
    steps
        What is done to every slice first.

    Raises
    ------
    InputError
        If the address is not this machine's own and that was not asked for, or cannot be listened on; or if the
        method has no weights.
    """
    method.prepare()  # now, and not with the first client
    with listen(host, port, exposed) as listener:
        server = Server(listener, name, method, device, limits, steps)
        console.print(f"{name}: listening on {server.address[0]}:{server.address[1]}", markup=False)
        try:
            server.run()
        finally:
            server.stop()


def listen(host: str, port: int, exposed: bool = False) -> socket.socket:
    """Open a socket that listens.

    Raises
    ------
    InputError
        If other machines could reach the address and that was not asked for, or it cannot be listened on.
    """
    if not exposed and not _is_loopback(host):
        raise InputError(
            f"{host}: other machines could reach this address, and the protocol has no authentication; tunnel to "
            "127.0.0.1 by SSH or VPN, or say --expose"
        )
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        raise InputError(f"{host}:{port}: cannot be listened on ({error})") from error


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
