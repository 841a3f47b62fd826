"""Reads complex arrays from MATLAB files: version 5 (saved by -v6 and -v7) and version 7.3, which is HDF5.

A field of a struct is named by the user as STRUCT.FIELD. The files of the challenge CMRxRecon (Wang et al. 2024) need
no words about their axes: `kspace_full`, `kspace_sub04`, `kus` and the like have the axes readout, phase, coils,
slices and frames, `kspace_single_full` and its like no coils.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from recon.data.axes import MATLAB as USUAL
from recon.data.axes import name_axes
from recon.data.errors import InputError, did_you_mean, printable
from recon.data.formats.format import Format
from recon.data.formats.matlab.version_5 import (
    CLASSES,
    IS_COMPLEX,
    NUMERIC,
    TEXT,
    Version5Array,
    elements,
    is_version_5,
)
from recon.data.formats.numpy import ArrayVolume, Indexed, array_volume
from recon.data.storage.hdf5 import LONGEST_LIST, entries, follow, is_own, open_hdf5, read_dataset
from recon.data.storage.limits import check_size

MOST_VARIABLES = 10_000

SINGLE_COIL_NAME = "kspace_single"
"""Beginning of the names of CMRxRecon's variables that have no axis of coils."""

SINGLE_COIL = {2: "readout phase", 3: "readout phase slices", 4: "readout phase slices frames"}
"""Usual order of the axes of these variables."""

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
        Kind of its content, for a message; "complex" if it can be k-space.
    kspace
        Object that reads the part by which it is indexed.
    fields
        Functions that open the fields of a struct, by name.
    """

    shape: tuple[int, ...]
    content: str
    kspace: Indexed
    fields: Mapping[str, Callable[[], Variable]] = field(default_factory=dict)

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
        Names of the array's axes in MATLAB's order; None for readout, phase, coils, slices, frames, or the same
        without coils for the single-coil variables of CMRxRecon.
    variable
        Name of the variable, or of a field of a struct as STRUCT.FIELD; None for the only complex array.

    Raises
    ------
    InputError
        If the file is damaged, or has no such variable, or several without a choice.
    """
    variables = _variables_5(path) if is_version_5(path) else _variables_73(path, variable)
    name, chosen = _choose(path, variables, variable)
    check_size(path, f"the variable {name!r}", chosen.shape, np.dtype(np.complex64).itemsize)
    usual = SINGLE_COIL if name.startswith(SINGLE_COIL_NAME) else USUAL
    named = name_axes(path, f"the variable {name!r}", chosen.shape, axes, usual)
    return array_volume(path, chosen.kspace, named, choices={"axes": axes, "variable": variable})


def is_matlab(path: Path) -> bool:
    """Return whether a file begins as MATLAB's do, or is HDF5 under MATLAB's suffix."""
    with path.open("rb") as file:
        text = file.read(TEXT)
    if text.startswith(b"MATLAB 7.3 MAT-file"):
        return True
    return is_version_5(path) or (path.suffix.lower() == ".mat" and bool(h5py.is_hdf5(path)))


def _choose(path: Path, variables: dict[str, Variable], wanted: str | None) -> tuple[str, Variable]:
    fields = [f"{name}.{field}" for name, variable in variables.items() for field in variable.fields]
    if wanted is not None:
        return wanted, _named(path, variables, wanted, [*variables, *fields])
    arrays = [name for name, variable in variables.items() if variable.is_kspace]
    if not arrays:
        shown = ", ".join(f"{name} ({variable})" for name, variable in variables.items())
        hint = f"; name a field of a struct with --variable; available: {', '.join(fields)}" if fields else ""
        raise InputError(
            f"{path}: no variable is a complex array, there is only {printable(shown, LONGEST_LIST) or 'nothing'}"
            f"{printable(hint, LONGEST_LIST)}"
        )
    if len(arrays) > 1:
        listed = printable(", ".join(f"{name} ({variables[name]})" for name in arrays), LONGEST_LIST)
        raise InputError(f"{path}: holds several complex arrays, choose one with --variable; available: {listed}")
    return arrays[0], variables[arrays[0]]


