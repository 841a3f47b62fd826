"""Run `recon benchmark serve`: measure slices per second through the server with clients on this machine."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from rich.table import Table

from recon.contract import Reconstruction
from recon.data.errors import InputError
from recon.data.formats.fastmri import write_volume
from recon.data.storage.atomic import atomic_path
from recon.data.stream.messages import Image, Text, encode
from recon.data.stream.reader import MessageReader
from recon.data.stream.replay import replay
from recon.experiments.benchmark.json_report import check_report
from recon.experiments.benchmark.machine import machine
from recon.experiments.benchmark.tables import empty_table
from recon.experiments.console import console
from recon.experiments.engine.run import Runner
from recon.experiments.server.serve import Server, ServerLimits, listen
from recon.simulation.raw_files import simulate_volume

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
    """

    clients: tuple[int, ...] = (1, 8)
    shape: tuple[int, int, int] = (8, 256, 256)
    slices: int = 4
    repeats: int = 3


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


def serving(
    name: str, method: Reconstruction, device: torch.device, benchmark: ServingBenchmark, output: Path
) -> list[ServingResult]:
    """Measure the throughput, and write `serving.json`; server and clients are threads of one process.

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
    stream = _stream(benchmark)
    rows = []
    with _running(name, method, device, max(benchmark.clients)) as address:
        _run_client(address, stream, benchmark.slices)  # warm up
        for clients in benchmark.clients:
            seconds = [_run_clients(address, stream, clients, benchmark.slices) for _ in range(benchmark.repeats)]
            rows.append(ServingResult(clients, clients * benchmark.slices, seconds, clients * len(stream) / 2**20))
    report = {
        "protocol": {"method": name, **asdict(benchmark)},
        "machine": machine(),
        "rows": list(map(asdict, rows)),
    }
    with atomic_path(output / "serving.json") as temporary:
        temporary.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    console.print(_table(name, benchmark, rows))
    console.print(f"results: {output / 'serving.json'}", markup=False, soft_wrap=True)
    return rows


def _stream(benchmark: ServingBenchmark) -> bytes:
    """Return the MRD stream of a simulated head, which every client sends."""
    coils, *matrix = benchmark.shape
    simulated = simulate_volume((matrix[0], matrix[1]), benchmark.slices, coils, 40.0, np.random.default_rng(0))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "head.h5"
        write_volume(path, simulated.kspace, simulated.header)
        return b"".join(map(encode, replay(path)))


@contextmanager
def _running(name: str, method: Reconstruction, device: torch.device, clients: int) -> Iterator[tuple[str, int]]:
    server = Server(listen("127.0.0.1", 0), Runner(name, method, device), ServerLimits(clients), log=_discard)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield server.address
    finally:
        server.stop()
        thread.join()


def _discard(_sentence: str) -> None:
    """Discard a message that the server would print."""


def _run_clients(address: tuple[str, int], stream: bytes, clients: int, slices: int) -> float:
    """Let clients send at the same time, and return the seconds until all have their images."""
    with ThreadPoolExecutor(clients) as pool:
        start = time.perf_counter()
        for client in [pool.submit(_run_client, address, stream, slices) for _ in range(clients)]:
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
