"""Finds faults of a single file that make its scores incomparable with those of others."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from recon.experiments.comparability.content import VolumeContent

EQUAL = 1e-5
"""Relative spread below which values of different slices are equal; that of measured ones is far above it."""

SAME_SCALE = 1e-3
"""Relative spread of the factor from k-space to target that rounding explains."""

REAL = 1e-6
"""Imaginary share of the energy below which images are real; that of measured ones exceeds a thousandth."""

EMPTY = 1e-9
"""Share of the energy in the zero padding below which it is empty."""

CROPPED, BY_SLICE, TWICE = "crop before masking", "maximum by slice", "duplicated rows"
"""Kinds of faults."""


class Fault(NamedTuple):
    """Something that makes scores too good or incomparable: its kind, and one sentence."""

    kind: str
    sentence: str


def file_faults(content: VolumeContent) -> list[Fault]:
    """Return the faults of a file."""
    return [*_cropped(content), *_by_slice(content), *_duplicated(content)]


def _cropped(content: VolumeContent) -> Iterator[Fault]:
    """Find k-space that was not measured: cropped as an image, or made from one (Shimron et al. 2022).

    A mask along phase that is drawn for fewer lines than were measured makes the task easier. Readout oversampling
    may be removed, because the mask does not depend on readout.
    """
    path, (_, _, readout, phase) = content.path, content.volume.shape
    encoded = content.identity.encoded
    axes = ((readout, 0), (phase, 1)) if content.volume.header.volumetric else ((phase, 1),)
    for size, axis in axes:
        if encoded is not None and size < encoded[axis]:
            yield Fault(
                CROPPED,
                f"{path}: k-space has {size} phase encodings, the header says that {encoded[axis]} were encoded; "
                "masks are drawn for a cropped scan",
            )
    padded = max(one.padded for one in content.slices)
    if padded > EMPTY:
        yield Fault(
            CROPPED,
            f"{path}: lines that the header calls zero padding hold {padded:.1e} of the energy; k-space was "
            "transformed to images, changed, and transformed back",
        )
    if max(one.imaginary for one in content.slices) < REAL:
        yield Fault(CROPPED, f"{path}: all images are real, so k-space was made from magnitude images, not measured")


def _by_slice(content: VolumeContent) -> Iterator[Fault]:
    """Find ranges that are those of slices: the range of SSIM and PSNR is the largest value of the volume."""
    path, stated, largest = content.path, content.volume.target_max, content.target_max
    by_slice = [one.sizes.get("target maximum", math.nan) for one in content.slices]
    if stated is not None and largest is not None and not math.isclose(stated, largest, rel_tol=EQUAL):
        matching = [index for index, value in enumerate(by_slice) if math.isclose(stated, value, rel_tol=EQUAL)]
        whose = f", which is that of slice {matching[0]}" if matching else ""
        yield Fault(BY_SLICE, f"{path}: the stated maximum is {stated:.4g}{whose}, that of the volume {largest:.4g}")
    if len({one.samples for one in content.slices}) < 2:
        return
    factors = [one.factor for one in content.slices if one.factor is not None]
    if _spread(factors) > SAME_SCALE:
        yield Fault(
            BY_SLICE,
            f"{path}: the target is {min(factors):.4g} to {max(factors):.4g} times the image of the k-space, from "
            "slice to slice; it was scaled slice by slice",
        )
    for name in content.slices[0].sizes:
        values = [one.sizes.get(name, math.nan) for one in content.slices]
        if len(values) > 1 and _spread(values) < EQUAL:
            yield Fault(
                BY_SLICE, f"{path}: the {name} is {values[0]:.4g} in every slice; it was scaled slice by slice"
            )


def _duplicated(content: VolumeContent) -> Iterator[Fault]:
    """Find slices and lines that are there twice."""
    places: dict[str, list[int]] = defaultdict(list)
    for index, one in enumerate(content.slices):
        places[one.samples].append(index)
    for indices in places.values():
        if len(indices) > 1:
            yield Fault(TWICE, f"{content.path}: slices {', '.join(map(str, indices))} hold the same samples")
    twins = [(index, one.twin_lines) for index, one in enumerate(content.slices) if one.twin_lines]
    if twins:
        index, count = twins[0]
        more = f", and in {len(twins) - 1} more slices" if len(twins) > 1 else ""
        yield Fault(TWICE, f"{content.path}: {count} lines of slice {index} are copies of another line{more}")


def _spread(values: Sequence[float]) -> float:
    """Return the range of values over their mean magnitude; 0 for fewer than two, and NaN if one is NaN."""
    if len(values) < 2:
        return 0.0
    scale = float(np.abs(values).mean())
    return (max(values) - min(values)) / scale if scale else 0.0
