"""Divides the positions along the readout of a 3-D scan into slabs that overlap."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from recon.data.acquisition import Acquisition, Geometry

TOLERANCE = 0.1
"""Largest deviation of the next position from its place, in thicknesses of a position."""


class Slab(NamedTuple):
    """Neighbouring positions that a method reconstructs together.

    Attributes
    ----------
    kept
        Number of positions whose images are kept.
    margin
        Number of positions on either side that the slab holds in addition, so that the kept images hardly depend on
        where the slab ends.
    """

    kept: int
    margin: int


def slabs(acquisitions: Iterable[Acquisition], slab: Slab) -> Iterator[tuple[list[Acquisition], slice]]:
    """Yield slabs, and which of their positions are kept: every position is kept once, in order.

    No slab reaches across the end of an image, or across a gap. No more than one slab is held.

    Parameters
    ----------
    acquisitions
        Positions in the order of the file.
    slab
        Size of the slabs; the last one of an image keeps up to `margin` positions more.
    """
    held: list[Acquisition] = []
    first = 0
    for one in acquisitions:
        if held and not are_neighbours(held[-1], one):
            yield held, slice(first, None)
            held, first = [], 0
        elif len(held) == first + slab.kept + slab.margin:
            yield held, slice(first, first + slab.kept)
            dropped = max(first + slab.kept - slab.margin, 0)
            held, first = held[dropped:], first + slab.kept - dropped
        held.append(one)
    if held:
        yield held, slice(first, None)


def are_neighbours(one: Acquisition, other: Acquisition) -> bool:
    """Return whether the second is the next position along the readout of the same image of a 3-D scan.

    Millimetres decide where the file has them: positions with a gap between them are not neighbours.
    """
    if not (one.header.volumetric and other.header.volumetric) or one.name != other.name:
        return False
    if one.kspace.shape != other.kspace.shape or one.mask.shape != other.mask.shape:
        return False
    if (other.slice or 0) - (one.slice or 0) != 1 or _counters(one) != _counters(other):
        return False
    here, there = _place(one), _place(other)
    if here is None or there is None:
        return True
    thickness = here.field_of_view[2]
    expected = [centre + thickness * step for centre, step in zip(here.position, here.slice_dir, strict=True)]
    return math.dist(expected, there.position) <= TOLERANCE * thickness


def _counters(one: Acquisition) -> object:
    frames, index = one.header.frames, one.slice or 0
    return frames[index] if frames is not None and index < len(frames) else None


def _place(one: Acquisition) -> Geometry | None:
    """Return the geometry of a position; the header of a streamed position has no other."""
    geometry, index = one.header.geometry, one.slice or 0
    if geometry is None:
        return None
    if len(geometry) == 1:
        return geometry[0]
    return geometry[index] if index < len(geometry) else None
