"""Writes ISMRMRD's HDF5 layout: one readout with a header for every measured line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from recon.data.errors import InputError
from recon.data.formats.header.writer import format_header
from recon.data.formats.ismrmrd.lines import CALIBRATION, NOISE, flag
from recon.data.formats.ismrmrd.readout_type import ACQUISITION, HEAD
from recon.data.formats.whole_scan import WholeScan
from recon.data.series import Frame, places_of
from recon.data.storage.new_hdf5 import new_hdf5

Complex = NDArray[np.complex64]

GROUP = "dataset"
Readout = tuple[NDArray[Any], Complex]
"""Header of a readout, and its samples `(coils, samples)`."""

VERSION = 1
LARGEST = 2**16 - 1
"""Largest value of counters and sizes."""

NOISE_SAMPLES = 4096
"""Number of samples in one readout of the noise scan."""

FIRST_IN_SLICE, LAST_IN_SLICE, LAST_IN_MEASUREMENT = flag(7), flag(8), flag(25)


def write_ismrmrd(path: Path, scan: WholeScan) -> None:
    """Write a scan: first the noise scan, then for each image the calibration lines and its own lines.

    Raises
    ------
    InputError
        If the format cannot store the scan.
    """
    xml, parts = readouts_of(scan)
    with new_hdf5(path) as file:
        group = file.create_group(GROUP)
        # ISMRMRD's own library reads no other text encoding.
        group.create_dataset("xml", data=[xml.encode("ascii", "xmlcharrefreplace")], dtype=h5py.string_dtype("ascii"))
        data = group.create_dataset("data", (0,), ACQUISITION, maxshape=(None,), chunks=(64,))
        for readouts in parts:
            _append(data, readouts)


def readouts_of(scan: WholeScan) -> tuple[str, Iterator[list[Readout]]]:
    """Return the text of the header, and the readouts of the noise scan and then of each image.

    Raises
    ------
    InputError
        If readouts cannot describe the scan.
    """
    _check(scan)
    images, coils, readout, phase = scan.kspace.shape
    places = places_of(scan.header.frames or (Frame(),) * images)
    xml = format_header(
        scan.header,
        (readout, phase),
        coils,
        max(places) + 1,
        calibration_mode=None if scan.calibration is None else "separate",
    )
    return xml, _parts(scan, places)


def _parts(scan: WholeScan, places: Sequence[int]) -> Iterator[list[Readout]]:
    if scan.noise is not None:
        starts = range(NOISE_SAMPLES, scan.noise.shape[1], NOISE_SAMPLES)
        yield [_readout(line, NOISE) for line in np.split(scan.noise, starts, axis=1)]
    for index in range(len(scan.kspace)):
        yield _image(scan, index, places)


def _image(scan: WholeScan, index: int, places: Sequence[int]) -> list[Readout]:
    """Make the readouts of one image.

    Parameters
    ----------
    scan
        Whole scan; steps are counted from the first column after the padding.
    index
        Index of the image.
    places
        Number of each image's place, which becomes the slice counter.
    """
    phase, first = scan.kspace.shape[-1], scan.header.padding[0]
    columns = np.flatnonzero(scan.masks[index])
    image = [_readout(scan.kspace[index, ..., column], step=int(column) - first) for column in columns]
    calibration = []
    if scan.calibration is not None:
        lines = scan.calibration[index].transpose(2, 0, 1)
        start = phase // 2 - len(lines) // 2 - first
        calibration = [_readout(line, CALIBRATION, start + step) for step, line in enumerate(lines)]
    for head, _ in calibration + image:
        head["idx"]["slice"] = places[index]
        if scan.header.frames is not None:
            for name, counter in asdict(scan.header.frames[index]).items():
                head["idx"][name] = counter
        if scan.header.geometry is not None:
            for name in ("position", "read_dir", "phase_dir", "slice_dir"):
                head[name] = getattr(scan.header.geometry[index], name)
    if image:
        image[0][0]["flags"] |= FIRST_IN_SLICE
        image[-1][0]["flags"] |= LAST_IN_SLICE
        if index == len(scan.kspace) - 1:
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


def _check(scan: WholeScan) -> None:
    """Raise `InputError` if the scan cannot be written as readouts."""
    problem = None
    first = scan.header.padding[0]
    if scan.masks.ndim == 3:
        problem = "its lines were measured partially"
    elif scan.masks[:, :first].any():
        problem = "it has lines in the padding that its header declares"
    elif max(scan.kspace.shape) > LARGEST:
        problem = f"it has more than {LARGEST} slices, coils, rows or lines"
    elif scan.calibration is not None:
        readout, phase = scan.kspace.shape[-2:]
        rows, lines = scan.calibration.shape[-2:]
        if rows != readout or lines > phase or phase // 2 - lines // 2 < first:
            problem = f"its {lines} calibration lines of {rows} samples do not fit its matrix"
    if problem:
        raise InputError(f"{scan.name}: cannot be written as ISMRMRD, because {problem}")
