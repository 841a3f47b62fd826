"""Examines how the readouts of a Pulseq scan follow each other, which its counters and flags may not say.

Scans that neither can describe, such as radial ones or an EPI without flags, are recognised by their samples and
refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recon.data.errors import InputError
from recon.data.formats.ismrmrd.distinct_images import COUNTERS, number_rows
from recon.data.formats.ismrmrd.images import Readouts
from recon.data.formats.ismrmrd.lines import Heads, Indices

Floats = NDArray[np.float64]

FEWEST_LINES = 8
"""Smallest number of lines whose samples tell how k-space was sampled."""

MOST_LINES_PER_SAMPLE = 4
"""Largest ratio of lines to samples; more lines are those of several images or partitions without counters."""

LEAST_CENTRAL_ENERGY, LEAST_CENTRAL_MAGNITUDE = 0.5, 0.33
"""Least shares of a Cartesian scan in the quarter of the lines around the strongest one: measured scans have 0.86 to
0.99 of their energy there and 0.53 to 0.81 of their summed magnitudes; where lines are shuffled, a share is low."""

MANY_PAIRS, LEAST_CONSISTENT = 0.4, 1.2
"""Share of neighbouring lines that must differ in direction for their mean gain to count; where fewer do, as in EPI
of several shots, the smallest sum of the gains relative to the root of the sum of their squares."""

TINY = float(np.finfo(np.float64).tiny)

LEAST_MIRRORED, LEAST_SHIFT, LEAST_SURE = 0.02, 0.5, 5.0
"""Signs of alternating readouts: how much better a profile fits the mirrored next one; the shift between their echoes
in samples, and in standard errors."""


@dataclass(frozen=True, eq=False)
class _Profiles:
    """Counters and profiles of the readouts of one image, in the order of their acquisition.

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


def check_order(path: Path, heads: Heads, imaging: Indices, readouts: Readouts) -> int:
    """Refuse a scan of Pulseq that is not a Cartesian 2-D scan with readouts of one direction.

    Parameters
    ----------
    path
        Path of the file, for messages.
    heads
        Headers of all readouts.
    imaging
        Rows of the readouts of images, of which those of the first image are examined.
    readouts
        Function that reads the samples.

    Returns
    -------
    int
        Counter of the line with the most energy.

    Raises
    ------
    InputError
        If counters cannot describe the scan.
    """
    found = _first_image(heads, imaging, readouts)
    lines, samples = len(np.unique(found.lines)), found.profiles.shape[1]
    central = np.abs(found.lines - found.lines[found.energy.argmax()]) <= max(1, np.ptp(found.lines) // 8)
    shares = [power[central].sum() / max(power.sum(), TINY) for power in (found.energy, np.sqrt(found.energy))]
    reason = None
    if lines < FEWEST_LINES:
        reason = f"its counters tell only {lines} lines apart, as of spectra or spirals"
    elif lines > MOST_LINES_PER_SAMPLE * samples:
        reason = f"its counters number {lines} lines of {samples} samples, as of a 3-D scan without counters"
    elif _alternates(found):
        reason = "its readouts have alternating direction (EPI) without flags and need a phase correction"
    elif shares[0] < LEAST_CENTRAL_ENERGY or shares[1] < LEAST_CENTRAL_MAGNITUDE:
        reason = "its lines are not ordered by phase encoding, or each of them passes the centre of k-space (radial)"
    if reason:
        raise InputError(
            f"{path}: was measured with Pulseq and cannot be read, because {reason}; sort and correct its readouts "
            "by the sequence and store the result as ISMRMRD, BART or NumPy"
        )
    return int(found.lines[found.energy.argmax()])


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
        with np.errstate(invalid="ignore"):  # values that are not finite are refused later
            finite = np.nan_to_num(line.astype(np.complex128), posinf=0, neginf=0)
        image = np.fft.fftshift(np.fft.ifft(np.fft.ifftshift(finite, axes=-1), axis=-1), axes=-1)
        turn = np.angle((image[:, 1:] * image[:, :-1].conj()).sum())
        yield (
            float(np.square(np.abs(finite)).sum()),
            float(turn / (2 * np.pi) * line.shape[-1]),
            np.sqrt(np.square(np.abs(image)).sum(axis=0)),
        )


def _alternates(found: _Profiles) -> bool:
    """Return whether every other readout runs backward, so that it mirrors the object and shifts the echo back.

    Turning every other readout of each train round then makes neighbouring lines more alike.
    """
    order = np.argsort(found.lines, kind="stable")
    rising = np.diff(found.lines) * (1 if np.median(np.diff(found.lines)) >= 0 else -1) > 0
    numbers = np.arange(len(order))
    starts = np.maximum.accumulate(np.where(np.r_[True, ~rising], numbers, 0))
    return any(_alternate(found, order, turned[order]) for turned in (numbers % 2 == 1, (numbers - starts) % 2 == 1))


def _alternate(found: _Profiles, order: Indices, turned: NDArray[np.bool_]) -> bool:
    """Return whether readouts, in the order of their lines, fit each other better if these are turned round."""
    energy, echo, profiles = found.energy[order], found.echo[order], found.profiles[order]
    profiles = profiles - profiles.mean(axis=1, keepdims=True)
    mirrored = np.roll(profiles[:, ::-1], 1 - profiles.shape[1] % 2, axis=1)
    between = np.flatnonzero(turned[1:] != turned[:-1])
    following, weights = profiles[between + 1], (energy[between + 1] * energy[between]) ** 0.25
    gains = weights * (_fit(following, mirrored[between]) - _fit(following, profiles[between]))
    few = len(between) < MANY_PAIRS * len(order)
    error = np.sqrt(np.square(gains).sum()) if few else 0.0
    if gains.sum() > max(LEAST_MIRRORED * weights.sum(), LEAST_CONSISTENT * error):
        return True
    shifts = (echo[1:-1] - (echo[:-2] + echo[2:]) / 2) * np.where(turned[1:-1], -1, 1)
    single = np.flatnonzero((turned[1:-1] != turned[:-2]) & (turned[1:-1] != turned[2:]))
    strong = shifts[single[np.argsort(energy[1:-1][single])[-max(FEWEST_LINES, len(single) // 4) :]]]
    if len(strong) < FEWEST_LINES:
        return False
    shift, error = abs(strong.mean()), strong.std() / np.sqrt(len(strong))
    return bool(shift > LEAST_SHIFT and shift > LEAST_SURE * error)


def _fit(profiles: Floats, others: Floats) -> Floats:
    """Return the correlation of each pair of profiles `(pairs, samples)`, whose means are zero."""
    norms = np.sqrt(np.square(profiles).sum(axis=1) * np.square(others).sum(axis=1))
    return (profiles * others).sum(axis=1) / np.maximum(norms, TINY)
