"""Receives a scan from bytes, as the server does."""

from io import BytesIO

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
