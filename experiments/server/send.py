"""`recon send`: a file to a server that speaks the MRD stream, and its images back."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from pathlib import Path

from recon.data.errors import InputError
from recon.data.stream.images import stack_images
from recon.data.stream.messages import Close, ConfigName, Image, Text, encode
from recon.data.stream.reader import MessageReader, StreamLimits
from recon.data.stream.replay import replay
from recon.experiments.console import console
from recon.experiments.engine.image_files import Destination


def send(path: Path, host: str, port: int, config: str, destination: Destination, idle: float = 300.0) -> None:
    """Send a file, and write the images that come back.

    Parameters
    ----------
    path
        Raw data of any known format.
    host, port
        Of the server.
    config
        Name of a configuration: the method, for `recon serve`; empty to leave the choice to the server.
    destination
        Where the images go, and in which formats.
    idle
        Seconds to wait for the server at most.

    Raises
    ------
    InputError
        If the file cannot be read, the server not be reached, or it reports a problem.
    """
    destination.check([path])
    images = exchange(path, host, port, config, idle, lambda text: console.print(text, markup=False))
    images.sort(key=lambda image: (int(image.head["image_series_index"]), int(image.head["image_index"])))
    destination.deliver(path, stack_images(images, config or "reconstruction"))
    console.print(f"{path.name}: {len(images)} images: {destination}", markup=False)


def exchange(path: Path, host: str, port: int, config: str, idle: float, tell: Callable[[str], None]) -> list[Image]:
    """Send a file, and give the images in the order in which they came.

    Parameters
    ----------
    path, host, port, config, idle
        As `send`.
    tell
        Called with every text of the server.

    Raises
    ------
    InputError
        As `send`.
    """
    where = f"{host}:{port}"
    try:
        peer = socket.create_connection((host, port), timeout=idle)
    except (OSError, OverflowError) as error:
        raise InputError(f"{where}: cannot be reached ({error})") from error
    with peer:
        answer = _Answer(peer, tell)
        lost = None
        try:
            peer.sendall(encode(ConfigName(config)))
            for message in replay(path):
                peer.sendall(encode(message))
        except OSError as error:  # what the server said before it hung up tells more
            lost = error
        answer.join()
    problem = answer.problem or (None if lost is None else f"the connection was lost ({lost})")
    if problem:
        raise InputError(f"{where}: {problem}")
    return answer.images


class _Answer(threading.Thread):
    """Reads what the server says while the file is still being sent."""

    def __init__(self, peer: socket.socket, tell: Callable[[str], None]) -> None:
        super().__init__(daemon=True)
        self.images: list[Image] = []
        self.problem = ""
        self._reader = MessageReader(peer.recv, StreamLimits(message=1 << 30))
        self._tell = tell
        self.start()

    def run(self) -> None:
        """Read until the server closes."""
        try:
            for message in self._reader:
                match message:
                    case Image():
                        self.images.append(message)
                    case Text(text) if text.startswith("error: "):
                        self.problem = text.removeprefix("error: ")
                    case Text(text):
                        self._tell(text)
                    case Close():
                        return
            self.problem = self.problem or "the server hung up before the end"
        except (InputError, OSError) as error:
            self.problem = self.problem or str(error)
