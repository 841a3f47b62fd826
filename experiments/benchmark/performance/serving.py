"""Run `recon benchmark serve`: measure slices per second through the server with clients on this machine."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.table import Table

from recon.contract import Reconstruction
from recon.data.errors import InputError
from recon.data.stream.messages import Image, Text
from recon.data.stream.reader import MessageReader
from recon.experiments.benchmark.json_report import Report, check_report, write_json
from recon.experiments.benchmark.machine import machine
from recon.experiments.benchmark.performance.latency import Latency, Shape, Times, make_stream, measure_latency
from recon.experiments.benchmark.tables import empty_table
from recon.experiments.console import console
from recon.experiments.engine.run import Runner
from recon.experiments.server.answer import ServerOptions
from recon.experiments.server.serve import Server, ServerLimits, listen

CLIENT_TIMEOUT = 600.0
"""Seconds after which a client gives up."""


@dataclass(frozen=True)
class ServingBenchmark:
    """Settings of the serving benchmark.

    Attributes
    ----------
    clients
        Numbers of simultaneous clients to measure.
    shape
        Shape `(coils, readout, phase)` of a slice.
    slices
        Number of slices that each client sends.
    repeats
        Number of repeats of each measurement.
    latency
        Number of undersampled slices whose latency is measured; 0 to leave that out.
    interval
        Seconds from one line of these slices to the next, as a scanner's repetition time.
    """

    clients: tuple[int, ...] = (1, 8)
    shape: tuple[int, int, int] = (8, 256, 256)
    slices: int = 4
    repeats: int = 3
    latency: int = 0
    interval: float = 0.005


@dataclass(frozen=True)
class ServingResult:
    """Throughput of a number of simultaneous clients.

    Attributes
    ----------
    clients
        Number of clients.
    slices
        Number of images that all clients together received.
    seconds
        Seconds from the first byte to the last image, of each repeat.
    mebibytes
        Mebibytes of raw data that all clients together sent in one repeat.
    """

    clients: int
    slices: int
    seconds: list[float]
    mebibytes: float

    @property
    def rate(self) -> float:
        """Slices per second at the median time of the repeats."""
        return self.slices / float(np.median(self.seconds))


@dataclass(frozen=True)
class ServingReport(Report):
    """All measurements, with what is needed to repeat them; without latency, that is None."""

    rows: list[ServingResult]
    mixed: list[ServingResult]
    latency: Latency | None


def serving(
    name: str, method: Reconstruction, device: torch.device, benchmark: ServingBenchmark, output: Path
) -> list[ServingResult]:
    """Measure throughput and latency, and write `serving.json`; server and clients are threads of one process.

    Where several clients are measured, they are measured again with another matrix each, beside one client that sends
    the same scans one after the other.

    Parameters
    ----------
    name, method
        Method that the server reconstructs with.
    device
        Device to compute on.
    benchmark
        Settings of the benchmark.
    output
        Folder for `serving.json`.

    Raises
    ------
    InputError
        If a client did not receive all its images, or `serving.json` is the file of another program.
    """
    check_report(output / "serving.json")
    output.mkdir(parents=True, exist_ok=True)
    stream = make_stream(benchmark.shape, benchmark.slices)
    most = max(benchmark.clients)
    mixed: list[ServingResult] = []
    latency, times = None, Times()
    with _running(name, method, device, most, times) as address:
        _run_client(address, stream, benchmark.slices)  # warm up
        rows = [_measure(address, [stream] * clients, benchmark, together=True) for clients in benchmark.clients]
        if most > 1:
            streams = [make_stream(shape, benchmark.slices) for shape in _shapes(benchmark.shape, most)]
            mixed = [_measure(address, streams, benchmark, together) for together in (False, True)]
        if benchmark.latency:
            latency = measure_latency(
                address, benchmark.shape, benchmark.latency, times, benchmark.interval, CLIENT_TIMEOUT
            )
    protocol = {"method": name, **asdict(benchmark)}
    write_json(output / "serving.json", ServingReport(protocol, machine(), rows, mixed, latency))
    console.print(_table(name, benchmark, rows))
    if mixed:
        console.print(
            f"{most} clients of {most} matrices: {mixed[1].rate:.1f} slices/s at once, {mixed[0].rate:.1f} one after "
            "the other"
        )
    if latency is not None:
        console.print(latency.table)
        console.print(latency.sentence)
    console.print(f"results: {output / 'serving.json'}", markup=False, soft_wrap=True)
    return rows


def _measure(
    address: tuple[str, int], streams: Sequence[bytes], benchmark: ServingBenchmark, together: bool
) -> ServingResult:
    """Let a client send each stream, all at once or one after the other."""
    seconds = [_run_clients(address, streams, benchmark.slices, together) for _ in range(benchmark.repeats)]
    size = sum(map(len, streams)) / 2**20
    return ServingResult(len(streams) if together else 1, len(streams) * benchmark.slices, seconds, size)


def _shapes(shape: Shape, count: int) -> list[Shape]:
    """Return shapes that differ in their matrix, from the given one down to half of it."""
    coils, *matrix = shape
    factors = [1 - number / (2 * count) for number in range(count)]
    sizes = [tuple(2 * round(size * factor / 2) for size in matrix) for factor in factors]
    return [(coils, rows, lines) for rows, lines in sizes]


@contextmanager
def _running(
    name: str, method: Reconstruction, device: torch.device, clients: int, times: Times
) -> Iterator[tuple[str, int]]:
    """Run a server, which appends the times of every image to a list, and yield its address."""
    options = ServerOptions(record=lambda seconds, parts: times.append((seconds, dict(parts))))
    runner = Runner(name, method, device)
    server = Server(listen("127.0.0.1", 0), runner, ServerLimits(clients), log=_discard, options=options)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield server.address
    finally:
        server.stop()
        thread.join()


def _discard(_sentence: str) -> None:
    """Discard a message that the server would print."""


def _run_clients(address: tuple[str, int], streams: Sequence[bytes], slices: int, together: bool) -> float:
    """Let clients send, and return the seconds until all have their images."""
    with ThreadPoolExecutor(len(streams) if together else 1) as pool:
        start = time.perf_counter()
        for client in [pool.submit(_run_client, address, stream, slices) for stream in streams]:
            client.result()
        return time.perf_counter() - start


def _run_client(address: tuple[str, int], stream: bytes, slices: int) -> None:
    with socket.create_connection(address, timeout=CLIENT_TIMEOUT) as peer:
        sender = threading.Thread(target=peer.sendall, args=(stream,))
        sender.start()
        answer: list[Any] = list(MessageReader(peer.recv))
        sender.join()
    images = sum(isinstance(message, Image) for message in answer)
    if images != slices:
        texts = [message.text for message in answer if isinstance(message, Text)]
        raise InputError(f"only {images} of {slices} images came back; the server says: {'; '.join(texts)}")


def _table(name: str, benchmark: ServingBenchmark, rows: list[ServingResult]) -> Table:
    size = "x".join(map(str, benchmark.shape))
    title = f"{name}, {benchmark.slices} slices of {size} each"
    laid = empty_table(title, ("clients", "slices/s", "MiB/s"), left=())
    for row in rows:
        laid.add_row(str(row.clients), f"{row.rate:.1f}", f"{row.mebibytes / float(np.median(row.seconds)):.1f}")
    return laid
