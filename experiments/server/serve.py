"""`recon serve`: reconstruct for scanners and other clients that send MRD streams."""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field

from recon.data.errors import InputError, printable
from recon.data.stream.messages import Close, Text, encode
from recon.experiments.console import console
from recon.experiments.engine.run import Runner
from recon.experiments.server.answer import DEFAULTS, ServerOptions, Service, check_image_type
from recon.experiments.server.configuration import Configurations
from recon.experiments.server.outbox import FAREWELL, hang_up
from recon.experiments.server.resources import MemoryBudget, MethodCache
from recon.experiments.server.session import Session, SessionLimits
from recon.experiments.server.warm_up import warm_up
from recon.preprocessing.steps import NO_STEPS, Steps

REFUSED = 8
"""Largest number of clients that are turned away at the same time."""

ATTENTION = 0.5
"""Seconds between checks for signals while waiting for a client: another thread may have received them."""

PATIENCE = 0.1
"""Seconds to wait after a client could not be accepted."""


@dataclass(frozen=True)
class ServerLimits:
    """Limits for all clients together.

    Attributes
    ----------
    clients
        Number of clients that are served at the same time.
    queue
        Number of further clients that may wait.
    held
        Largest number of bytes of raw data in memory.
    session
        Limits for each client.
    """

    clients: int = 8
    queue: int = 8
    held: int = 8 << 30
    session: SessionLimits = field(default_factory=SessionLimits)


class Server:
    """Listens for clients and serves each in a thread of its own; one at a time reconstructs.

    Parameters
    ----------
    listener
        Listening socket.
    default
        The method of clients that do not choose one; its device serves for every method.
    limits
        Limits for all clients together.
    steps
        Preprocessing of every slice.
    log
        Function to call with a sentence about each client that has left.
    options
        What the server sends, and to whom.
    """

    def __init__(
        self,
        listener: socket.socket,
        default: Runner,
        limits: ServerLimits,
        steps: Steps = NO_STEPS,
        log: Callable[[str], None] = lambda sentence: console.print(sentence, markup=False),
        options: ServerOptions = DEFAULTS,
    ) -> None:
        self._log = log
        listener.settimeout(ATTENTION)
        self._listener = listener
        self._configurations = Configurations(MethodCache(default, options.given), options.fallback)
        self._limits = limits
        self._places = threading.BoundedSemaphore(limits.clients + limits.queue)
        self._stopped = threading.Event()
        self._peers: set[socket.socket] = set()
        self._refusals = threading.BoundedSemaphore(REFUSED)
        self.budget = MemoryBudget(limits.held)
        self._service = Service(steps, threading.Lock(), self.budget, limits.session.working, options)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port on which the server listens."""
        host, port = self._listener.getsockname()[:2]
        return host, port

    def run(self) -> None:
        """Serve until `stop` is called or the program is interrupted, then disconnect the remaining clients."""
        with ThreadPoolExecutor(self._limits.clients) as pool, ThreadPoolExecutor(REFUSED) as door:
            try:
                while not self._stopped.is_set():
                    self._admit(pool, door)
            finally:
                for peer in self._peers.copy():
                    with suppress(OSError):
                        peer.shutdown(socket.SHUT_RDWR)

    def stop(self) -> None:
        """Accept no more clients."""
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
        except OSError:  # the server was stopped, or has no file descriptors left until a client leaves
            self._stopped.wait(PATIENCE)
            return
        with suppress(OSError):
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # send each image at once
        if self._places.acquire(blocking=False):
            self._peers.add(peer)
            pool.submit(self._serve, peer, f"{address[0]}:{address[1]}")
        elif self._refusals.acquire(blocking=False):
            door.submit(self._turn_away, peer)
        else:  # too many are being turned away already
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
            session = Session(peer, self._configurations, self._service, self._limits.session)
            self._log(f"{client}: {printable(session.run())}")
        finally:
            self._peers.discard(peer)
            self._places.release()


def serve(
    host: str,
    port: int,
    exposed: bool,
    default: Runner,
    limits: ServerLimits,
    steps: Steps = NO_STEPS,
    options: ServerOptions = DEFAULTS,
) -> None:
    """Listen and serve until interrupted.

    Parameters
    ----------
    host, port
        Address on which to listen; port 0 stands for any free port.
    exposed
        Whether other machines may reach the server.
    default
        The method of clients that do not choose one.
    limits
        Limits for all clients together.
    steps
        Preprocessing of every slice.
    options
        What the server sends, and to whom.

    Raises
    ------
    InputError
        If other machines could reach the address and `exposed` is False, or the address cannot be listened on, or
        the weights of the method are missing, or it gives no image of the type.
    """
    check_image_type(default, options.image_type)
    default.method.prepare()  # so that the first client does not wait for it
    with listen(host, port, exposed) as listener:
        warm_up(default)
        server = Server(listener, default, limits, steps, options=options)
        console.print(f"{default.name}: listening on {server.address[0]}:{server.address[1]}", markup=False)
        try:
            server.run()
        finally:
            server.stop()


def listen(host: str, port: int, exposed: bool = False) -> socket.socket:
    """Open a listening socket.

    Raises
    ------
    InputError
        If other machines could reach the address and `exposed` is False, or the address cannot be listened on.
    """
    if not exposed and not _is_loopback(host):
        raise InputError(
            f"{host}: other machines could reach this address, and the protocol has no authentication; tunnel to "
            "127.0.0.1 by SSH or VPN, or give --expose"
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
