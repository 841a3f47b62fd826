"""Makes readouts, and receives a scan from bytes as the server does."""

from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recon.data.formats.ismrmrd.readout_type import COUNTERS, HEAD
from recon.data.stream.messages import Close, HeaderText, Readout
from recon.data.stream.reader import MessageReader, StreamLimits
from recon.data.stream.scan import Finished, StreamedScan

LARGEST = 1 << 20
"""Largest number of bytes of the k-space of one image."""


def receive(content: bytes, **limits: int) -> list[Finished]:
    """Return the images of a stream; `limits` are arguments of `StreamLimits`."""
    scan, images = None, []
    for message in MessageReader(BytesIO(content).read, StreamLimits(**limits)):
        match message:
            case HeaderText(text):
                scan = StreamedScan(text, "the stream", LARGEST)
            case Readout() if scan is not None:
                images += map(scan.finish, scan.add(message))
            case Close() if scan is not None:
                images += map(scan.finish, scan.close())
    return images


def make_readout(samples: NDArray[np.complex64], **fields: Any) -> Readout:
    """Make a readout from complex64 `(channels, samples)` and values of header fields, among them counters."""
    channels, count = samples.shape
    head = np.zeros((), HEAD)
    plain = {"version": 1, "active_channels": channels, "available_channels": channels, "number_of_samples": count}
    for name, value in (plain | {"center_sample": count // 2} | fields).items():
        if name in (COUNTERS.names or ()):
            head["idx"][name] = value
        else:
            head[name] = value
    return Readout(head[()], np.ascontiguousarray(samples, "<c8"), np.zeros((count, 0), "<f4"))
