"""Reads MRD 2 files, which hold a header and then readouts one after the other, as a stream does."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from recon.data.errors import InputError
from recon.data.formats.format import Format
from recon.data.formats.header.xml import HeaderError
from recon.data.formats.ismrmrd.images import Complex, Readouts, SortedVolume, sort_images
from recon.data.formats.ismrmrd.lines import Indices
from recon.data.formats.ismrmrd.partitions import by_position
from recon.data.formats.ismrmrd.scan_header import parse_scan_header
from recon.data.formats.mrd2.header import to_xml
from recon.data.formats.mrd2.items import package, readout_of
from recon.data.formats.mrd2.writer import write_mrd2
from recon.data.storage.limits import check_size
from recon.data.volume import Volume

MAGIC = b"yardl"
"""First bytes of a file or stream."""

PROTOCOL = b'{"protocol":{"name":"Mrd",'
"""Beginning of the description of the content, a few bytes later."""

LARGEST_ITEM = 1 << 28
"""Largest number of bytes of an array or a text."""

DAMAGED = (
    *(ArithmeticError, AttributeError, BufferError, EOFError, LookupError, MemoryError, RuntimeError, TypeError),
    *(ValueError, struct.error),
)
"""Errors that the package raises about damaged bytes."""


@dataclass(frozen=True, eq=False)
class Mrd2Volume(SortedVolume):
    """An opened file; its samples lie in memory, because the format has no index of them.

    Attributes
    ----------
    samples
        Samples `(coils, samples)` of every readout.
    """

    samples: tuple[Complex, ...]

    @contextmanager
    def readouts(self) -> Iterator[Readouts]:
        """Yield the function that returns the samples of readouts."""
        yield self._readouts

    def _readouts(self, rows: Indices) -> Iterator[tuple[int, Complex]]:
        yield from ((row, self.samples[row]) for row in rows.tolist())


def is_mrd2(path: Path) -> bool:
    """Return whether a file is of MRD 2, by its first bytes."""
    with path.open("rb") as file:
        start = file.read(64)
    return start.startswith(MAGIC) and PROTOCOL in start


def open_mrd2(path: Path) -> Volume:
    """Read a file.

    Raises
    ------
    InputError
        If the package is not installed, the file is damaged, holds no raw data, or is not of a Cartesian scan.
    """
    check_size(path, "the file", (path.stat().st_size,), 1)
    heads, samples = [], []
    with path.open("rb") as file:
        header, items = read_items(file, str(path))
        if header is None:
            raise InputError(f"{path}: holds no header, so its readouts cannot be placed")
        for item in items:
            if item.tag == "Acquisition":
                head, values, _ = readout_of(item.value, str(path))
                heads.append(head)
                samples.append(values)
    if not heads:
        raise InputError(f"{path}: holds no readouts")
    try:
        scan = parse_scan_header(to_xml(header), path)
    except HeaderError as error:
        raise InputError(f"{path}: {error}") from error
    images = sort_images(path, np.array(heads), scan)
    return by_position(Mrd2Volume(path, images.shape, images.header, images, tuple(samples)), scan)


def read_items(source: BinaryIO, name: str) -> tuple[Any, Iterator[Any]]:
    """Return the header, an `mrd.Header` or None, and the items that follow it, `mrd.StreamItem`.

    Parameters
    ----------
    source
        File or stream at its beginning.
    name
        Its name, for messages.

    Raises
    ------
    InputError
        If the package is not installed, or the bytes are damaged; while items are read, too.
    """
    mrd = package("reading MRD 2")
    try:
        reader = mrd.BinaryMrdReader(buffered(source))
        _limit(reader)
        header = reader.read_header()
    except DAMAGED as error:
        raise InputError(f"{name}: is damaged, or of another version of MRD 2 ({error})") from error
    return header, _items(reader, name)


def _items(reader: Any, name: str) -> Iterator[Any]:
    try:
        yield from reader.read_data()
    except DAMAGED as error:
        raise InputError(f"{name}: its data are damaged ({error or type(error).__name__})") from error


def _limit(reader: Any) -> None:
    """Refuse large arrays and texts before memory is allocated; the package takes any length that the bytes say."""
    stream = reader._stream  # noqa: SLF001 - the package has no limit of its own
    for name in ("read_bytearray", "read_view"):
        setattr(stream, name, _limited(getattr(stream, name)))


def _limited(read: Callable[[int], Any]) -> Callable[[int], Any]:
    def checked(count: int) -> Any:
        if not 0 <= count <= LARGEST_ITEM:
            raise ValueError(f"an array or text of {count} bytes is more than the limit of {LARGEST_ITEM}")
        return read(count)

    return checked


def buffered(source: BinaryIO) -> io.BufferedReader:
    """Return a reader that fills buffers completely, also from pipes."""
    return source if isinstance(source, io.BufferedReader) else io.BufferedReader(cast("io.RawIOBase", source))


MRD2 = Format(
    "MRD 2",
    (".mrd2",),
    is_mrd2,
    open_mrd2,
    write_mrd2,
    frozenset({"masks", "header", "calibration", "noise"}),
)
