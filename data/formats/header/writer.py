"""Writes an ISMRMRD header that `parse_header` reads back."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from recon.data.acquisition import Header
from recon.data.formats.header.reader import HYBRID, INTERVAL, PROTON_HZ_PER_TESLA


def format_header(
    header: Header, matrix: tuple[int, int], coils: int, slices: int, calibration_mode: str | None = None
) -> str:
    """Return the text of an ISMRMRD header that `parse_header` reads back.

    The text is a template, because `ismrmrd.xsd` would add two packages to the core for this function alone.

    Parameters
    ----------
    header
        Content of the header.
    matrix
        Sampled matrix `(readout, phase)`.
    coils, slices
        Number of coils and number of slices.
    calibration_mode
        ISMRMRD's name of the way in which calibration lines were acquired; None if there are none.
    """
    readout, phase = matrix
    first, last = header.padding
    fov_readout, fov_phase = header.field_of_view or tuple(float(size) for size in header.crop)
    fov_encoded = header.encoded_field_of_view or (
        fov_readout * readout / header.crop[0],
        fov_phase * phase / header.crop[1],
    )
    thickness = header.geometry[0].field_of_view[2] if header.geometry else header.slice_thickness or 0.0
    strength = header.field_strength or 0.0
    times = "".join(f"<TE>{time!r}</TE>" for time in header.echo_times)
    sequence = f"\n  <sequenceParameters>{times}</sequenceParameters>" if times else ""
    parameters = _parameters({INTERVAL: header.frame_interval, HYBRID: 1.0 if header.volumetric else None})
    tesla = f"<systemFieldStrength_T>{strength!r}</systemFieldStrength_T>" if strength else ""
    return f"""<?xml version="1.0" encoding="utf-8"?>
<ismrmrdHeader xmlns="http://www.ismrm.org/ISMRMRD">
  <measurementInformation>
    <patientPosition>HFS</patientPosition><protocolName>{escape(header.contrast, quote=False)}</protocolName>
  </measurementInformation>
  <acquisitionSystemInformation>
    {tesla}<receiverChannels>{coils}</receiverChannels>
  </acquisitionSystemInformation>
  <experimentalConditions>
    <H1resonanceFrequency_Hz>{round(strength * PROTON_HZ_PER_TESLA)}</H1resonanceFrequency_Hz>
  </experimentalConditions>
  <encoding>
    <encodedSpace>{_space(matrix, fov_encoded, thickness)}</encodedSpace>
    <reconSpace>{_space(header.crop, (fov_readout, fov_phase), thickness)}</reconSpace>
    <encodingLimits>
      <kspace_encoding_step_1>
        <minimum>0</minimum><maximum>{last - first - 1}</maximum><center>{phase // 2 - first}</center>
      </kspace_encoding_step_1>
      <slice><minimum>0</minimum><maximum>{slices - 1}</maximum><center>{slices // 2}</center></slice>
    </encodingLimits>
    <trajectory>cartesian</trajectory>{_calibration(calibration_mode)}
  </encoding>{sequence}{parameters}
</ismrmrdHeader>
"""


def _space(matrix: tuple[int, int], fov: tuple[float, float], thickness: float) -> str:
    return (
        f"<matrixSize><x>{matrix[0]}</x><y>{matrix[1]}</y><z>1</z></matrixSize>"
        f"<fieldOfView_mm><x>{fov[0]!r}</x><y>{fov[1]!r}</y><z>{thickness!r}</z></fieldOfView_mm>"
    )


def _parameters(values: Mapping[str, float | None]) -> str:
    """Return the numbers that are known, for which the schema has no elements of its own."""
    known = "".join(
        f"<userParameterDouble><name>{name}</name><value>{value!r}</value></userParameterDouble>"
        for name, value in values.items()
        if value is not None
    )
    return f"\n  <userParameters>{known}</userParameters>" if known else ""


def _calibration(mode: str | None) -> str:
    """Return the calibration mode with the acceleration that the schema requires; readouts tell the true one."""
    if mode is None:
        return ""
    factors = "<kspace_encoding_step_1>1</kspace_encoding_step_1><kspace_encoding_step_2>1</kspace_encoding_step_2>"
    return (
        f"<parallelImaging><accelerationFactor>{factors}</accelerationFactor>"
        f"<calibrationMode>{mode}</calibrationMode></parallelImaging>"
    )
