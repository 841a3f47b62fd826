"""Describes scans of Pulseq (Layton et al. 2017), whose protocol says nothing of the sequence that was played.

Matrix and centre of k-space follow from the counters and samples of the readouts. What the counters cannot describe,
such as radial readouts or an EPI without flags, is recognised by its samples and refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recon.data.errors import InputError, warn_of_input
from recon.data.formats.ismrmrd.distinct_images import COUNTERS, number_rows
from recon.data.formats.ismrmrd.images import Readouts
from recon.data.formats.ismrmrd.lines import Heads, Indices
from recon.data.formats.ismrmrd.scan_header import ScanHeader

Floats = NDArray[np.float64]

FEWEST_LINES = 8
"""Smallest number of lines whose samples tell how k-space was sampled."""

MOST_LINES_PER_SAMPLE = 4
"""Largest ratio of lines to samples; more lines are those of several images or partitions without counters."""

LEAST_CENTRAL = 0.5
"""Least share of a Cartesian scan's energy in the quarter of the lines around the strongest one."""

OFF_CENTER = 0.1
"""Distance of the strongest line from the middle, relative to the number of lines, that tells partial Fourier."""

LEAST_MIRRORED, LEAST_SHIFT, LEAST_SURE = 0.02, 0.5, 5.0
"""Signs of alternating readouts: how much better a profile fits the mirrored next one; the shift between their echoes
in samples, and in standard errors."""


@dataclass(frozen=True, eq=False)
class _Profiles:
    """What the readouts of one image show, in the order of their acquisition.

    Attributes
    ----------
    lines
        Line counters.
    energy
        Sum of squares of each readout.
    echo
        Position of each echo, in samples from the middle.
    profiles
        Magnitude of each readout's Fourier transform, `(readouts, samples)`.
    """

    lines: Indices
    energy: Floats
    echo: Floats
    profiles: Floats


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
    found = _first_image(heads, imaging, readouts)
    _check(path, found)
    middle = (first + last + 1) // 2
    center = center_line if first < center_line < last else int(found.lines[found.energy.argmax()])
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
    header = replace(scan.header, crop=matrix, field_of_view=None, encoded_field_of_view=None)
    return replace(scan, header=header, field_of_view=None)


def _first_image(heads: Heads, imaging: Indices, readouts: Readouts) -> _Profiles:
    counters = number_rows(np.stack([heads["idx"][name][imaging] for name in (*COUNTERS, "average")], axis=1))
    rows = imaging[counters == counters[0]]
    found = np.array(list(_measure(rows, readouts)), object)
    return _Profiles(
        lines=heads["idx"]["kspace_encode_step_1"][rows].astype(np.int64),
        energy=found[:, 0].astype(np.float64),
        echo=found[:, 1].astype(np.float64),
        profiles=np.stack(list(found[:, 2])),
    )


def _measure(rows: Indices, readouts: Readouts) -> Iterator[tuple[float, float, Floats]]:
    """Yield energy, position of the echo and magnitude profile of each readout."""
    for _, line in readouts(rows):
        finite = np.nan_to_num(line.astype(np.complex128), posinf=0, neginf=0)
        image = np.fft.fftshift(np.fft.ifft(np.fft.ifftshift(finite, axes=-1), axis=-1), axes=-1)
        turn = np.angle((image[:, 1:] * image[:, :-1].conj()).sum())
        yield (
            float(np.square(np.abs(finite)).sum()),
            float(turn / (2 * np.pi) * line.shape[-1]),
            np.sqrt(np.square(np.abs(image)).sum(axis=0)),
        )


def _check(path: Path, found: _Profiles) -> None:
    """Refuse what is not a Cartesian 2-D scan with readouts of one direction."""
    lines, samples = len(np.unique(found.lines)), found.profiles.shape[1]
    central = np.abs(found.lines - found.lines[found.energy.argmax()]) <= max(1, np.ptp(found.lines) // 8)
    total = found.energy.sum()
    reason = None
    if lines < FEWEST_LINES:
        reason = f"its counters tell only {lines} lines apart, as of spectra or spirals"
    elif lines > MOST_LINES_PER_SAMPLE * samples:
        reason = f"its counters number {lines} lines of {samples} samples, as of a 3-D scan without counters"
    elif _alternates(found):
        reason = "its readouts have alternating direction (EPI) without flags and need a phase correction"
    elif not total > 0 or found.energy[central].sum() < LEAST_CENTRAL * total:
        reason = "its lines are not ordered by phase encoding, or each of them passes the centre of k-space (radial)"
    if reason:
        raise InputError(
            f"{path}: was measured with Pulseq and cannot be read, because {reason}; sort and correct its readouts "
            "by the sequence and store the result as ISMRMRD, BART or NumPy"
        )


def _alternates(found: _Profiles) -> bool:
    """Return whether every other readout runs backward, so that it mirrors the object and shifts the echo back."""
    profiles = found.profiles - found.profiles.mean(axis=1, keepdims=True)
    samples = profiles.shape[1]
    mirrored = np.roll(profiles[:, ::-1], 1 - samples % 2, axis=1)
    weights = np.sqrt(found.energy[1:] * found.energy[:-1])
    straight, turned = (_fit(profiles[1:], other[:-1], weights) for other in (profiles, mirrored))
    if turned > straight + LEAST_MIRRORED:
        return True
    shifts = (found.echo[1:-1] - (found.echo[:-2] + found.echo[2:]) / 2) * (-1.0) ** np.arange(len(found.echo) - 2)
    strong = shifts[np.argsort(found.energy[1:-1])[-max(FEWEST_LINES, len(shifts) // 4) :]]
    shift, error = abs(strong.mean()), strong.std() / np.sqrt(len(strong))
    return bool(shift > LEAST_SHIFT and shift > LEAST_SURE * error)


def _fit(profiles: Floats, others: Floats, weights: Floats) -> float:
    """Return the mean correlation of pairs of profiles `(pairs, samples)`, weighted `(pairs,)`."""
    norms = np.sqrt(np.square(profiles).sum(axis=1) * np.square(others).sum(axis=1))
    fits = (profiles * others).sum(axis=1) / np.maximum(norms, np.finfo(np.float64).tiny)
    return float((weights * fits).sum() / max(weights.sum(), np.finfo(np.float64).tiny))
