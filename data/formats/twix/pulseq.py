"""Describes scans of Pulseq (Layton et al. 2017), whose protocol says nothing of the sequence that was played.

Matrix and centre of k-space follow from the counters and samples of the readouts.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from recon.data.errors import InputError, warn_of_input
from recon.data.formats.ismrmrd.images import Readouts
from recon.data.formats.ismrmrd.lines import Heads, Indices
from recon.data.formats.ismrmrd.readout_order import check_order
from recon.data.formats.ismrmrd.scan_header import ScanHeader

OFF_CENTER = 0.1
"""Distance of the strongest line from the middle, as share of the lines, above which a scan is partial Fourier."""


def described_by_readouts(
    path: Path, scan: ScanHeader, heads: Heads, center_line: int, imaging: Indices, readouts: Readouts
) -> tuple[ScanHeader, int]:
    """Return the scan as its readouts describe it, and the counter of the central line.

    Parameters
    ----------
    path
        Path of the file, for messages.
    scan
        Scan as its protocol describes it.
    heads
        Headers of all readouts, with Siemens' line counters.
    center_line
        Central line that the readouts' headers declare; 0 if they declare none.
    imaging
        Rows of the readouts of images.
    readouts
        Function that reads the samples.

    Raises
    ------
    InputError
        If the readouts are not those of a Cartesian 2-D scan.
    """
    samples = np.unique(heads["number_of_samples"][imaging]).tolist()
    if len(samples) != 1:
        raise InputError(
            f"{path}: was measured with Pulseq, and its readouts have different numbers of samples "
            f"({', '.join(map(str, samples[:5]))}); leave those out that do not belong to the image"
        )
    lines = heads["idx"]["kspace_encode_step_1"][imaging].astype(np.int64)
    first, last = int(lines.min()), int(lines.max())
    strongest = check_order(path, heads, imaging, readouts)
    middle = (first + last + 1) // 2
    center = center_line if first < center_line < last else strongest
    whole = abs(center - middle) <= (1 if center == center_line else max(2, OFF_CENTER * (last - first)))
    if whole:
        center, phase = middle, last - first + 1
    else:
        phase = 2 * max(center - first, last + 1 - center)
    return _replaced(path, scan, (samples[0], phase), center, center_line), center


def _replaced(path: Path, scan: ScanHeader, matrix: tuple[int, int], center: int, center_line: int) -> ScanHeader:
    """Return the scan with another matrix; without a field of view if the protocol's is that of another matrix."""
    same = scan.matrix[:2] == matrix
    if not same or abs(center - center_line) > 1:
        warn_of_input(
            f"{path}: was measured with Pulseq; its matrix ({matrix[0]} x {matrix[1]}) and the centre of k-space "
            f"(line {center}) are taken from its readouts, not from its protocol"
            f"{'' if same else '; its field of view is unknown'}"
        )
    scan = replace(scan, matrix=(*matrix, 1), center=matrix[1] // 2)
    if same:
        return scan
    header = replace(scan.header, crop=matrix, field_of_view=None, encoded_field_of_view=None, slice_thickness=None)
    return replace(scan, header=header, field_of_view=None)
