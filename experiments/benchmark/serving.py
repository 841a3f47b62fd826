"""`recon benchmark serve`: slices per second through the server, with clients of this machine at once."""

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
from rich.box import SIMPLE_HEAD
from rich.table import Table

from recon.contract import Reconstruction
from recon.data.errors import InputError
from recon.data.formats.fastmri import write_volume
from recon.data.storage.atomic import atomic_path
from recon.data.stream.messages import Image, Text, encode
from recon.data.stream.reader import MessageReader
from recon.data.stream.replay import replay
from recon.experiments.benchmark.machine import machine
from recon.experiments.console import console
from recon.experiments.server.serve import Server, ServerLimits, listen
from recon.simulation.raw_files import simulate_volume

PATIENCE = 600.0
"""Seconds until a client gives up."""


@dataclass(frozen=True)
class ServingBenchmark:
    """What is measured.

    Attributes
    ----------
    clients
        How many send at once, one measurement each.
    shape
        `(coils, readout, phase)` of what each sends.
    slices
        That each client sends.
    repeats
        Of each measurement.
    """

    clients: tuple[int, ...] = (1, 8)
    shape: tuple[int, int, int] = (8, 256, 256)
    slices: int = 4
    repeats: int = 3


@dataclass(frozen=True)
class ServingRow:
    """What some clients at once saw.

    Attributes
    ----------
    clients
        How many.
    slices
        That came back, of all clients together.
    seconds
        From the first byte to the last image, of each repeat.
    mebibytes
        That were sent, in one repeat.
    """

    clients: int
    slices: int
    seconds: list[float]
    mebibytes: float

    @property
    def rate(self) -> float:
        """Slices per second, the median of the repeats."""
        return self.slices / float(np.median(self.seconds))


def serving(
    name: str, method: Reconstruction, device: torch.device, benchmark: ServingBenchmark, output: Path
) -> list[ServingRow]:
    """Measure, and write `serving.json`; server and clients are threads of one process.

    Parameters
    ----------
    name, method
        What the server reconstructs with.
    device
        Where.
    benchmark
        What is measured.
    output
        Folder for the result.

    Raises
    ------
    InputError
        If a client did not get all its images.
    """
    output.mkdir(parents=True, exist_ok=True)
    stream = _stream(benchmark)
    rows = []
    with _running(name, method, device, max(benchmark.clients)) as address:
        _client(address, stream, benchmark.slices)  # what is made once is made now
        for clients in benchmark.clients:
            seconds = [_together(address, stream, clients, benchmark.slices) for _ in range(benchmark.repeats)]
            rows.append(ServingRow(clients, clients * benchmark.slices, seconds, clients * len(stream) / 2**20))
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
    """Give what one client sends: a simulated head."""
    coils, *matrix = benchmark.shape
    simulated = simulate_volume((matrix[0], matrix[1]), benchmark.slices, coils, 40.0, np.random.default_rng(0))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "head.h5"
        write_volume(path, simulated.kspace, simulated.header)
        return b"".join(map(encode, replay(path)))


@contextmanager
def _running(name: str, method: Reconstruction, device: torch.device, clients: int) -> Iterator[tuple[str, int]]:
    server = Server(listen("127.0.0.1", 0), name, method, device, ServerLimits(clients), tell=_nobody)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield server.address
    finally:
        server.stop()
        thread.join()


def _nobody(_sentence: str) -> None:
    """Take what the server would print."""


def _together(address: tuple[str, int], stream: bytes, clients: int, slices: int) -> float:
    """Have clients send at once, and give the seconds until all have their images."""
    with ThreadPoolExecutor(clients) as pool:
        start = time.perf_counter()
        for done in [pool.submit(_client, address, stream, slices) for _ in range(clients)]:
            done.result()
        return time.perf_counter() - start


def _client(address: tuple[str, int], stream: bytes, slices: int) -> None:
    with socket.create_connection(address, timeout=PATIENCE) as peer:
        sender = threading.Thread(target=peer.sendall, args=(stream,))
        sender.start()
        answer: list[Any] = list(MessageReader(peer.recv))
        sender.join()
    images = sum(isinstance(message, Image) for message in answer)
    if images != slices:
        said = [message.text for message in answer if isinstance(message, Text)]
        raise InputError(f"{images} images came back of {slices}; the server says: {'; '.join(said)}")


def _table(name: str, benchmark: ServingBenchmark, rows: list[ServingRow]) -> Table:
    size = "x".join(map(str, benchmark.shape))
    laid = Table(box=SIMPLE_HEAD, title=f"{name}, {benchmark.slices} slices of {size} each", title_justify="left")
    for heading in ("clients", "slices/s", "MiB/s"):
        laid.add_column(heading, justify="right")
    for row in rows:
        laid.add_row(str(row.clients), f"{row.rate:.1f}", f"{row.mebibytes / float(np.median(row.seconds)):.1f}")
    return laid
