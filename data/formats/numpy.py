"""Reads and writes NumPy's `.npy` and `.npz` files, never with pickled objects.

A `.npy` file holds k-space of a Cartesian 2-D scan, with the axes readout and phase (one coil), or coils, readout and
phase, or slices, coils, readout and phase; in any other order if the user names the axes. A `.npz` archive holds
`kspace`, and optionally `axes` (the names of its axes in their order, such as "readout phase coils slices"), `mask`,
`calibration`, `noise` and `header`.
"""

from __future__ import annotations

import lzma
import math
import os
import warnings
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any, Protocol

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from recon.data.acquisition import Acquisition, Header
from recon.data.axes import NUMPY, Axes, name_axes
from recon.data.errors import InputError, printable, warn_of_input
from recon.data.formats.format import Format
from recon.data.formats.header.text import header_as_text, header_from_text
from recon.data.formats.whole_scan import WholeScan
from recon.data.masks.measured import check_center, measured_mask, prospective_mask
from recon.data.storage.atomic import atomic_path
from recon.data.storage.finite import check_finite
from recon.data.storage.hdf5 import ALWAYS_ALLOWED, LARGEST_RATIO, LONGEST_LIST
from recon.data.storage.limits import MAX_HEADER, check_header, check_size
from recon.data.volume import VolumeWithoutTarget

MAGIC, ZIP = b"\x93NUMPY", b"PK\x03\x04"
MEMBERS = {"kspace", "axes", "mask", "calibration", "noise", "header"}

DAMAGE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError, UnicodeDecodeError)
"""Errors that `zipfile` raises for archives that are damaged, encrypted, or compressed by an unknown method."""

HEADER_DAMAGE = (ValueError, TypeError, KeyError, EOFError, SyntaxError, TokenError, MemoryError, RecursionError)
"""Errors that NumPy raises for damaged array headers, which are Python literals."""

LENGTHS = {(1, 0): 2, (2, 0): 4}
"""Number of bytes of the length of an array's header, by the version of the format."""

PIECE = 2**20
"""Number of bytes that are unpacked at once."""

Array = NDArray[Any]
Complex = NDArray[np.complex64]


class Indexed(Protocol):
    """An array, or an object that reads parts of one."""

    def __getitem__(self, selection: tuple[int | slice, ...], /) -> Array:
        """Return the selected part."""


@dataclass(frozen=True, eq=False)
class ArrayVolume(VolumeWithoutTarget):
    """An opened file that holds k-space as one array.

    Attributes
    ----------
    path
        Path of the file.
    axes
        Names and sizes of the array's axes.
    header
        Header of a file that this project wrote; otherwise only the matrix.
    kspace
        complex array, or an object that reads the part by which it is indexed.
    stored
        Other arrays of an archive, by name.
    choices
        Statements of the user about the file's content.
    """

    path: Path
    axes: Axes
    header: Header
    kspace: Indexed
    stored: dict[str, Array] = field(default_factory=dict)
    choices: Mapping[str, str] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, int, int, int]:  # type: ignore[override]
        """Shape of the k-space `(images, coils, readout, phase)`."""
        return self.axes.shape

    @cached_property
    def mask(self) -> NDArray[np.bool_] | None:
        """Sampling mask of the first slice; None if it was fully sampled."""
        return prospective_mask(self._read(0)[1], self.header.padding)

    @property
    def calibration_lines(self) -> int:
        """Number of calibration lines of a separate scan; 0 if there was none."""
        return self.stored["calibration"].shape[-1] if "calibration" in self.stored else 0

    def read(self, index: int) -> Acquisition:
        """Read one slice.

        Raises
        ------
        InputError
            If it holds values that are not finite.
        """
        kspace, mask = self._read(index)
        parts = {name: self._part(name, index) for name in ("calibration", "noise")}
        return Acquisition.from_numpy(kspace, mask, self.header, **parts, name=self.name, slice=index)

    def _read(self, index: int) -> tuple[Complex, NDArray[np.bool_]]:
        """Read the k-space of a slice, zero where it was not measured, and its mask."""
        with np.errstate(over="ignore"):  # checked below
            image = self.axes.arrange(self.kspace[self.axes.select(index)])
            kspace = np.array(image, np.complex64, order="C")
        check_finite(self.path, kspace, f"kspace of slice {index}")
        mask = self.stored["mask"][index].astype(bool) if "mask" in self.stored else measured_mask(kspace)
        check_center(self.path, mask)
        return (np.where(mask, kspace, np.complex64(0)) if "mask" in self.stored else kspace), mask

    def _part(self, name: str, index: int) -> Complex | None:
        if name not in self.stored:
            return None
        stored = self.stored[name]
        values = np.array(stored if name == "noise" else stored[index], np.complex64, order="C")
        check_finite(self.path, values, f"{name} of slice {index}")
        return values


