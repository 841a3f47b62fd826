"""Parses MATLAB files of version 5, saved by -v6 and -v7.

scipy's reader trusts the sizes in a file: a few kilobytes can make it allocate gigabytes. Format: MathWorks,
"MAT-File Format", 2023, chapter 1.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any, Self

import numpy as np
from numpy.typing import NDArray

from recon.data.errors import InputError, printable

TEXT = 128
"""Number of bytes of the header: a text, and at the end the version and the order of bytes."""

TYPES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
"""Type of stored numbers by its code; an array of doubles may be stored as integers."""

UINT32, MATRIX, COMPRESSED = 6, 14, 15
NUMERIC = range(6, 16)
"""Codes of the classes of numeric arrays: double, single and the integers."""

STRUCT = 2
CLASSES = {1: "cell array", STRUCT: "struct", 3: "object", 4: "text", 5: "sparse array"}
IS_COMPLEX = 0x0800

LARGEST_RATIO = 1032
"""Upper bound of the compression ratio of deflate."""

MOST_AXES, LONGEST_NAME = 32, 1024
LONGEST_FIELDS = 2**16
"""Largest number of bytes of the names of a struct's fields."""

PIECE = 2**20
"""Number of bytes that are unpacked at once."""

Complex = NDArray[np.complex64]


class _Reader:
    """Reads a part of a file in order, unpacked if it is compressed, never more than asked for."""

    def __init__(self, path: Path, start: int, size: int, compressed: bool) -> None:
        self.path, self.left = path, size
        self.file: IO[bytes] = path.open("rb")
        self.file.seek(start)
        self.unpacker = zlib.decompressobj() if compressed else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def read(self, count: int) -> bytes:
        """Return this many bytes.

        Raises
        ------
        InputError
            If there are fewer, or they are damaged.
        """
        pieces = []
        while count > 0:
            piece = self._piece(min(count, PIECE))
            if not piece:
                raise InputError(f"{self.path}: the MATLAB file is damaged or cut short")
            pieces.append(piece)
            count -= len(piece)
        return b"".join(pieces)

    def _piece(self, most: int) -> bytes:
        if self.unpacker is None:
            return self._stored(most)
        while not self.unpacker.eof:
            packed = self.unpacker.unconsumed_tail or self._stored(PIECE)
            try:
                piece = self.unpacker.decompress(packed, most)
            except zlib.error as error:
                raise InputError(f"{self.path}: the MATLAB file is damaged, a variable cannot be unpacked") from error
            if piece or not packed:
                return piece
        return b""

    def _stored(self, most: int) -> bytes:
        stored = self.file.read(min(most, self.left))
        self.left -= len(stored)
        return stored


