"""`recon send`: stream a raw-data file to an MRD server, and write the images that come back."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from recon.data.errors import InputError
from recon.data.formats.ismrmrd.distinct_images import COUNTERS
from recon.data.stream.images import stack_images
from recon.data.stream.messages import Close, ConfigName, HeaderText, Image, Text, encode
from recon.data.stream.reader import MessageReader, StreamLimits
from recon.data.stream.replay import replay
from recon.experiments.console import console
from recon.experiments.engine.results.image_files import ImageFiles


def send(
    path: Path,
    host: str,
    port: int,
    config: str,
    files: ImageFiles,
    idle: float = 300.0,
    console_choice: Mapping[str, str] | None = None,
) -> None:
    """Send a file to a server, and write the images that come back.

    Parameters
    ----------
    path
        Raw-data file of any known format.
    host, port
        Address of the server.
    config
        Name of a configuration, for `recon serve` the name of the method; empty to leave the choice to the server.
    files
        Files to write.
    idle
        Largest number of seconds to wait for the server.
    console_choice
        Parameters to send as a scanner's console does, by their identifiers in the OpenRecon label.

    Raises
    ------
    InputError
        If the file cannot be read, or the server cannot be reached or reports a problem.
    """
    files.check([path])
    images = exchange(path, host, port, config, idle, lambda text: console.print(text, markup=False), console_choice)
    files.write_stack(path, stack_images(in_order(images), config or "reconstruction"))
    console.print(f"{path.name}: {len(images)} images: {files}", markup=False)


def in_order(images: Sequence[Image]) -> list[Image]:
    """Return the last version of every image, in the order in which files hold images: slices vary fastest."""

    def place(image: Image) -> tuple[int, ...]:
        counters = (int(image.head[name]) for name in ("average", *COUNTERS))
        return int(image.head["image_series_index"]), *counters, int(image.head["image_index"])

    last = {(int(image.head["image_series_index"]), int(image.head["image_index"])): image for image in images}
    kept = list(last.values()) if all(index for _, index in last) else images
    return sorted(kept, key=place)


def exchange(
    path: Path,
    host: str,
    port: int,
    config: str,
    idle: float,
    on_text: Callable[[str], None],
    console_choice: Mapping[str, str] | None = None,
) -> list[Image]:
    """Send a file to a server, and return the images in the order in which they arrive.

    Parameters
    ----------
    path, host, port, config, idle
        As in `send`.
    on_text
        Function to call with every text of the server.
    console_choice
        As in `send`.

    Raises
    ------
    InputError
        For the reasons of `send`.
    """
    where = f"{host}:{port}"
    try:
        peer = socket.create_connection((host, port), timeout=idle)
    except (OSError, OverflowError) as error:
        raise InputError(f"{where}: cannot be reached ({error})") from error
    with peer:
        answer = _Answer(peer, on_text)
        lost = None
        try:
            peer.sendall(encode(ConfigName(config)))
            for message in replay(path):
                peer.sendall(encode(message))
                if isinstance(message, HeaderText) and console_choice:
                    peer.sendall(encode(Text(json.dumps({"parameters": dict(console_choice)}))))
        except OSError as error:  # the last text of the server explains more
            lost = error
        answer.join()
    problem = answer.problem or (None if lost is None else f"the connection was lost ({lost})")
    if problem:
        raise InputError(f"{where}: {problem}")
    return answer.images


class _Answer(threading.Thread):
    """Reads the answer of the server while the file is still being sent."""

    def __init__(self, peer: socket.socket, on_text: Callable[[str], None]) -> None:
        super().__init__(daemon=True)
        self.images: list[Image] = []
        self.problem = ""
        self._reader = MessageReader(peer.recv, StreamLimits(message=1 << 30))
        self._on_text = on_text
        self.start()

    def run(self) -> None:
        """Read until the server ends the stream."""
        try:
            for message in self._reader:
                match message:
                    case Image():
                        self.images.append(message)
                    case Text(text) if text.startswith("error: "):
                        self.problem = text.removeprefix("error: ")
                    case Text(text):
                        self._on_text(text)
                    case Close():
                        return
            self.problem = self.problem or "the server closed the connection before the end of the stream"
        except (InputError, OSError) as error:
            self.problem = self.problem or str(error)
