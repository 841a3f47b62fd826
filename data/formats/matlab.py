"""Reads complex arrays from MATLAB files: version 5 (saved by -v6 and -v7) and version 7.3, which is HDF5.

Version 5 is parsed here because scipy's reader trusts the sizes in a file: a few kilobytes can make it allocate
gigabytes. Format: MathWorks, "MAT-File Format", 2023, chapter 1.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any, Self

import h5py
import numpy as np
from numpy.typing import NDArray

from recon.data.axes import MATLAB as USUAL
from recon.data.axes import name_axes
from recon.data.errors import InputError, did_you_mean, printable
from recon.data.formats.format import Format
from recon.data.formats.numpy import ArrayVolume, Indexed, array_volume
from recon.data.storage.hdf5 import LONGEST_LIST, entries, follow, is_own, open_hdf5, read_dataset
from recon.data.storage.limits import check_size

TEXT = 128
"""Number of bytes of the header: a text, and at the end the version and the order of bytes."""

TYPES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
"""Type of stored numbers by its code; an array of doubles may be stored as integers."""

UINT32, MATRIX, COMPRESSED = 6, 14, 15
NUMERIC = range(6, 16)
"""Codes of the classes of numeric arrays: double, single and the integers."""

CLASSES = {1: "cell array", 2: "struct", 3: "object", 4: "text", 5: "sparse array"}
IS_COMPLEX = 0x0800

LARGEST_RATIO = 1032
"""Upper bound of the compression ratio of deflate."""

MOST_VARIABLES, MOST_AXES, LONGEST_NAME = 10_000, 32, 1024
PIECE = 2**20
"""Number of bytes that are unpacked at once."""

PARTS = ({"real", "imag"}, {"r", "i"}, {"re", "im"})
"""Names of the two fields of complex numbers in HDF5: MATLAB's, h5py's and others'."""

Complex = NDArray[np.complex64]


@dataclass(frozen=True)
class Variable:
    """A variable of a file.

    Attributes
    ----------
    shape
        Its shape in MATLAB's order.
    content
        What it holds, for a message; "complex" for what can be k-space.
    kspace
        Object that reads the part by which it is indexed.
    """

    shape: tuple[int, ...]
    content: str
    kspace: Indexed

    def __str__(self) -> str:
        return f"{' x '.join(map(str, self.shape))} {self.content}".strip()

    @property
    def is_kspace(self) -> bool:
        """Whether it is a complex array that is not a single number or list."""
        return self.content == "complex" and sum(size > 1 for size in self.shape) > 1


def open_matlab(path: Path, axes: str | None = None, variable: str | None = None) -> ArrayVolume:
    """Read everything but the samples.

    Parameters
    ----------
    path
        Path of the file.
    axes
        Names of the array's axes in MATLAB's order; None for readout, phase, coils, slices.
    variable
        Name of the variable; None for the only complex array.

    Raises
    ------
    InputError
        If the file is damaged, or has no such variable, or several without a choice.
    """
    variables = _variables_5(path) if _is_version_5(path) else _variables_73(path, variable)
    name = _choose(path, variables, variable)
    chosen = variables[name]
    check_size(path, f"the variable {name!r}", chosen.shape, np.dtype(np.complex64).itemsize)
    named = name_axes(path, f"the variable {name!r}", chosen.shape, axes, USUAL)
    return array_volume(path, chosen.kspace, named, choices={"axes": axes, "variable": variable})


def is_matlab(path: Path) -> bool:
    """Return whether a file begins as MATLAB's do, or is HDF5 under MATLAB's suffix."""
    with path.open("rb") as file:
        text = file.read(TEXT)
    if text.startswith(b"MATLAB 7.3 MAT-file"):
        return True
    return _is_version_5(path) or (path.suffix.lower() == ".mat" and bool(h5py.is_hdf5(path)))


