"""Reads the part of an ISMRMRD header that a reconstruction needs."""

from __future__ import annotations

import math
from pathlib import Path
from xml.etree import ElementTree as ET

from recon.data.acquisition import Header
from recon.data.errors import printable, warn_of_input
from recon.data.formats.header.xml import HeaderError, parse_xml

PROTOCOL = "measurementInformation/protocolName"
STRENGTH = "acquisitionSystemInformation/systemFieldStrength_T"
FREQUENCY = "experimentalConditions/H1resonanceFrequency_Hz"
ECHO_TIMES = "sequenceParameters/TE"
PARAMETERS, INTERVAL, HYBRID = "userParameters/userParameterDouble", "frame_interval_ms", "readout_is_transformed"
"""Parameters of this project's own files, for which the schema has no elements."""

PROTON_HZ_PER_TESLA = 42.577478e6

LARGEST_MATRIX = 2**16 - 1
"""Largest matrix size that ISMRMRD's schema allows."""

LARGEST_NUMBER = 1e10
"""Upper bound, far beyond every field of view in mm and every resonance frequency in Hz."""

LOWEST_FREQUENCY = 1000.0
"""Lower bound of a resonance frequency in Hz, below that of the Earth's magnetic field."""

LONGEST_QUOTE = 40
"""Number of characters of an impossible value that a message quotes."""

LONGEST_CONTRAST = 64

MOST_ECHOES = 256
"""Number of echo times that are read."""


def parse_header(xml: str | bytes, contrast: str = "", name: str | Path = "a scan") -> Header:
    """Read the part of an ISMRMRD header that a reconstruction needs.

    A header without a reconstructed space describes the image by its encoded space. Values that do not matter to the
    image, such as the resonance frequency, are left out with a warning if they are impossible.

    Parameters
    ----------
    xml
        Text of the header.
    contrast
        Type of the acquisition, which precedes the protocol name in the header.
    name
        Name of the file, for warnings.

    Raises
    ------
    HeaderError
        If the text is not XML, declares entities, lacks matrix sizes, or holds impossible values.
    """
    root = parse_xml(xml)
    space = image_space(root)
    return Header(
        crop=(_integer(root, f"{space}/matrixSize/x"), _integer(root, f"{space}/matrixSize/y")),
        padding=_padding(root),
        field_of_view=_field_of_view(root, space),
        field_strength=_field_strength(root, name),
        contrast=printable(contrast or root.findtext(PROTOCOL) or "", LONGEST_CONTRAST),
        encoded_field_of_view=_field_of_view(root, "encodedSpace"),
        echo_times=_echo_times(root, name),
        slice_thickness=_slice_thickness(root, space, name),
        frame_interval=_parameter(root, INTERVAL, name),
        volumetric=_parameter(root, HYBRID, name) is not None,
    )


def image_space(root: ET.Element) -> str:
    """Return the name of the space that describes the image: the encoded one if the other has no size."""
    sizes = [(_find(root, f"reconSpace/matrixSize/{axis}") or "").strip() for axis in "xy"]
    return "reconSpace" if all(size.strip("0") for size in sizes) else "encodedSpace"


def _find(root: ET.Element, path: str) -> str | None:
    return root.findtext(f"encoding/{path}")


def _integer(root: ET.Element, path: str) -> int:
    text = _find(root, path)
    if text is None:
        raise HeaderError(f"its ISMRMRD header has no {path}")
    try:
        value = int(text)
    except ValueError as error:
        raise HeaderError(f"its ISMRMRD header says {path} is {quoted(text)}, not a whole number") from error
    if not 0 <= value <= LARGEST_MATRIX:
        raise HeaderError(f"its ISMRMRD header says {path} is {quoted(text)}")
    return value


def quoted(text: str) -> str:
    """Quote an untrusted value for a message."""
    return repr(printable(text, LONGEST_QUOTE))


def _padding(root: ET.Element) -> tuple[int, int]:
    """Return the acquired columns `[first, last)` as fastMRI counts them; all columns if there are no limits."""
    phase = _integer(root, "encodedSpace/matrixSize/y")
    limits = "encodingLimits/kspace_encoding_step_1"
    if _find(root, f"{limits}/maximum") is None or _integer(root, f"{limits}/maximum") == 0:  # left at its default
        return 0, phase
    center = phase // 2 if _find(root, f"{limits}/center") is None else _integer(root, f"{limits}/center")
    first = phase // 2 - center
    last = first + _integer(root, f"{limits}/maximum") + 1
    return max(first, 0), last


def _field_of_view(root: ET.Element, space: str) -> tuple[float, float] | None:
    paths = [f"{space}/fieldOfView_mm/{axis}" for axis in "xy"]
    readout, phase = (_positive(_find(root, path), path) for path in paths)
    return None if readout is None or phase is None else (readout, phase)


def _slice_thickness(root: ET.Element, space: str, name: str | Path) -> float | None:
    """Return the slice thickness in mm; that of a partition if the scan encodes a slab."""
    try:
        extent = _positive(_find(root, f"{space}/fieldOfView_mm/z"), f"{space}/fieldOfView_mm/z")
        partitions = _positive(_find(root, f"{space}/matrixSize/z"), f"{space}/matrixSize/z")
    except HeaderError as error:
        warn_of_input(f"{name}: {error}; the value is left out")
        return None
    return None if extent is None else extent / max(partitions or 1, 1)


def _echo_times(root: ET.Element, name: str | Path) -> tuple[float, ...]:
    """Return the echo times in ms, one for each contrast; none of them if one is unknown or impossible."""
    texts = [element.text for element in root.findall(ECHO_TIMES)[:MOST_ECHOES]]
    try:
        times = [_positive(text, "sequenceParameters/TE") for text in texts]
    except HeaderError as error:
        warn_of_input(f"{name}: {error}; the value is left out")
        return ()
    return () if None in times else tuple(time for time in times if time is not None)


def _parameter(root: ET.Element, wanted: str, name: str | Path) -> float | None:
    """Return a number that this project writes among the user's parameters; None if it is missing or impossible."""
    for parameter in root.findall(PARAMETERS):
        if (parameter.findtext("name") or "").strip() != wanted:
            continue
        try:
            return _positive(parameter.findtext("value"), wanted)
        except HeaderError as error:
            warn_of_input(f"{name}: {error}; the value is left out")
    return None


def _field_strength(root: ET.Element, name: str | Path) -> float | None:
    for path, unit in ((STRENGTH, 1.0), (FREQUENCY, PROTON_HZ_PER_TESLA)):
        what, text = path.rpartition("/")[2], root.findtext(path)
        try:
            value = _positive(text, what)
        except HeaderError as error:
            warn_of_input(f"{name}: {error}; the value is left out")
            continue
        if value is not None and value / unit * PROTON_HZ_PER_TESLA < LOWEST_FREQUENCY:
            warn_of_input(f"{name}: its ISMRMRD header says {what} is {quoted(text or '')}; the value is left out")
        elif value is not None:
            return value / unit
    return None


def _positive(text: str | None, what: str) -> float | None:
    """Convert text to a positive number; None if the text is missing or 0."""
    if text is None or not text.strip():
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= LARGEST_NUMBER:
        raise HeaderError(f"its ISMRMRD header says {what} is {quoted(text)}")
    return value or None
