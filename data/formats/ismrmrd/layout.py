"""Reads ISMRMRD's HDF5 layout: readouts with headers, in any order.

Cartesian scans can be read. Other trajectories, and EPI, which needs a phase correction, are refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from recon.data.errors import InputError
from recon.data.formats.format import Format
from recon.data.formats.header.xml import HeaderError
from recon.data.formats.ismrmrd.images import Readouts, SortedVolume, sort_images
from recon.data.formats.ismrmrd.lines import Heads, Indices
from recon.data.formats.ismrmrd.partitions import by_position
from recon.data.formats.ismrmrd.readout_order import check_order
from recon.data.formats.ismrmrd.readout_type import ACQUISITION
from recon.data.formats.ismrmrd.scan_header import ScanHeader, parse_scan_header
from recon.data.formats.ismrmrd.trajectories import check_trajectories
from recon.data.formats.ismrmrd.writer import write_ismrmrd
from recon.data.storage.hdf5 import entries, follow, holds, is_own, open_hdf5, read_dataset, read_text
from recon.data.volume import Volume

Complex = NDArray[np.complex64]


@dataclass(frozen=True, eq=False)
class IsmrmrdVolume(SortedVolume):
    """An opened file.

    Attributes
    ----------
    group
        Name of the group that holds the scan.
    """

    group: str

    @contextmanager
    def readouts(self) -> Iterator[Readouts]:
        """Open the file to read the samples of its readouts."""
        with open_hdf5(self.path) as file:
            data = read_dataset(_group(self.path, file, self.group), "data")
            yield partial(_readouts, self.path, self.images.heads, data)

    def replay(self) -> Iterator[tuple[str, Any, Complex]]:
        """Yield every readout in the order of the file, as the XML header, the readout's header and its samples.

        Trajectories are left out, because a Cartesian scan does not need them.

        Raises
        ------
        InputError
            If the file is damaged.
        """
        with open_hdf5(self.path) as file:
            group = _group(self.path, file, self.group)
            xml = read_text(group, "xml").decode(errors="replace")
            heads = self.images.heads.copy()
            heads["trajectory_dimensions"] = 0
            for row, samples in _readouts(
                self.path, self.images.heads, read_dataset(group, "data"), np.arange(len(heads))
            ):
                yield xml, heads[row], samples


def is_ismrmrd(path: Path) -> bool:
    """Return whether a file is HDF5 with a group that holds acquisitions and a header."""
    if not h5py.is_hdf5(path):
        return False
    with open_hdf5(path) as file:
        return bool(_candidates(file))


def open_ismrmrd(path: Path) -> Volume:
    """Read everything but the samples of an ISMRMRD file.

    Raises
    ------
    InputError
        If the file is damaged, contradicts itself, or is not a Cartesian scan.
    """
    with open_hdf5(path) as file:
        names = _candidates(file)
        if len(names) != 1:
            raise InputError(
                f"{path}: holds {len(names)} ISMRMRD scans ({', '.join(names)}); only files with one scan can be read"
            )
        group = _group(path, file, names[0])
        scan = _scan(path, group)
        data = read_dataset(group, "data")
        _check_type(path, data)
        heads = data.fields("head")[()]
        if not len(heads):
            raise InputError(f"{path}: holds no readouts")
        images = sort_images(path, heads, scan)
        _check_sizes(path, heads)
        rows = next(iter(images.lines.images.values())).rows
        check_trajectories(path, _trajectories(data, heads, rows))
        if scan.is_pulseq and images.lines.partitions is None:
            check_order(path, heads, rows, partial(_readouts, path, heads, data))
    return by_position(IsmrmrdVolume(path, images.shape, images.header, images, names[0]), scan)


def _readouts(path: Path, heads: Heads, data: h5py.Dataset, rows: Indices) -> Iterator[tuple[int, Complex]]:
    """Yield each row and its samples `(coils, samples)`, reading adjacent rows at once."""
    for run in np.split(rows, np.flatnonzero(np.diff(rows) != 1) + 1):
        values = data.fields("data")[int(run[0]) : int(run[-1]) + 1]
        for row, numbers in zip(run.tolist(), values, strict=True):
            channels, samples = (int(heads[name][row]) for name in ("active_channels", "number_of_samples"))
            if len(numbers) != 2 * channels * samples:
                raise InputError(
                    f"{path}: readout {row} holds {len(numbers)} numbers, its header says "
                    f"{channels} channels of {samples} samples"
                )
            yield row, np.ascontiguousarray(numbers, np.float32).view(np.complex64).reshape(channels, samples)


def _candidates(file: h5py.File) -> list[str]:
    members = {name: follow(file, name) for name in entries(file) if is_own(file, name)}
    return [
        name
        for name, member in members.items()
        if isinstance(member, h5py.Group) and holds(member, "xml") and holds(member, "data")
    ]


def _group(path: Path, file: h5py.File, name: str) -> h5py.Group:
    group = follow(file, name)
    if not isinstance(group, h5py.Group):
        raise InputError(f"{path}: there is no group {name!r} in the file")
    return group


def _scan(path: Path, group: h5py.Group) -> ScanHeader:
    try:
        return parse_scan_header(read_text(group, "xml"), path)
    except HeaderError as error:
        raise InputError(f"{path}: {error}") from error


def _check_type(path: Path, data: h5py.Dataset) -> None:
    stored = data.dtype
    if data.ndim != 1 or not _fits(stored, ACQUISITION) or h5py.check_vlen_dtype(stored["data"]) != np.float32:
        raise InputError(f"{path}: the data set 'data' does not hold ISMRMRD acquisitions")


def _trajectories(data: h5py.Dataset, heads: Heads, rows: Indices) -> list[NDArray[np.float32]]:
    """Read the trajectories `(samples, dimensions)` of those readouts that store one."""
    dimensions, samples = heads["trajectory_dimensions"][rows], heads["number_of_samples"][rows].astype(int)
    if not dimensions.any():
        return []
    stored = data.fields("traj")[int(rows[0]) : int(rows[-1]) + 1][rows - rows[0]]
    return [
        np.ascontiguousarray(numbers, np.float32).reshape(count, -1)
        for numbers, size, count in zip(stored, dimensions, samples, strict=True)
        if size and len(numbers) == size * count
    ]


def _fits(found: np.dtype[Any], wanted: np.dtype[Any]) -> bool:
    """Return whether a structured type has every field of another one, of the same kind and shape."""
    if wanted.names is None:
        return (found.base.kind, found.shape) == (wanted.base.kind, wanted.shape)
    return set(found.names or ()) >= set(wanted.names) and all(
        _fits(found[name], wanted[name]) for name in wanted.names
    )


def _check_sizes(path: Path, heads: Heads) -> None:
    samples = int((heads["number_of_samples"].astype(np.int64) * heads["active_channels"]).sum())
    if 8 * samples > path.stat().st_size:
        raise InputError(f"{path}: the readouts claim {samples} samples, more than the file can hold")


ISMRMRD = Format(
    "ISMRMRD",
    (".mrd", ".h5"),
    is_ismrmrd,
    open_ismrmrd,
    write_ismrmrd,
    frozenset({"masks", "header", "calibration", "noise"}),
)
