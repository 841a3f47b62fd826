"""Reads Siemens raw data (twix, `.dat`) with the optional package `twixtools`.

Headers are converted to ISMRMRD's as the converter `siemens_to_ismrmrd` does it, so that both files give the same
images and the same scans are refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recon.data.errors import InputError, warn_of_input
from recon.data.formats.format import Format
from recon.data.formats.header.xml import HeaderError
from recon.data.formats.ismrmrd.images import Complex, Readouts, SortedVolume, sort_images
from recon.data.formats.ismrmrd.lines import (
    CALIBRATION,
    CALIBRATION_AND_IMAGING,
    NO_IMAGE,
    NOISE,
    PHASE_CORRECTION,
    REVERSE,
    Heads,
    Indices,
)
from recon.data.formats.ismrmrd.partitions import by_position
from recon.data.formats.ismrmrd.readout_type import HEAD
from recon.data.formats.ismrmrd.scan_header import ScanHeader
from recon.data.formats.twix.layout import Bytes, Layout, Measurement, is_twix, read_measurements
from recon.data.formats.twix.protocol import TwixProtocol
from recon.data.formats.twix.pulseq import described_by_readouts
from recon.data.volume import Volume

FLAGS = {
    "NOISEADJSCAN": NOISE,
    "PATREFSCAN": CALIBRATION,
    "PATREFANDIMASCAN": CALIBRATION_AND_IMAGING,
    "REFLECT": REVERSE,
    "PHASCOR": PHASE_CORRECTION,
} | dict.fromkeys(("RTFEEDBACK", "HPFEEDBACK", "REFPHASESTABSCAN", "PHASESTABSCAN", "RETRO_DUMMYSCAN"), NO_IMAGE)
"""ISMRMRD flag for each of Siemens' flag names."""

COUNTERS = {
    "average": "Ave",
    "slice": "Sli",
    "contrast": "Eco",
    "phase": "Phs",
    "repetition": "Rep",
    "set": "Set",
    "kspace_encode_step_2": "Par",
}
"""Siemens' name for each ISMRMRD counter."""

USER_COUNTERS = ("Ida", "Idb", "Idc", "Idd", "Ide")
"""Siemens' counters without a fixed meaning, which become ISMRMRD's user counters."""

NOISE_DWELL = {"AdjCoilSens": 5.0, "AdjQuietCoilSens": 4.0}
"""Dwell time in microseconds of the noise scans in these adjustments, as `siemens_to_ismrmrd` assumes it."""

NOISE_READOUT = 7680.0
"""Duration in microseconds of a readout of other noise scans."""


@dataclass(frozen=True, eq=False)
class TwixVolume(SortedVolume):
    """An opened file.

    Attributes
    ----------
    starts
        Position of the samples of each readout in the file.
    between
        Number of bytes between the samples of one channel and those of the next.
    """

    starts: Indices
    between: int

    @contextmanager
    def readouts(self) -> Iterator[Readouts]:
        """Open the file to read the samples of its readouts."""
        yield self._readouts

    def _readouts(self, rows: Indices) -> Iterator[tuple[int, Complex]]:
        content = np.memmap(self.path, np.uint8, "r")
        return _read(content, self.images.heads, self.starts, self.between, rows)


