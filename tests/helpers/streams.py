"""Receives a scan as the server does, from bytes."""

from io import BytesIO

from data.mrd_messages import Close, HeaderText, Readout
from data.mrd_scan import Finished, StreamedScan
from data.mrd_stream import MessageReader, StreamLimits

LARGEST = 1 << 20
"""Bytes of one image's k-space."""


def receive(content: bytes, **limits: int) -> list[Finished]:
    """Give the images of a stream; `limits` are those of `StreamLimits`."""
    scan, found = None, []
    for message in MessageReader(BytesIO(content).read, StreamLimits(**limits)):
        match message:
            case HeaderText(text):
                scan = StreamedScan(text, "the stream", LARGEST)
            case Readout() if scan is not None:
                found += list(scan.add(message))
            case Close() if scan is not None:
                found += list(scan.close())
    return found