def _choose(path: Path, variables: dict[str, Variable], wanted: str | None) -> str:
    arrays = [name for name, variable in variables.items() if variable.is_kspace]
    shown = [f"{name} ({variable})" for name, variable in variables.items()]
    if wanted is not None:
        if wanted not in variables:
            raise InputError(
                f"{path}: there is no variable {printable(wanted, LONGEST_LIST)!r} in the file"
                f"{printable(did_you_mean(wanted, variables), LONGEST_LIST)}"
            )
        if not variables[wanted].is_kspace:
            raise InputError(
                f"{path}: the variable {wanted!r} holds {variables[wanted]}, not a complex array; save "
                "the k-space as a variable of its own"
            )
        return wanted
    if not arrays:
        raise InputError(
            f"{path}: no variable is a complex array, there is only "
            f"{printable(', '.join(shown), LONGEST_LIST) or 'nothing'}"
        )
    if len(arrays) > 1:
        listed = printable(", ".join(f"{name} ({variables[name]})" for name in arrays), LONGEST_LIST)
        raise InputError(f"{path}: holds several complex arrays, choose one with --variable; available: {listed}")
    return arrays[0]


@dataclass(frozen=True, eq=False)
class _Hdf5Array:
    """A data set of complex numbers, indexed in MATLAB's order, which is HDF5's reversed."""

    path: Path
    name: str

    def __getitem__(self, selection: tuple[int | slice, ...]) -> Complex:
        with open_hdf5(self.path) as file:
            stored = read_dataset(file, self.name)[selection[::-1]]
        if stored.dtype.kind == "c":
            return np.asarray(stored, np.complex64).T
        real, imaginary = sorted(stored.dtype.names, key=lambda name: name.startswith("i"))
        kspace = np.empty(stored.shape, np.complex64)
        kspace.real, kspace.imag = stored[real], stored[imaginary]
        return kspace.T


def _variables_73(path: Path, wanted: str | None) -> dict[str, Variable]:
    variables: dict[str, Variable] = {}
    with open_hdf5(path) as file:
        for name in entries(file):
            if name.startswith("#") or not is_own(file, name):  # "#refs#" holds the cells of all variables
                continue
            member = follow(file, name)
            if not isinstance(member, h5py.Dataset):
                variables[name] = Variable((), "struct or sparse array", np.empty(0))
                continue
            try:
                data = read_dataset(file, name)
            except InputError:
                if name == wanted:
                    raise
                variables[name] = Variable((), "unreadable", np.empty(0))  # need not keep others from being read
                continue
            content = "complex" if _is_complex(data.dtype) else "real" if data.dtype.kind in "fiu" else "other values"
            variables[name] = Variable(data.shape[::-1], content, _Hdf5Array(path, name))
    return variables


def _is_complex(dtype: np.dtype[Any]) -> bool:
    fields = set(dtype.names or ())
    return dtype.kind == "c" or (fields in PARTS and all(dtype[name].kind in "fiu" for name in fields))


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
class _Version5Array:
    """A complex array of a version 5 file; it is read at the first use."""

    path: Path
    start: int
    size: int
    compressed: bool
    order: str

    @cached_property
    def header(self) -> tuple[str, tuple[int, ...], int]:
        """Name, shape, and flags, of which the last byte is the class."""
        with self._opened() as reader:
            return self._header(reader)

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


def _is_version_5(path: Path) -> bool:
    with path.open("rb") as file:
        text = file.read(TEXT)
    return len(text) == TEXT and text[124:] in {b"\x00\x01IM", b"\x01\x00MI"}


def _variables_5(path: Path) -> dict[str, Variable]:
    variables: dict[str, Variable] = {}
    for number, element in enumerate(_elements(path)):
        if number == MOST_VARIABLES:
            raise InputError(f"{path}: has more than {MOST_VARIABLES} variables")
        name, shape, flags = element.header
        if not name:  # MATLAB's own workspace for functions
            continue
        code = flags & 0xFF
        content = "complex" if flags & IS_COMPLEX else "real"
        variables[name] = Variable(shape, content if code in NUMERIC else CLASSES.get(code, "other values"), element)
    return variables


def _elements(path: Path) -> Iterator[_Version5Array]:
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
            yield _Version5Array(path, place + 8, size, code == COMPRESSED, order)
            place += 8 + size


MATLAB = Format("MATLAB", (".mat",), is_matlab, open_matlab, options=frozenset({"axes", "variable"}))
