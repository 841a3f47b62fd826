"""Finds raw-data files and opens them, whatever their format."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import h5py

from recon.data.errors import InputError
from recon.data.formats.bart import BART, is_bart, samples_of
from recon.data.formats.calgary import CALGARY
from recon.data.formats.fastmri.layout import FASTMRI
from recon.data.formats.format import Format
from recon.data.formats.ismrmrd.layout import ISMRMRD
from recon.data.formats.matlab.reader import MATLAB
from recon.data.formats.mrd2.reader import MRD2
from recon.data.formats.numpy import NPY, NPZ
from recon.data.formats.twix.reader import TWIX
from recon.data.formats.unread import explain_unread
from recon.data.storage.hdf5 import listed, open_hdf5
from recon.data.storage.trial_process import try_in_child
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
    "parts_of",
    "recognise",
    "result_name",
]

FORMATS: tuple[Format, ...] = (
    MATLAB,  # before fastMRI: a variable of a MATLAB file may be called "kspace"
    CALGARY,  # before fastMRI, whose k-space has the same name but is complex
    FASTMRI,
    ISMRMRD,
    MRD2,
    BART,
    NPY,
    NPZ,
    TWIX,
)
"""All formats that can be read; a new format takes its own module and a line here."""

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
"""First bytes of an HDF5 file, including files so damaged that the library does not recognise them."""

HDF5_SUFFIXES = set(FASTMRI.suffixes)

MOST_EXPLAINED = 1000
"""Number of files that are looked at to say why a folder holds no raw data."""

SUFFIXES = {suffix for known in FORMATS for suffix in known.suffixes}


def open_volume(
    path: str | Path, *, isolate: bool = True, axes: str | None = None, variable: str | None = None
) -> Volume:
    """Open a raw-data file of any known format; its content decides on the format, not its name.

    Parameters
    ----------
    path
        Path of the file.
    isolate
        Whether to open an HDF5 file in a child process first, so that a damaged file cannot crash or hang this one.
        False is faster, for files that can be trusted.
    axes
        Names of the axes of an array without a header, in their order, such as "readout phase coils slices".
    variable
        Name of the array in a file that holds several.

    Raises
    ------
    InputError
        If the file is missing, damaged, of no known format, or of a format that describes itself.
    """
    path = Path(path)
    choices = {name: words for name, words in (("axes", axes), ("variable", variable)) if words is not None}
    if isolate and path.is_file() and h5py.is_hdf5(path):
        try_in_child(path, lambda: _open(path, choices))
    return _open(path, choices)


def _open(path: Path, choices: Mapping[str, str]) -> Volume:
    recognised = recognise(path)
    for name in choices:
        if name not in recognised.options:
            takers = ", ".join(known.name for known in FORMATS if name in known.options)
            raise InputError(
                f"{path}: --{name} is only for {takers}; the format {recognised.name} describes its own content"
            )
    return recognised.open(path, **choices)


def recognise(path: Path) -> Format:
    """Find the format of a file by its content.

    Raises
    ------
    InputError
        If the file is missing, empty, damaged, or of no known format.
    """
    if path.is_dir():
        raise InputError(f"{path}: {explain_unread(path) or 'is a folder; give a raw-data file'}")
    if not path.is_file():
        raise InputError(f"{path}: there is no such file")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: the file is empty")
    for known in FORMATS:
        if known.recognises(path):
            return known
    unread = explain_unread(path)
    if unread is not None:
        raise InputError(f"{path}: {unread}")
    if not _begins_as_hdf5(path):
        known_names = ", ".join(known.name for known in FORMATS)
        raise InputError(f"{path}: the file is not HDF5, nor of another known format ({known_names})")
    with open_hdf5(path) as file:  # raises an error that says what is wrong with a damaged file
        names = listed(file)
    raise InputError(f"{path}: the HDF5 file holds no raw data of a known layout, only {names}")


def _begins_as_hdf5(path: Path) -> bool:
    if h5py.is_hdf5(path):
        return True
    with path.open("rb") as file:
        return file.read(len(HDF5_SIGNATURE)) == HDF5_SIGNATURE


def result_name(path: Path) -> str:
    """Return the name of the HDF5 file to which the reconstruction of a raw-data file is written."""
    return path.name if path.suffix.lower() in HDF5_SUFFIXES else f"{path.name}.h5"


def parts_of(path: Path) -> list[Path]:
    """Return all files that a raw-data file consists of: BART's are pairs of samples and header."""
    return [path.with_suffix(suffix) for suffix in (".cfl", ".hdr")] if is_bart(path) else [path]


def find_files(inputs: Iterable[Path]) -> list[Path]:
    """List the raw-data files among the inputs, whose results must have different names.

    Parameters
    ----------
    inputs
        Files, and folders that stand for the raw-data files in them, sorted by name.

    Raises
    ------
    InputError
        For the reasons of `list_files`, or if the results of two files would have the same name.
    """
    return _with_distinct_names(list_files(inputs))


def list_files(inputs: Iterable[Path], suffixes: Collection[str] = SUFFIXES) -> list[Path]:
    """List the raw-data files among the inputs, each once; files in different folders may have the same name.

    Parameters
    ----------
    inputs
        Files, and folders that stand for the raw-data files in them, sorted by name, without hidden ones.
    suffixes
        Suffixes of the files to list in a folder.

    Raises
    ------
    InputError
        If a path does not exist, or a folder holds no raw data.
    """
    files: list[Path] = []
    for path in inputs:
        if path.is_dir():
            files += _files_in(path, suffixes)
        elif path.exists():
            files.append(samples_of(path))
        else:
            raise InputError(f"{path}: there is no such file or folder")
    return list(dict.fromkeys(files))


def _files_in(folder: Path, suffixes: Collection[str]) -> list[Path]:
    with os.scandir(folder) as entries:  # several times faster than Path.iterdir for thousands of files
        names = sorted(entry.name for entry in entries if entry.is_file() and not entry.name.startswith("."))
    found = [folder / name for name in names if _suffix(name) in suffixes]
    if found:
        return found
    for path in (folder, *(folder / name for name in names[:MOST_EXPLAINED])):
        unread = None if h5py.is_hdf5(path) else explain_unread(path)  # HDF5 is opened in a child process only
        if unread is not None:
            raise InputError(f"{path}: {unread}")
    raise InputError(f"{folder}: the folder holds no raw-data file ({', '.join(sorted(suffixes))})")


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()  # noqa: PTH122


def _with_distinct_names(files: list[Path]) -> list[Path]:
    """Drop repeated files, and refuse different files whose results would have one name."""
    by_name: dict[str, Path] = {}
    for file in files:
        other = by_name.setdefault(result_name(file), file)
        if file is not other and not file.samefile(other):
            same = "has the same name as" if file.name == other.name else "has a result of the same name as that of"
            raise InputError(f"{file}: {same} {other}; give them in separate runs")
    return list(by_name.values())