@dataclass(frozen=True, eq=False)
class Version5Array:
    """A variable of a version 5 file, or a field of a struct; its samples are read at the first use."""

    path: Path
    start: int
    size: int
    compressed: bool
    order: str
    within: tuple[int, ...] = ()
    """Numbers of the fields that lead to an array in a struct."""

    @cached_property
    def header(self) -> tuple[str, tuple[int, ...], int]:
        """Name, shape, and flags, of which the last byte is the class."""
        with self._opened() as reader:
            return self._header(reader)

    @cached_property
    def fields(self) -> list[str]:
        """Names of the fields of a single struct; empty for anything else."""
        _, shape, flags = self.header
        if flags & 0xFF != STRUCT or math.prod(shape) != 1:
            return []
        with self._opened() as reader:
            self._header(reader)
            return self._field_names(reader)

    @cached_property
    def samples(self) -> Complex:
        """All samples, complex64 in MATLAB's order."""
        with self._opened() as reader:
            _, shape, _ = self._header(reader)
            real, imaginary = self._numbers(reader, shape), self._numbers(reader, shape)
        kspace = np.empty(shape, np.complex64, order="F")
        kspace.real, kspace.imag = real, imaginary
        return kspace

    def __getitem__(self, selection: tuple[int | slice, ...]) -> Complex:
        return self.samples[selection]

    def _opened(self) -> _Reader:
        return _Reader(self.path, self.start, self.size, self.compressed)

    def _tag(self, reader: _Reader) -> tuple[int, int, bytes | None]:
        """Read the type and the size of an element, and its content if it is packed into the tag."""
        tag = reader.read(8)
        code, size = np.frombuffer(tag, f"{self.order}u4").tolist()
        return (code & 0xFFFF, code >> 16, tag[4 : 4 + (code >> 16)]) if code >> 16 else (code, size, None)

    def _element(self, reader: _Reader, most: int) -> tuple[int, bytes]:
        code, size, packed = self._tag(reader)
        if packed is not None:
            return code, packed
        if size > most:
            raise self._damaged()
        return code, reader.read(size + -size % 8)[:size]

    def _header(self, reader: _Reader) -> tuple[str, tuple[int, ...], int]:
        if self.compressed and self._tag(reader)[0] != MATRIX:
            raise self._damaged()
        header = self._array_header(reader)
        for number in self.within:
            self._field_names(reader)
            for _ in range(number):
                self._skip(reader)
            code, size, _ = self._tag(reader)
            if code != MATRIX:
                raise self._damaged()
            header = self._array_header(reader) if size else ("", (0, 0), NUMERIC[0])
        return header

    def _field_names(self, reader: _Reader) -> list[str]:
        """Read the names of a struct's fields, which come before their content."""
        (_, length), (_, names) = self._element(reader, 8), self._element(reader, LONGEST_FIELDS)
        size = int.from_bytes(length[:4], "little" if self.order == "<" else "big")
        if not 0 < size <= LONGEST_NAME or len(names) % size:
            raise self._damaged()
        cut = (names[start : start + size].split(b"\0")[0] for start in range(0, len(names), size))
        return [printable(name.decode(errors="replace")) for name in cut]

    def _skip(self, reader: _Reader) -> None:
        """Read past an element."""
        _, size, packed = self._tag(reader)
        left = 0 if packed is not None else size + -size % 8
        while left > 0:
            left -= len(reader.read(min(left, PIECE)))

    def _array_header(self, reader: _Reader) -> tuple[str, tuple[int, ...], int]:
        (code, flags), (_, sizes), (_, name) = (
            self._element(reader, most) for most in (8, 4 * MOST_AXES, LONGEST_NAME)
        )
        if code != UINT32 or len(flags) != 8 or len(sizes) % 4 or not sizes:
            raise self._damaged()
        shape = tuple(np.frombuffer(sizes, f"{self.order}i4").tolist())
        if min(shape) < 0:
            raise self._damaged()
        return printable(name.decode(errors="replace")), shape, int(np.frombuffer(flags, f"{self.order}u4")[0])

    def _numbers(self, reader: _Reader, shape: tuple[int, ...]) -> NDArray[Any]:
        code, size, packed = self._tag(reader)
        if code not in TYPES:
            raise self._damaged()
        dtype = np.dtype(self.order + TYPES[code])
        if size != math.prod(shape) * dtype.itemsize or (packed is not None and len(packed) < size):
            raise self._damaged()
        if packed is None and size > self.size * (LARGEST_RATIO if self.compressed else 1):
            raise InputError(f"{self.path}: an array of shape {shape} is declared but not stored in the file")
        content = packed if packed is not None else reader.read(size + -size % 8)[:size]
        return np.frombuffer(content, dtype).reshape(shape, order="F")

    def _damaged(self) -> InputError:
        return InputError(f"{self.path}: the MATLAB file is damaged")


def elements(path: Path) -> Iterator[Version5Array]:
    """Yield every variable of a file."""
    whole = path.stat().st_size
    with path.open("rb") as file:
        order = "<" if file.read(TEXT)[126:] == b"IM" else ">"
        place = TEXT
        while place < whole:
            file.seek(place)
            tag = file.read(8)
            if len(tag) < 8:
                break  # fill bytes at the end
            code, size = np.frombuffer(tag, f"{order}u4").tolist()
            if code not in {MATRIX, COMPRESSED} or size > whole - place - 8:
                raise InputError(f"{path}: the MATLAB file is damaged or cut short")
            yield Version5Array(path, place + 8, size, code == COMPRESSED, order)
            place += 8 + size


def is_version_5(path: Path) -> bool:
    """Return whether a file begins as MATLAB's of version 5 do."""
    with path.open("rb") as file:
        text = file.read(TEXT)
    return len(text) == TEXT and text[124:] in {b"\x00\x01IM", b"\x01\x00MI"}