def open_twix(path: Path) -> Volume:
    """Read everything but the samples; the last measurement of an image is the scan, others may hold its noise scan.

    Raises
    ------
    InputError
        If twixtools is not installed, the file is damaged, or the scan is not Cartesian.
    """
    content = np.memmap(path, np.uint8, "r")
    layout, measurements = read_measurements(path, content)
    measured, adjustments = _scan_and_adjustments(path, layout, measurements)
    protocol = TwixProtocol(measured.text, path)
    try:
        scan, dwell, is_pulseq = protocol.scan_header(), protocol.dwell, protocol.is_pulseq
    except HeaderError as error:
        raise InputError(f"{path}: {error}") from error
    parts = [measured, *(_noise(content, layout, adjustment, measured) for adjustment in adjustments)]
    heads = np.concatenate([_heads(layout, part, dwell) for part in parts])
    between = layout.channel.itemsize
    starts = np.concatenate([part.starts for part in parts]) + layout.before + between
    center_lines = np.concatenate([part.heads["CenterLin"] for part in parts]).astype(np.int64)
    if is_pulseq and len(rows := _imaging(heads)):
        center, samples = int(center_lines[rows[0]]), partial(_read, content, heads, starts, between)
        scan, center_lines[:] = described_by_readouts(path, scan, heads, center, rows, samples)
    _place_lines(path, heads, center_lines, scan)
    _place_partitions(path, heads, np.concatenate([part.heads["CenterPar"] for part in parts]).astype(np.int64), scan)
    images = sort_images(path, heads, _with_padding(scan, heads))
    return by_position(TwixVolume(path, images.shape, images.header, images, starts, between), scan)


def _scan_and_adjustments(
    path: Path, layout: Layout, measurements: list[Measurement]
) -> tuple[Measurement, list[Measurement]]:
    """Return the last measurement of an image that is not an adjustment, and all others but those of images."""
    scans = [
        part for part in measurements if not part.name.startswith("Adj") and len(_imaging(_heads(layout, part, 0)))
    ]
    if not scans:
        return measurements[-1], measurements[:-1]
    if len(scans) > 1:
        warn_of_input(f"{path}: holds {len(scans)} scans, of which the last is read")
    return scans[-1], [part for part in measurements if all(part is not scan for scan in scans)]


def _read(
    content: Bytes, heads: Heads, starts: Indices, between: int, rows: Indices
) -> Iterator[tuple[int, Complex]]:
    """Yield each row and its samples `(coils, samples)`."""
    for row in rows.tolist():
        channels, samples = int(heads["active_channels"][row]), int(heads["number_of_samples"][row])
        strides = (between + 8 * samples, 8)
        stored: Complex = np.ndarray((channels, samples), "<c8", content, int(starts[row]), strides)
        yield row, stored.astype(np.complex64)


def _noise(content: Bytes, layout: Layout, adjustment: Measurement, measured: Measurement) -> Measurement:
    """Keep only the noise scan of an adjustment, and only readouts of the channels that received the image."""
    wanted = [_channels(content, layout, measured, row) for row in range(len(measured.heads))[-1:]]
    rows = [
        row
        for row in np.flatnonzero(layout.has(adjustment.heads, "NOISEADJSCAN")).tolist()
        if wanted and np.array_equal(_channels(content, layout, adjustment, row), wanted[0])
    ]
    return replace(adjustment, heads=adjustment.heads[rows], starts=adjustment.starts[rows])


def _channels(content: Bytes, layout: Layout, part: Measurement, row: int) -> NDArray[np.uint16]:
    """Return the numbers of the channels that received a readout."""
    head, start = part.heads[row], int(part.starts[row]) + layout.before
    headers: Any = np.ndarray((int(head["UsedChannels"]),), layout.channel, content, start, (layout.stride(head),))
    channels: NDArray[np.uint16] = headers["ChannelId"]
    return channels


