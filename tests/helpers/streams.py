"""Receives a scan as the server does, from bytes."""

from io import BytesIO

from recon.data.stream.messages import Close, HeaderText, Readout
from recon.data.stream.reader import MessageReader, StreamLimits
from recon.data.stream.scan import Finished, StreamedScan

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