def open_npy(path: Path, axes: str | None = None) -> ArrayVolume:
    """Memory-map a `.npy` file.

    Parameters
    ----------
    path
        Path of the file.
    axes
        Names of its axes in their order, such as "readout phase coils"; None for the default order.

    Raises
    ------
    InputError
        If the file is damaged, is not complex, or has other axes.
    """
    with path.open("rb") as file:
        shape, fortran, dtype = _read_header(path, "the array", file)
        offset = file.tell()
    if path.stat().st_size - offset != math.prod(shape) * dtype.itemsize:
        raise InputError(
            f"{path}: has {path.stat().st_size - offset} bytes of samples, its header says {shape} {dtype}"
        )
    check_kspace(path, "the array", shape, dtype)
    kspace: Array = np.memmap(path, dtype, "r", offset, shape, "F" if fortran else "C")
    return array_volume(path, kspace, name_axes(path, "the array", shape, axes, NUMPY), choices={"axes": axes})


def open_npz(path: Path, axes: str | None = None) -> ArrayVolume:
    """Read an archive.

    Parameters
    ----------
    path
        Path of the file.
    axes
        Names of the axes of `kspace` in their order, if the archive holds no `axes`; None for the default order.

    Raises
    ------
    InputError
        For the reasons of `open_npy`, or if the archive holds unknown arrays or contradicts itself.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            stored = {name: read_member(path, archive, name) for name in _members(path, archive)}
    except DAMAGE as error:
        raise InputError(f"{path}: the archive is damaged and cannot be read ({error})") from error
    kspace = stored.pop("kspace")
    check_kspace(path, "'kspace'", kspace.shape, kspace.dtype)
    said = _text(path, "axes", stored.pop("axes")) if "axes" in stored else None
    if said is not None and axes is not None:
        raise InputError(f"{path}: the archive itself says that its axes are {said!r}; leave out --axes")
    named = name_axes(path, "'kspace'", kspace.shape, axes if said is None else said, NUMPY)
    header = _text(path, "header", stored.pop("header")) if "header" in stored else None
    return array_volume(path, kspace, named, _checked(path, stored, named.shape), header, {"axes": axes})


def array_volume(
    path: Path,
    kspace: Indexed,
    axes: Axes,
    stored: dict[str, Array] | None = None,
    header: str | None = None,
    choices: Mapping[str, str | None] | None = None,
) -> ArrayVolume:
    """Make a volume of an array with named axes; warn if their order was assumed and is unlikely.

    Parameters
    ----------
    path, kspace, axes, stored
        As in `ArrayVolume`.
    header
        Header as text, which this project wrote; None if there is only the matrix.
    choices
        Statements of the user about the file's content; None without any.

    Raises
    ------
    InputError
        If the header contradicts the array.
    """
    images, _, *matrix = axes.shape
    plain = Header(crop=(matrix[0], matrix[1]), padding=(0, matrix[1]), frames=axes.frames)
    read = plain if header is None else header_from_text(path, header, (matrix[0], matrix[1]), images)
    doubt = axes.doubt()
    if doubt is not None:
        warn_of_input(f"{path}: {doubt}")
    said = {name: words for name, words in (choices or {}).items() if words is not None}
    return ArrayVolume(path, axes, read, kspace, stored or {}, said)


def check_kspace(path: Path, what: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Refuse an array that cannot be k-space.

    Raises
    ------
    InputError
        If the array is not complex, is empty, or has fewer than two axes.
    """
    if dtype.kind != "c" or len(shape) < 2 or 0 in shape:
        raise InputError(
            f"{path}: {what} of type {dtype} has shape {shape}; expected complex k-space with the axes readout and "
            "phase at least"
        )


def write_npy(path: Path, scan: WholeScan) -> None:
    """Write k-space `(slices, coils, readout, phase)`; the format can store nothing else."""
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.save(file, scan.kspace, allow_pickle=False)


def write_npz(path: Path, scan: WholeScan) -> None:
    """Write k-space with its axes, masks, calibration lines, noise scan and header."""
    arrays: dict[str, Any] = {
        "kspace": scan.kspace,
        "axes": np.array(NUMPY[4]),
        "mask": scan.masks,
        "header": np.array(header_as_text(scan.header)),
        "calibration": scan.calibration,
        "noise": scan.noise,
    }
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **{name: values for name, values in arrays.items() if values is not None})