def _heads(layout: Layout, part: Measurement, dwell: float) -> Heads:
    """Convert headers to ISMRMRD's, with Siemens' counter of lines."""
    theirs = part.heads
    heads = np.zeros(len(theirs), HEAD)
    for name, flag in FLAGS.items():
        heads["flags"] |= np.where(layout.has(theirs, name), flag, np.uint64(0))
    heads["number_of_samples"] = theirs["SamplesInScan"]
    heads["available_channels"] = heads["active_channels"] = theirs["UsedChannels"]
    heads["discard_pre"], heads["discard_post"] = theirs["CutOff"]["Pre"], theirs["CutOff"]["Post"]
    heads["center_sample"] = theirs["CenterCol"]
    heads["acquisition_time_stamp"] = theirs["TimeStamp"]
    heads["physiology_time_stamp"][:, 0] = theirs["PMUTimeStamp"]
    for name, counter in COUNTERS.items():
        heads["idx"][name] = theirs["Counter"][counter]
    heads["idx"]["kspace_encode_step_1"] = theirs["Counter"]["Lin"]
    for number, counter in enumerate(USER_COUNTERS):
        heads["idx"]["user"][:, number] = theirs["Counter"][counter]
    noise_dwell = NOISE_DWELL.get(part.name, NOISE_READOUT / np.maximum(theirs["SamplesInScan"], 1))
    heads["sample_time_us"] = np.where(heads["flags"] & NOISE, noise_dwell, dwell)
    for axis, name in enumerate(("Sag", "Cor", "Tra")):
        heads["position"][:, axis] = theirs["SliceData"]["SlicePos"][name]
    with np.errstate(over="ignore", invalid="ignore"):  # invalid rotations are found later
        directions = _directions(theirs["SliceData"]["Quaternion"].astype(np.float64))
        heads["phase_dir"], heads["read_dir"], heads["slice_dir"] = directions
    return heads


def _place_lines(path: Path, heads: Heads, center_lines: Indices, scan: ScanHeader) -> None:
    """Replace the counter of each line by its column in k-space."""
    lines = heads["idx"]["kspace_encode_step_1"].astype(np.int64)
    columns = np.where(heads["flags"] & (NOISE | NO_IMAGE), 0, lines - center_lines + scan.center)
    if (columns < 0).any():
        raise InputError(
            f"{path}: line {lines[columns < 0][0]} with the centre at {center_lines[columns < 0][0]} does not "
            f"fit a matrix of {scan.matrix[1]} lines"
        )
    heads["idx"]["kspace_encode_step_1"] = columns


def _place_partitions(path: Path, heads: Heads, centers: Indices, scan: ScanHeader) -> None:
    """Replace the counter of each partition by its place in k-space, where the protocol says there are several."""
    if scan.partitions is None:
        return
    steps = heads["idx"]["kspace_encode_step_2"].astype(np.int64)
    places = np.where(heads["flags"] & (NOISE | NO_IMAGE), 0, steps - centers + scan.partitions.center)
    if (places < 0).any():
        raise InputError(
            f"{path}: partition {steps[places < 0][0]} with the centre at {centers[places < 0][0]} does not fit "
            f"{scan.partitions.count} partitions"
        )
    heads["idx"]["kspace_encode_step_2"] = places


def _directions(quaternions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the directions of phase, readout and slice `(3, readouts, 3)`; zeros for quaternions of zeros."""
    w, x, y, z = quaternions.T
    columns = [
        [w * w + x * x - y * y - z * z, 2 * (x * y + w * z), 2 * (x * z - w * y)],
        [2 * (x * y - w * z), w * w - x * x + y * y - z * z, 2 * (y * z + w * x)],
        [2 * (x * z + w * y), 2 * (y * z - w * x), w * w - x * x - y * y + z * z],
    ]
    return np.moveaxis(np.array(columns), 1, -1)


def _imaging(heads: Heads) -> Indices:
    """Return the rows of the readouts of images."""
    calibrating = (heads["flags"] & CALIBRATION != 0) & (heads["flags"] & CALIBRATION_AND_IMAGING == 0)
    return np.flatnonzero(~calibrating & (heads["flags"] & (NOISE | NO_IMAGE | PHASE_CORRECTION) == 0))


def _with_padding(scan: ScanHeader, heads: Heads) -> ScanHeader:
    """Set the padding to the columns outside the outermost measured lines."""
    columns = heads["idx"]["kspace_encode_step_1"][_imaging(heads)]
    if not len(columns):
        return scan
    return replace(scan, header=replace(scan.header, padding=(int(columns.min()), int(columns.max()) + 1)))


TWIX = Format("twix", (".dat",), is_twix, open_twix)
