"""Run a server in a thread, and make the streams that clients send to it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from helpers.programs.streams import make_readout
from helpers.scans.objects import object_acquisition
from recon.coils import rss
from recon.contract import Reconstruction
from recon.data.stream.messages import (
    Close,
    ConfigName,
    HeaderText,
    Image,
    Message,
    Readout,
    Text,
    encode,
)
from recon.data.stream.reader import MessageReader
from recon.experiments.engine.run import Runner
from recon.experiments.server.answer import ServerOptions
from recon.experiments.server.serve import Server, ServerLimits, listen
from recon.fourier import ifft
from recon.preprocessing.steps import NO_STEPS, Steps
from recon.registry import create

READOUT, PHASE, COILS = 32, 24, 3
LAST_IN_SLICE, LAST_IN_MEASUREMENT = 1 << 7, 1 << 24


@contextmanager
def serving(
    method: Reconstruction | None = None,
    options: ServerOptions | None = None,
    steps: Steps = NO_STEPS,
    **limits: Any,
) -> Iterator[Server]:
    """Run a server on a free port of the loopback interface."""
    server = Server(
        listen("127.0.0.1", 0),
        Runner("zero-filled", method or create("zero-filled")),
        ServerLimits(**limits),
        steps,
        options=options or ServerOptions(),
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join()


def connect(server: Server) -> socket.socket:
    """Open a connection that times out before a test hangs."""
    return socket.create_connection(server.address, timeout=20)


def converse(server: Server, messages: Sequence[Message | bytes]) -> list[Message]:
    """Send messages, or raw bytes, and return all messages that come back."""
    with connect(server) as peer:
        for message in messages:
            peer.sendall(message if isinstance(message, bytes) else encode(message))
        return list(MessageReader(peer.recv))


def images(messages: Sequence[Message]) -> list[Image]:
    """Return the images among messages."""
    return [message for message in messages if isinstance(message, Image)]


def texts(messages: Sequence[Message]) -> str:
    """Return all texts among messages."""
    return " | ".join(message.text for message in messages if isinstance(message, Text))


def expected_image(slice_: int) -> np.ndarray[Any, Any]:
    """Return the image of a slice."""
    return rss(ifft(torch.from_numpy(kspace(slice_)))).numpy()


def header(slices: int = 1, averages: int = 1, matrix: tuple[int, int] = (READOUT, PHASE)) -> HeaderText:
    """Return the header of a scan with pixels of 2 mm by 3 mm."""
    x, y = matrix
    sizes = f"<matrixSize><x>{x}</x><y>{y}</y><z>1</z></matrixSize>"
    fov = f"<fieldOfView_mm><x>{2 * x}</x><y>{3 * y}</y><z>4</z></fieldOfView_mm>"
    limits = "".join(
        f"<{name}><minimum>0</minimum><maximum>{maximum}</maximum><center>{center}</center></{name}>"
        for name, maximum, center in [
            ("kspace_encoding_step_1", y - 1, y // 2),
            ("average", averages - 1, 0),
            ("slice", slices - 1, 0),
        ]
    )
    return HeaderText(
        '<ismrmrdHeader xmlns="http://www.ismrm.org/ISMRMRD"><experimentalConditions>'
        "<H1resonanceFrequency_Hz>63500000</H1resonanceFrequency_Hz></experimentalConditions><encoding>"
        f"<encodedSpace>{sizes}{fov}</encodedSpace><reconSpace>{sizes}{fov}</reconSpace>"
        f"<encodingLimits>{limits}</encodingLimits><trajectory>cartesian</trajectory></encoding></ismrmrdHeader>"
    )


def kspace(slice_: int = 0) -> np.ndarray[Any, Any]:
    """Return the k-space of a slice; each slice is brighter than the one before."""
    return object_acquisition(COILS, READOUT, PHASE).kspace.numpy() * (1 + slice_)


def lines(slice_: int = 0, **fields: Any) -> list[Readout]:
    """Return the readouts of a slice of a sagittal stack with 5 mm from slice to slice."""
    place = {
        "position": (5.0 * slice_, 7.0, -3.0),
        "read_dir": (0, 0, -1),
        "phase_dir": (0, 1, 0),
        "slice_dir": (1, 0, 0),
    }
    whole = kspace(slice_)
    return [
        make_readout(
            whole[..., step],
            **{"kspace_encode_step_1": step, "slice": slice_, **place, **fields}
            | ({"flags": LAST_IN_SLICE} if step == PHASE - 1 and "flags" not in fields else {}),
        )
        for step in range(PHASE)
    ]


def scan(slices: int = 2, config: str = "") -> list[Message]:
    """Return all messages of a scan."""
    readouts = [line for slice_ in range(slices) for line in lines(slice_)]
    return [ConfigName(config), header(slices), *readouts, Close()]
