"""From what a user names, files or folders, to opened volumes."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from pathlib import Path

import h5py

from recon.data.errors import InputError
from recon.data.formats.bart import BART
from recon.data.formats.fastmri import FASTMRI
from recon.data.formats.format import Format
from recon.data.formats.ismrmrd.layout import ISMRMRD
from recon.data.formats.numpy import NPY, NPZ
from recon.data.formats.twix.reader import TWIX
from recon.data.storage.hdf5 import listed, open_hdf5
from recon.data.storage.trial_process import try_apart
from recon.data.volume import Volume

__all__ = [
    "FORMATS",
    "NPY",
    "NPZ",
    "SUFFIXES",
    "Format",
    "Volume",
    "find_files",
    "list_files",
    "open_volume",
    "recognise",
    "result_name",
]

FORMATS: tuple[Format, ...] = (
    FASTMRI,
    ISMRMRD,
    BART,
    NPY,
    NPZ,
    TWIX,
)
"""Every format that is read: its module and this line are all that a new one takes."""

HDF5 = b"\x89HDF\r\n\x1a\n"
"""How such files begin, also those so damaged that the library does not know them."""

HDF5_SUFFIXES = set(FASTMRI.suffixes)

SUFFIXES = {suffix for known in FORMATS for suffix in known.suffixes}


def open_volume(path: Path) -> Volume:
    """Open a raw-data file of any known format, which its content tells and not its name.

    Raises
    ------
    InputError
        If it is none, or is damaged.
    """
    if path.is_file() and h5py.is_hdf5(path):
        try_apart(path, lambda: recognise(path).open(path))
    return recognise(path).open(path)


def recognise(path: Path) -> Format:
    """Find the format of a file by its content.

    Raises
    ------
    InputError
        If it is missing, empty, damaged, or of no known format.
    """
    if not path.is_file():
        raise InputError(f"{path}: there is no such file")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: the file is empty")
    for known in FORMATS:
        if known.recognises(path):
            return known
    if not _begins_as_hdf5(path):
        known_names = ", ".join(known.name for known in FORMATS)
        raise InputError(f"{path}: the file is not HDF5, nor of another known format ({known_names})")
    with open_hdf5(path) as file:  # tells what is wrong with a file that should be HDF5
        there = listed(file)
    raise InputError(f"{path}: is HDF5 but holds no raw data of a known layout, only {there}")


def _begins_as_hdf5(path: Path) -> bool:
    if h5py.is_hdf5(path):
        return True
    with path.open("rb") as file:
        return file.read(len(HDF5)) == HDF5


def result_name(path: Path) -> str:
    """Name the HDF5 file that the reconstruction of a raw-data file is written to."""
    return path.name if path.suffix.lower() in HDF5_SUFFIXES else f"{path.name}.h5"


def find_files(inputs: Iterable[Path]) -> list[Path]:
    """List the raw-data files that the user named, folders replaced by what lies in them, sorted by name.

    Raises
    ------
    InputError
        As `list_files`, and if two files share one name.
    """
    return _distinct(list_files(inputs))


def list_files(inputs: Iterable[Path], suffixes: Collection[str] = SUFFIXES) -> list[Path]:
    """List the raw-data files that the user named, each once; files of one name in different folders may be.

    Parameters
    ----------
    inputs
        Files and folders.
    suffixes
        Those that count in a folder.

    Raises
    ------
    InputError
        If a path does not exist, or a folder holds no raw data.
    """
    found: list[Path] = []
    for path in inputs:
        if path.is_dir():
            inside = _inside(path, suffixes)
            if not inside:
                raise InputError(f"{path}: the folder holds no raw-data file ({', '.join(sorted(suffixes))})")
            found += inside
        elif path.exists():
            found.append(path)
        else:
            raise InputError(f"{path}: there is no such file or folder")
    return list(dict.fromkeys(found))


def _inside(folder: Path, suffixes: Collection[str]) -> list[Path]:
    with os.scandir(folder) as entries:  # several times quicker than Path.iterdir where there are thousands
        names = [entry.name for entry in entries if _suffix(entry.name) in suffixes and entry.is_file()]
    return [folder / name for name in sorted(names)]


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()  # noqa: PTH122


def _distinct(files: list[Path]) -> list[Path]:
    """Keep each file once; outputs are named after inputs, so two files of one name would overwrite each other."""
    by_name: dict[str, Path] = {}
    for file in files:
        other = by_name.setdefault(file.name, file)
        if file is not other and not file.samefile(other):
            raise InputError(f"{file}: has the same name as {other}; give them in separate runs")
    return list(by_name.values())
