"""Reads the layout of Siemens raw data, from VB to XA: measurements of a text protocol and readouts with headers.

The layouts come from the optional package `twixtools`. Its own reader trusts the sizes in a file; here every size is
checked before it is used.
"""

from __future__ import annotations

import re
import struct
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recon.data.errors import InputError
from recon.data.extras import extra
from recon.data.storage.limits import check_header

Bytes = NDArray[np.uint8]

LARGEST_TABLE, MOST_MEASUREMENTS, MOST_TEXTS = 10_000, 64, 64
"""Limits that tell a table of measurements, with which files since VD begin, from a protocol, as in VB."""

NAME = re.compile(rb"\w{4,}\0")
"""Name of the first text of a protocol."""

BLOCK = 2**25
"""Modulus: the first field of a header modulo this number is the length of its block."""

Place = tuple[int, int, str]
"""First byte of a measurement, the byte after its last one, and the name of its protocol."""


@dataclass(frozen=True)
class Layout:
    """Layout of a readout: its header, then a header and the samples of each channel.

    Attributes
    ----------
    head
        Type of a readout's header.
    before
        Number of bytes before the header of the first channel; 0 in VB, where readouts have no other header.
    channel
        Type of a channel's header.
    flags
        Bit number of every flag.
    """

    head: np.dtype[Any]
    before: int
    channel: np.dtype[Any]
    flags: Mapping[str, int]

    def stride(self, head: Any) -> int:
        """Return the number of bytes from one channel to the next."""
        return self.channel.itemsize + 8 * int(head["SamplesInScan"])

    def size(self, head: Any) -> int:
        """Return the number of bytes of a block: a readout, or physiological signals, which hold their own length."""
        if self.has(head, "SYNCDATA"):
            return int(head["FlagsAndDMALength"]) % BLOCK
        return self.before + int(head["UsedChannels"]) * self.stride(head)

    def has(self, heads: Any, flag: str) -> Any:
        """Return whether a flag is set."""
        return (heads["EvalInfoMask"] >> np.uint64(self.flags[flag]) & np.uint64(1)).astype(bool)


@dataclass(frozen=True, eq=False)
class Measurement:
    """One measurement of a file.

    Attributes
    ----------
    name
        Name of its protocol.
    text
        Text of its protocol.
    heads
        Headers of its readouts.
    starts
        Position of every readout in the file.
    """

    name: str
    text: str
    heads: NDArray[Any]
    starts: NDArray[np.int64]


def is_twix(path: Path) -> bool:
    """Return whether a file begins with a table of measurements or a protocol, as Siemens writes them."""
    with path.open("rb") as file:
        first, texts = _two(file.read(8))
        if _is_table(first, texts):
            file.seek(16)
            file.seek(_two(file.read(8))[0])
            _, texts = _two(file.read(8))
        return 1 <= texts <= MOST_TEXTS and NAME.match(file.read(48)) is not None


def read_measurements(path: Path, content: Bytes) -> tuple[Layout, list[Measurement]]:
    """Read everything but the samples.

    Parameters
    ----------
    path
        Path of the file.
    content
        Bytes of the file.

    Raises
    ------
    InputError
        If twixtools is not installed, or the file is damaged.
    """
    with extra("twix", f"{path}: reading Siemens raw data"):
        from twixtools import hdr_def, mdh_def  # noqa: PLC0415 - an extra
    if _is_table(*_two(content[:8].tobytes())):
        places = _places(path, content, hdr_def.MultiRaidFileHeader)
        head, channel = np.dtype(mdh_def.Scan_header), np.dtype(mdh_def.Channel_header)
        layout = Layout(head, head.itemsize, channel, mdh_def.mask_dict)
    else:
        places = [(0, len(content), "")]
        head = np.dtype(mdh_def.VB17_header)
        layout = Layout(head, 0, head, mdh_def.mask_dict)
    return layout, [_walk(path, content, layout, place) for place in places]


def _two(words: bytes) -> tuple[int, int]:
    first, second = struct.unpack("<II", words.ljust(8, b"\xff"))
    return first, second


def _is_table(first: int, second: int) -> bool:
    return first < LARGEST_TABLE and 1 <= second <= MOST_MEASUREMENTS


def _places(path: Path, content: Bytes, kind: np.dtype[Any]) -> list[Place]:
    """Find the measurements that are not empty."""
    if len(content) < kind.itemsize:
        raise InputError(f"{path}: is cut short within the table of its measurements")
    table = np.ndarray((), kind, content)
    entries = table["entry"][: int(table["hdr"]["count_"])]
    places = []
    for entry in entries:
        start, length = int(entry["off_"]), int(entry["len_"])
        if len(entries) == 1 and length == 0:  # the scan was aborted
            length = len(content) - start
        if length and not kind.itemsize <= start < start + length <= len(content):
            raise InputError(
                f"{path}: has {len(content)} bytes, but declares a measurement of {length} from byte {start} on"
            )
        if length:
            places.append((start, start + length, entry["protName_"].decode("latin-1")))
    if not places:
        raise InputError(f"{path}: all its measurements are empty")
    return places


def _walk(path: Path, content: Bytes, layout: Layout, place: Place) -> Measurement:
    """Read the headers of all readouts until a readout marks the end of the measurement, or its bytes end."""
    start, end, name = place
    length = _two(content[start : start + 8].tobytes())[0]
    check_header(path, length)
    if not 8 <= length <= end - start:
        raise InputError(f"{path}: is cut short within the protocol at byte {start}")
    text = content[start : start + length].tobytes().decode("latin-1")
    position, heads, starts = start + length, bytearray(), array("q")
    while position + layout.head.itemsize <= end:
        head: Any = np.ndarray((), layout.head, content, position)
        if layout.has(head, "ACQEND"):
            break
        size = layout.size(head)
        if size < layout.head.itemsize or position + size > end:
            raise InputError(f"{path}: is cut short or damaged at byte {position}")
        if not layout.has(head, "SYNCDATA"):
            heads += head.tobytes()
            starts.append(position)
        position += size
    return Measurement(name, text, np.frombuffer(heads, layout.head), np.array(starts, np.int64))