def _named(path: Path, variables: dict[str, Variable], wanted: str, names: list[str]) -> Variable:
    """Return a variable, or a field of a struct, if it can be k-space."""
    found, shown = variables.get(wanted), printable(wanted, LONGEST_LIST)
    if found is None:
        name, *fields = wanted.split(".")
        found = variables.get(name)
        for field_name in fields:
            found = found.fields[field_name]() if found is not None and field_name in found.fields else None
    if found is None:
        raise InputError(
            f"{path}: there is no variable {shown!r} in the file"
            f"{printable(did_you_mean(wanted, names), LONGEST_LIST)}"
        )
    if found.fields:
        available = printable(", ".join(f"{wanted}.{name}" for name in found.fields), LONGEST_LIST)
        raise InputError(
            f"{path}: the variable {shown!r} is a struct, choose one of its fields; available: {available}"
        )
    if not found.is_kspace:
        raise InputError(
            f"{path}: the variable {shown!r} holds {found}, not a complex array; save the k-space as a variable of "
            "its own"
        )
    return found


@dataclass(frozen=True, eq=False)
class _Hdf5Array:
    """A data set of complex numbers, indexed in MATLAB's order, which is HDF5's reversed."""

    path: Path
    groups: tuple[str, ...]
    name: str

    def __getitem__(self, selection: tuple[int | slice, ...]) -> Complex:
        with open_hdf5(self.path) as file:
            stored = read_dataset(_group(file, self.groups), self.name)[selection[::-1]]
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
            try:
                variables[name] = _variable_73(path, (), name)
            except InputError:
                if name == wanted:
                    raise
                variables[name] = Variable((), "unreadable", np.empty(0))  # need not keep others from being read
    return variables


def _variable_73(path: Path, groups: tuple[str, ...], name: str) -> Variable:
    """Open a variable, or a field of the struct that the groups lead to."""
    with open_hdf5(path) as file:
        group = _group(file, groups)
        member = follow(group, name)
        if not isinstance(member, h5py.Dataset):
            names = entries(member) if isinstance(member, h5py.Group) and "MATLAB_sparse" not in member.attrs else []
            fields = {field: partial(_variable_73, path, (*groups, name), field) for field in names}
            return Variable((), "struct" if fields else "struct or sparse array", np.empty(0), fields)
        data = read_dataset(group, name)
        content = "complex" if _is_complex(data.dtype) else "real" if data.dtype.kind in "fiu" else "other values"
        return Variable(data.shape[::-1], content, _Hdf5Array(path, groups, name))


def _group(file: h5py.File, names: tuple[str, ...]) -> h5py.Group:
    group: h5py.Group = file
    for name in names:
        found = follow(group, name)
        if not isinstance(found, h5py.Group):
            raise InputError(f"{file.filename}: {name!r} is no struct")
        group = found
    return group


def _is_complex(dtype: np.dtype[Any]) -> bool:
    fields = set(dtype.names or ())
    return dtype.kind == "c" or (fields in PARTS and all(dtype[name].kind in "fiu" for name in fields))


def _variables_5(path: Path) -> dict[str, Variable]:
    variables: dict[str, Variable] = {}
    for number, element in enumerate(elements(path)):
        if number == MOST_VARIABLES:
            raise InputError(f"{path}: has more than {MOST_VARIABLES} variables")
        name, _, _ = element.header
        if not name:  # MATLAB's own workspace for functions
            continue
        variables[name] = _variable_5(element)
    return variables


def _variable_5(element: Version5Array) -> Variable:
    _, shape, flags = element.header
    code, content = flags & 0xFF, "complex" if flags & IS_COMPLEX else "real"
    fields = {
        name: partial(_variable_5, replace(element, within=(*element.within, number)))
        for number, name in enumerate(element.fields)
    }
    return Variable(shape, content if code in NUMERIC else CLASSES.get(code, "other values"), element, fields)


MATLAB = Format("MATLAB", (".mat",), is_matlab, open_matlab, options=frozenset({"axes", "variable"}))
