"""The ISMRMRD XML header inside fastMRI files: matrix, crop, padding, field of view, field strength."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from data.acquisition import Header

NAMESPACE = "{http://www.ismrm.org/ISMRMRD}"
PROTON_HZ_PER_TESLA = 42.577478e6


class HeaderError(ValueError):
    """The header cannot be used; the message says why, the caller adds the file's name."""


def parse_header(xml: str | bytes, contrast: str = "") -> Header:
    """Read what a reconstruction needs from an ISMRMRD header.

    Parameters
    ----------
    xml
        The text of the data set `ismrmrd_header`.
    contrast
        The file's attribute `acquisition`.

    Raises
    ------
    HeaderError
        If the text is no XML, declares entities, or lacks matrix sizes.
    """
    text = xml.decode("utf-8", errors="replace") if isinstance(xml, bytes) else xml
    if "<!" in re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL):
        raise HeaderError("its ISMRMRD header declares a document type, which is refused")
    try:
        root = ET.fromstring(text.encode())  # noqa: S314 - document types are refused above
    except ET.ParseError as error:
        raise HeaderError(f"its ISMRMRD header is not valid XML ({error})") from error
    return Header(
        crop=(_integer(root, "reconSpace/matrixSize/x"), _integer(root, "reconSpace/matrixSize/y")),
        padding=_padding(root),
        field_of_view=_field_of_view(root),
        field_strength=_field_strength(root),
        contrast=contrast,
    )


def format_header(header: Header, matrix: tuple[int, int], coils: int, slices: int) -> str:
    """Write the ISMRMRD header that `parse_header` reads back.

    Parameters
    ----------
    header
        What to say.
    matrix
        Sampled matrix `(readout, phase)`.
    coils, slices
        Their numbers.
    """
    readout, phase = matrix
    first, last = header.padding
    fov_readout, fov_phase = header.field_of_view or tuple(float(size) for size in header.crop)
    fov_encoded = (fov_readout * readout / header.crop[0], fov_phase * phase / header.crop[1])
    frequency = round((header.field_strength or 1.5) * PROTON_HZ_PER_TESLA)
    return f"""<?xml version="1.0" encoding="utf-8"?>
<ismrmrdHeader xmlns="http://www.ismrm.org/ISMRMRD">
  <acquisitionSystemInformation>
    <systemFieldStrength_T>{header.field_strength or 1.5:g}</systemFieldStrength_T>
    <receiverChannels>{coils}</receiverChannels>
  </acquisitionSystemInformation>
  <experimentalConditions><H1resonanceFrequency_Hz>{frequency}</H1resonanceFrequency_Hz></experimentalConditions>
  <encoding>
    <encodedSpace>{_space(matrix, fov_encoded)}</encodedSpace>
    <reconSpace>{_space(header.crop, (fov_readout, fov_phase))}</reconSpace>
    <encodingLimits>
      <kspace_encoding_step_1>
        <minimum>0</minimum><maximum>{last - first - 1}</maximum><center>{phase // 2 - first}</center>
      </kspace_encoding_step_1>
      <slice><minimum>0</minimum><maximum>{slices - 1}</maximum><center>{slices // 2}</center></slice>
    </encodingLimits>
    <trajectory>cartesian</trajectory>
  </encoding>
</ismrmrdHeader>
"""


def _space(matrix: tuple[int, int], fov: tuple[float, float]) -> str:
    return (
        f"<matrixSize><x>{matrix[0]}</x><y>{matrix[1]}</y><z>1</z></matrixSize>"
        f"<fieldOfView_mm><x>{fov[0]:g}</x><y>{fov[1]:g}</y><z>5</z></fieldOfView_mm>"
    )


def _find(root: ET.Element, path: str) -> str | None:
    steps = "/".join(NAMESPACE + step for step in path.split("/"))
    return root.findtext(f"{NAMESPACE}encoding/{steps}")


def _integer(root: ET.Element, path: str) -> int:
    text = _find(root, path)
    if text is None:
        raise HeaderError(f"its ISMRMRD header has no {path}")
    try:
        value = int(text)
    except ValueError as error:
        raise HeaderError(f"its ISMRMRD header says {path} is {text!r}, not a whole number") from error
    if value < 0:
        raise HeaderError(f"its ISMRMRD header says {path} is {value}")
    return value


def _padding(root: ET.Element) -> tuple[int, int]:
    """Columns `[first, last)` that were acquired, as fastMRI counts them; everything if no limits are given."""
    phase = _integer(root, "encodedSpace/matrixSize/y")
    limits = "encodingLimits/kspace_encoding_step_1"
    if _find(root, f"{limits}/maximum") is None:
        return 0, phase
    first = phase // 2 - _integer(root, f"{limits}/center")
    last = first + _integer(root, f"{limits}/maximum") + 1
    return max(first, 0), last


def _field_of_view(root: ET.Element) -> tuple[float, float] | None:
    sizes = [_find(root, f"reconSpace/fieldOfView_mm/{axis}") for axis in "xy"]
    try:
        readout, phase = (float(size) for size in sizes if size is not None)
    except ValueError:
        return None
    return readout, phase


def _field_strength(root: ET.Element) -> float | None:
    tesla = root.findtext(f"{NAMESPACE}acquisitionSystemInformation/{NAMESPACE}systemFieldStrength_T")
    hertz = root.findtext(f"{NAMESPACE}experimentalConditions/{NAMESPACE}H1resonanceFrequency_Hz")
    try:
        return float(tesla) if tesla else float(hertz) / PROTON_HZ_PER_TESLA if hertz else None
    except ValueError:
        return None
