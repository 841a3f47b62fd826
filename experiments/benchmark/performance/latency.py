"""Measures how long after the last line of a slice its image comes back, and where the time goes."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from rich.table import Table

from recon.data.errors import InputError
from recon.data.formats.fastmri.layout import write_volume
from recon.data.masks.kind import MaskKind
from recon.data.masks.sampling import Sampling
from recon.data.stream.messages import Close, Image, Message, Readout, Text, encode
from recon.data.stream.reader import MessageReader
from recon.data.stream.replay import replay
from recon.experiments.benchmark.tables import empty_table
from recon.experiments.server.answer import EARLY
from recon.simulation.raw_files import simulate_volume

Shape = tuple[int, int, int]
"""Coils, readout and phase."""

Times = list[tuple[float, dict[str, float]]]
"""Seconds of each image in the server, and of each part of the work."""

ACCELERATION, CENTER_FRACTION = 4, 0.08

DIFFERENT = 4
"""Number of different slices that are sent again and again."""

REST = "rest"
"""Name of the work in the server that belongs to no part."""


@dataclass(frozen=True)
class Latency:
    """Times per slice, of slices that are sent one by one.

    Attributes
    ----------
    seconds
        From the last line to the image, of each slice.
    server
        How long the server took to assemble, prepare and reconstruct each slice.
    parts
        Seconds of each part of that work, the median over the slices, and of what was done before the last line.
    cpu
        CPU seconds of the whole process per slice, receiving and simulated client included.
    """

    seconds: list[float]
    server: list[float]
    parts: dict[str, float]
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

    @property
    def table(self) -> Table:
        """The parts of the work."""
        laid = empty_table("where the time of an image goes, medians", ("part", "ms"), {"part"})
        for part, seconds in self.parts.items():
            if part != EARLY:
                laid.add_row(part, f"{1000 * seconds:.1f}")
        laid.add_section()
        laid.add_row(EARLY, f"{1000 * self.parts.get(EARLY, 0.0):.1f}")
        return laid


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


def measure_latency(
    address: tuple[str, int], shape: Shape, slices: int, times: Times, interval: float, timeout: float
) -> Latency:
    """Send undersampled slices one by one, each after the image of the one before.

    Parameters
    ----------
    address
        Address of a server in this process.
    shape
        Shape `(coils, readout, phase)` of a slice.
    slices
        Number of slices that count; one more is sent first, to warm up.
    times
        List to which the server appends the times of each image.
    interval
        Seconds from the start of one line to that of the next, as a scanner's repetition time.
    timeout
        Seconds to wait for an image.

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
    seconds = []
    times.clear()
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
            last = _send(peer, sent, interval)
            _wait_for_image(reader)
            seconds.append(time.perf_counter() - last)
        cpu = (time.process_time() - start) / slices
        peer.sendall(encode(Close()))
        list(reader)
    counted = times[1:]
    return Latency(seconds[1:], [whole for whole, _ in counted], _parts(counted), cpu)


def _send(peer: socket.socket, lines: Sequence[Readout], interval: float) -> float:
    """Send the lines of a slice at their times, and return when the last one was about to leave."""
    due = last = time.perf_counter()
    for line in lines:
        time.sleep(max(0.0, due - time.perf_counter()))
        due += interval
        last = time.perf_counter()  # before the line leaves: the server may answer before `sendall` returns
        peer.sendall(encode(line))
    return last


def _parts(times: Sequence[tuple[float, Mapping[str, float]]]) -> dict[str, float]:
    """Return the median seconds of each part, and of the rest of the server's work."""
    names = dict.fromkeys(name for _, parts in times for name in parts)
    rest = [whole - sum(value for name, value in parts.items() if name != EARLY) for whole, parts in times]
    return {name: float(np.median([parts.get(name, 0.0) for _, parts in times])) for name in names} | {
        REST: float(np.median(rest))
    }


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
