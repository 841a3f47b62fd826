"""Writes ISMRMRD's HDF5 layout: every measured line a readout with its header."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from recon.data.errors import InputError
from recon.data.formats.header import format_header
from recon.data.formats.ismrmrd.lines import CALIBRATION, NOISE, flag
from recon.data.formats.ismrmrd.readout_type import ACQUISITION, HEAD
from recon.data.formats.whole_scan import WholeScan
from recon.data.storage.new_hdf5 import new_hdf5

Complex = NDArray[np.complex64]

GROUP = "dataset"
VERSION = 1
LARGEST = 2**16 - 1
"""Of what counters and sizes can tell."""

NOISE_SAMPLES = 4096
"""In one readout of the noise scan."""

FIRST_IN_SLICE, LAST_IN_SLICE, LAST_IN_MEASUREMENT = flag(7), flag(8), flag(25)


def write_ismrmrd(path: Path, contents: WholeScan) -> None:
    """Write a scan: the noise, then slice by slice the calibration lines and the image's.

    Raises
    ------
    InputError
        If there is something that has no place in the format.
    """
    _check(contents)
    slices, coils, readout, phase = contents.kspace.shape
    xml = format_header(
        contents.header,
        (readout, phase),
        coils,
        slices,
        calibration_mode=None if contents.calibration is None else "separate",
    )
    with new_hdf5(path) as file:
        group = file.create_group(GROUP)
        # ISMRMRD's own library converts no other encoding of text.
        group.create_dataset("xml", data=[xml.encode("ascii", "xmlcharrefreplace")], dtype=h5py.string_dtype("ascii"))
        data = group.create_dataset("data", (0,), ACQUISITION, maxshape=(None,), chunks=(64,))
        if contents.noise is not None:
            starts = range(NOISE_SAMPLES, contents.noise.shape[1], NOISE_SAMPLES)
            _append(data, [_readout(line, NOISE) for line in np.split(contents.noise, starts, axis=1)])
        for index in range(slices):
            _append(data, _slice(contents, index))


Readout = tuple[NDArray[Any], Complex]
"""A header and its samples `(coils, samples)`."""


def _slice(contents: WholeScan, index: int) -> list[Readout]:
    """Make the readouts of one slice; the columns of the padding are not counted as steps."""
    phase, first = contents.kspace.shape[-1], contents.header.padding[0]
    columns = np.flatnonzero(contents.masks[index])
    image = [_readout(contents.kspace[index, ..., column], step=int(column) - first) for column in columns]
    calibration = []
    if contents.calibration is not None:
        lines = contents.calibration[index].transpose(2, 0, 1)
        start = phase // 2 - len(lines) // 2 - first
        calibration = [_readout(line, CALIBRATION, start + step) for step, line in enumerate(lines)]
    for head, _ in calibration + image:
        head["idx"]["slice"] = index
        if contents.header.geometry is not None:
            for name in ("position", "read_dir", "phase_dir", "slice_dir"):
                head[name] = getattr(contents.header.geometry[index], name)
    if image:
        image[0][0]["flags"] |= FIRST_IN_SLICE
        image[-1][0]["flags"] |= LAST_IN_SLICE
        if index == len(contents.kspace) - 1:
            image[-1][0]["flags"] |= LAST_IN_MEASUREMENT
    return calibration + image


def _readout(samples: Complex, flags: np.uint64 | None = None, step: int = 0) -> Readout:
    head = np.zeros((), HEAD)
    head["version"] = VERSION
    head["flags"] = 0 if flags is None else flags
    head["available_channels"], head["number_of_samples"] = samples.shape
    head["active_channels"] = head["available_channels"]
    head["center_sample"] = samples.shape[1] // 2
    head["sample_time_us"] = 1
    head["idx"]["kspace_encode_step_1"] = step
    return head, samples


def _append(data: h5py.Dataset, readouts: list[Readout]) -> None:
    rows = np.empty(len(readouts), ACQUISITION)
    for row, (head, samples) in zip(rows, readouts, strict=True):
        row["head"] = head
        row["traj"] = np.zeros(0, np.float32)
        row["data"] = np.ascontiguousarray(samples, np.complex64).view(np.float32).reshape(-1)
    before = len(data)
    data.resize((before + len(rows),))
    data[before:] = rows


def _check(contents: WholeScan) -> None:
    """Raise `InputError` if the scan cannot be told in readouts."""
    problem = None
    first = contents.header.padding[0]
    if contents.masks.ndim == 3:
        problem = "its lines were measured in part"
    elif contents.masks[:, :first].any():
        problem = "it has lines in what its header calls padding"
    elif max(contents.kspace.shape) > LARGEST:
        problem = f"it has more than {LARGEST} slices, coils, rows or lines"
    elif contents.calibration is not None:
        readout, phase = contents.kspace.shape[-2:]
        rows, lines = contents.calibration.shape[-2:]
        if rows != readout or lines > phase or phase // 2 - lines // 2 < first:
            problem = f"its {lines} calibration lines of {rows} samples do not fit its matrix"
    if problem:
        raise InputError(f"{contents.name}: cannot be written as ISMRMRD, because {problem}")
