"""Stores a header as one line of JSON, for formats that can hold text but define no header of their own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from recon.data.acquisition import Header, is_valid_geometry
from recon.data.errors import InputError, printable
from recon.data.formats.header.reader import LARGEST_MATRIX, LARGEST_NUMBER, LONGEST_CONTRAST, PROTON_HZ_PER_TESLA
from recon.data.masks.measured import is_one_sided

if TYPE_CHECKING:
    from pydantic import TypeAdapter


@cache
def _adapter() -> TypeAdapter[Header]:
    from pydantic import TypeAdapter  # noqa: PLC0415 - takes a tenth of a second with the schema, for two formats

    return TypeAdapter(Header)


def header_as_text(header: Header) -> str:
    """Convert a header to one line of JSON."""
    return _adapter().dump_json(header).decode()


def header_from_text(path: Path, text: str, matrix: tuple[int, int], slices: int) -> Header:
    """Convert text made by `header_as_text` back to a header.

    Parameters
    ----------
    path
        Path of the file, for the message.
    text
        JSON text.
    matrix, slices
        Sampled matrix `(readout, phase)` and number of slices, which the header must fit.

    Raises
    ------
    InputError
        If the text is not a header, or contradicts the samples.
    """
    try:
        header = _adapter().validate_json(text)
    except ValueError as error:  # of pydantic
        raise InputError(f"{path}: the header beside the samples cannot be read") from error
    check_header_fits(path, header, matrix, slices)
    return replace(header, contrast=printable(header.contrast, LONGEST_CONTRAST))


def check_header_fits(path: Path, header: Header, matrix: tuple[int, int], slices: int) -> None:
    """Refuse a header that contradicts the samples.

    Raises
    ------
    InputError
        If crop, padding, sizes or geometry are impossible, the acquired lines lie on one side of the centre of
        k-space, or the number of slices differs.
    """
    first, last = header.padding
    if not 0 <= first <= matrix[1] // 2 or not first < last <= LARGEST_MATRIX:
        raise InputError(
            f"{path}: the header says that lines {first} to {last - 1} were acquired, of {matrix[1]} in the k-space"
        )
    if is_one_sided(header.padding, matrix[1]):
        raise InputError(
            f"{path}: the header says that lines {first} to {last - 1} of {matrix[1]} were acquired, all on one side "
            "of the centre of k-space; correct the number of the central line"
        )
    if not 1 <= min(header.crop) <= max(header.crop) <= LARGEST_MATRIX:
        raise InputError(f"{path}: the header's reconstruction matrix is {header.crop}")
    geometry = header.geometry or ()
    if header.geometry is not None and len(geometry) != slices:
        raise InputError(f"{path}: the header has the geometry of {len(geometry)} slices, but the file has {slices}")
    if header.frames is not None and len(header.frames) != slices:
        raise InputError(f"{path}: the header has counters of {len(header.frames)} images, but the file has {slices}")
    if not is_valid_geometry(geometry) or not all(0 < number <= LARGEST_NUMBER for number in _sizes(header)):
        raise InputError(f"{path}: the header holds impossible sizes or directions")


def _sizes(header: Header) -> Iterator[float]:
    """Yield all lengths in mm, the times in ms, and the field strength as its resonance frequency in Hz."""
    for sizes in (header.field_of_view, header.encoded_field_of_view):
        yield from sizes or ()
    for slice_ in header.geometry or ():
        yield from slice_.field_of_view
    yield from header.echo_times
    yield from (size for size in (header.slice_thickness, header.frame_interval) if size is not None)
    if header.field_strength is not None:
        yield header.field_strength * PROTON_HZ_PER_TESLA