def _read_header(path: Path, what: str, file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Read and check the shape, the order and the type of an array."""
    try:
        version = npy.read_magic(file)
        length = file.read(LENGTHS[version])
        if int.from_bytes(length, "little") > MAX_HEADER:
            raise ValueError("the header is too long")
        file.seek(-len(length), os.SEEK_CUR)
        read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}[version]
        with warnings.catch_warnings():  # the user cannot change deprecated names of types
            warnings.simplefilter("ignore")
            shape, fortran, dtype = read(file)
    except HEADER_DAMAGE as error:
        raise InputError(f"{path}: the header of {what} is damaged or of an unknown version") from error
    if dtype.hasobject:
        raise InputError(f"{path}: {what} holds pickled objects, which are refused: reading them runs code")
    if dtype.kind == "V" or dtype.itemsize == 0:
        raise InputError(f"{path}: {what} holds {printable(str(dtype), LONGEST_LIST)}, not numbers or text")
    check_size(path, what, shape, dtype.itemsize)
    return tuple(map(int, shape)), fortran, dtype


def _members(path: Path, archive: zipfile.ZipFile) -> list[str]:
    names = [name.removesuffix(".npy") for name in archive.namelist()]
    unknown = sorted(set(names) - MEMBERS)
    if "kspace" not in names:
        raise InputError(
            f"{path}: the archive holds no array 'kspace', only {printable(', '.join(unknown), LONGEST_LIST)}; save "
            "k-space under that name, by numpy.savez(path, kspace=...)"
        )
    if unknown or len(set(names)) < len(names):
        raise InputError(
            f"{path}: the archive holds {printable(', '.join(unknown), LONGEST_LIST) or 'a name twice'}; allowed: "
            f"{', '.join(sorted(MEMBERS))}"
        )
    # A damaged length turns the entries that follow into a comment.
    if any(info.comment for info in archive.infolist()):
        raise InputError(f"{path}: the archive is damaged, or has comments, which NumPy never writes")
    return names


def read_member(path: Path, archive: zipfile.ZipFile, name: str) -> Array:
    """Read one array of an archive.

    Raises
    ------
    InputError
        If the array is damaged, holds objects, or is much larger than what the archive stores of it.
    """
    info = next(info for info in archive.infolist() if info.filename.removesuffix(".npy") == name)
    with archive.open(info) as file:
        shape, fortran, dtype = _read_header(path, repr(name), file)
        size = math.prod(shape) * dtype.itemsize
        if name in {"axes", "header"}:
            check_header(path, size)
        if size > ALWAYS_ALLOWED and size > LARGEST_RATIO * info.compress_size:
            raise InputError(
                f"{path}: {name!r} unpacks {info.compress_size} bytes to {size}, as no measurement does; save it by "
                "numpy.savez if it is right"
            )
        values = np.empty(size, np.uint8)
        filled = 0
        while filled < size and (piece := file.read(min(PIECE, size - filled))):
            values[filled : filled + len(piece)] = np.frombuffer(piece, np.uint8)
            filled += len(piece)
        if filled < size or file.read(1):
            raise InputError(f"{path}: {name!r} is not as long as its shape {shape} says")
    return values.view(dtype).reshape(shape, order="F" if fortran else "C")


def _checked(path: Path, stored: dict[str, Array], shape: tuple[int, int, int, int]) -> dict[str, Array]:
    """Give the other arrays a slice axis, and check that they fit the k-space."""
    slices, coils, readout, phase = shape
    parts = dict(stored)
    if "mask" in parts and parts["mask"].shape in {(phase,), (readout, phase)}:
        parts["mask"] = np.broadcast_to(parts["mask"], (slices, *parts["mask"].shape))
    if "calibration" in parts and parts["calibration"].ndim == 3:
        parts["calibration"] = np.broadcast_to(parts["calibration"], (slices, *parts["calibration"].shape))
    for name, kinds, fits in (
        ("mask", "biuf", lambda found: found in {(slices, phase), (slices, readout, phase)}),
        ("calibration", "c", lambda found: len(found) == 4 and found[:3] == (slices, coils, readout) and found[3]),
        ("noise", "c", lambda found: len(found) == 2 and found[0] == coils and found[1]),
    ):
        if name in parts and (parts[name].dtype.kind not in kinds or not fits(parts[name].shape)):
            raise InputError(
                f"{path}: {name!r} of type {parts[name].dtype} and shape {parts[name].shape} does not fit k-space of "
                f"shape {shape}"
            )
    if "mask" in parts:
        _check_mask(path, parts["mask"])
    return parts


def _check_mask(path: Path, mask: Array) -> None:
    if not np.isfinite(mask).all():
        raise InputError(f"{path}: the mask holds NaN or Inf")
    if not mask.any():
        raise InputError(f"{path}: the mask says that nothing was measured")


def _text(path: Path, name: str, array: Array) -> str:
    if array.dtype.kind not in "US" or array.size != 1:
        raise InputError(f"{path}: {name!r} is not a single text")
    try:
        text = array.reshape(-1)[0]
    except (ValueError, SystemError) as error:  # not valid Unicode
        raise InputError(f"{path}: {name!r} is not a single text") from error
    return text.decode(errors="replace") if isinstance(text, bytes) else str(text.encode(errors="replace"), "utf-8")


def _begins(path: Path, magic: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(magic)) == magic


NPY = Format("npy", (".npy",), lambda path: _begins(path, MAGIC), open_npy, write_npy, options=frozenset({"axes"}))
NPZ = Format(
    "npz",
    (".npz",),
    lambda path: _begins(path, ZIP),
    open_npz,
    write_npz,
    frozenset({"masks", "header", "calibration", "noise"}),
    frozenset({"axes"}),
)
