"""Measures how long after the last line of a slice its image comes back."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from recon.data.errors import InputError
from recon.data.formats.fastmri.layout import write_volume
from recon.data.masks.kind import MaskKind
from recon.data.masks.sampling import Sampling
from recon.data.stream.messages import Close, Image, Message, Readout, Text, encode
from recon.data.stream.reader import MessageReader
from recon.data.stream.replay import replay
from recon.simulation.raw_files import simulate_volume

Shape = tuple[int, int, int]
"""Coils, readout and phase."""

ACCELERATION, CENTER_FRACTION = 4, 0.08

DIFFERENT = 4
"""Number of different slices that are sent again and again."""


@dataclass(frozen=True)
class Latency:
    """Times per slice, of slices that are sent one by one.

    Attributes
    ----------
    seconds
        From the last line to the image, of each slice.
    server
        What the server says that it took to assemble, prepare and reconstruct each slice.
    cpu
        CPU seconds of the whole process per slice, receiving and simulated client included.
    """

    seconds: list[float]
    server: list[float]
    cpu: float

    @property
    def sentence(self) -> str:
        """The times in words."""
        middle, high = np.percentile(self.seconds, (50, 95))
        inside = float(np.median(self.server))
        return (
            f"image after the last line of {len(self.seconds)} slices: median {middle:.3f} s, 95th percentile "
            f"{high:.3f} s; of the median {inside:.3f} s in the reconstruction; {self.cpu:.3f} CPU s per slice"
        )


def make_messages(shape: Shape, slices: int) -> Iterator[Message]:
    """Yield the MRD stream of a simulated head, which is fully sampled."""
    coils, *matrix = shape
    simulated = simulate_volume((matrix[0], matrix[1]), slices, coils, 40.0, np.random.default_rng(0))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "head.h5"
        write_volume(path, simulated.kspace, simulated.header)
        yield from replay(path)


def make_stream(shape: Shape, slices: int) -> bytes:
    """Return the bytes that a client sends for a simulated head."""
    return b"".join(map(encode, make_messages(shape, slices)))


def measure_latency(address: tuple[str, int], shape: Shape, slices: int, timeout: float) -> Latency:
    """Send undersampled slices one by one, each after the image of the one before.

    Raises
    ------
    InputError
        If an image does not come back.
    """
    header, *messages = make_messages(shape, DIFFERENT)
    readouts = [message for message in messages if isinstance(message, Readout)]
    mask = Sampling(MaskKind.EQUISPACED, ACCELERATION, CENTER_FRACTION).mask((shape[1], shape[2]), 0)
    by_slice = [[one for one in readouts if one.head["idx"]["slice"] == number] for number in range(DIFFERENT)]
    chosen = [[line for line, kept in zip(whole, mask.tolist(), strict=True) if kept] for whole in by_slice]
    seconds, server = [], []
    with socket.create_connection(address, timeout=timeout) as peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer.sendall(encode(header))
        reader = MessageReader(peer.recv)
        start = 0.0
        for number in range(slices + 1):  # the first one warms up
            if number == 1:
                start = time.process_time()
            sent = [_numbered(line, number) for line in chosen[number % DIFFERENT]]
            sent[-1].head["flags"] = 1 << 7
            for line in sent[:-1]:
                peer.sendall(encode(line))
            last = time.perf_counter()  # before the last line leaves: the server may answer before `sendall` returns
            peer.sendall(encode(sent[-1]))
            _wait_for_image(reader)
            seconds.append(time.perf_counter() - last)
            server.append(_seconds_in(reader))
        cpu = (time.process_time() - start) / slices
        peer.sendall(encode(Close()))
        list(reader)
    return Latency(seconds[1:], server[1:], cpu)


def _numbered(line: Readout, number: int) -> Readout:
    head = np.zeros((), line.head.dtype)
    head[()] = line.head
    head["idx"]["slice"], head["flags"] = number, 0
    return Readout(head, line.samples, line.trajectory)


def _wait_for_image(reader: MessageReader) -> None:
    while (message := reader.next()) is not None:
        if isinstance(message, Image):
            return
        if isinstance(message, Text) and message.text.startswith("error: "):
            raise InputError(f"the server says: {message.text.removeprefix('error: ')}")
    raise InputError("the server closed the connection before its image came")


def _seconds_in(reader: MessageReader) -> float:
    """Read the server's sentence about the image that came, and return the seconds in it."""
    message = reader.next()
    found = re.search(r"in ([0-9.]+) s", message.text) if isinstance(message, Text) else None
    return float(found[1]) if found else float("nan")
