"""Fuzzes what the server does with the bytes of a client: messages are parsed, readouts become images."""

import io

import atheris

with atheris.instrument_imports(include=["data"]):
    from data.errors import InputError
    from data.mrd_messages import Close, ConfigName, ConfigText, HeaderText, Readout, Text, encode
    from data.mrd_replay import replay
    from data.mrd_scan import StreamedScan
    from data.mrd_stream import MessageReader, StreamLimits

from helpers.fuzzing import fuzz, scratch
from helpers.raw_files import write_raw_file

LIMITS = StreamLimits(text=1 << 14, message=1 << 20, session=1 << 22)
LARGEST = 1 << 20


def seeds() -> list[bytes]:
    scan = replay(write_raw_file(scratch("mrd") / "whole.h5", 2, 1, (3, 2)))
    return [b"".join(map(encode, scan)), *map(encode, (ConfigName("sense"), ConfigText("{}"), Text("a"), Close()))]


def receive(content: bytes) -> None:
    scan = None
    for message in MessageReader(io.BytesIO(content).read, LIMITS):
        if isinstance(message, HeaderText):
            scan = StreamedScan(message.xml, "stream", LARGEST)
        elif isinstance(message, Readout) and scan is not None:
            list(scan.add(message))
    if scan is not None:
        list(scan.close())


if __name__ == "__main__":
    fuzz("mrd", receive, seeds(), InputError)
