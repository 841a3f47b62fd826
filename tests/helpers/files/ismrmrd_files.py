"""Writes ISMRMRD files with the package `ismrmrd`, not with the writer under test."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import ismrmrd
import numpy as np
from numpy.typing import NDArray

Complex = NDArray[np.complex64]

XML = """<?xml version="1.0"?>
<ismrmrdHeader xmlns="http://www.ismrm.org/ISMRMRD">
  <experimentalConditions><H1resonanceFrequency_Hz>127700000</H1resonanceFrequency_Hz></experimentalConditions>
  <encoding>
    <encodedSpace>
      <matrixSize><x>{x}</x><y>{y}</y><z>{z}</z></matrixSize>
      <fieldOfView_mm><x>{x}</x><y>{y}</y><z>4</z></fieldOfView_mm>
    </encodedSpace>
    <reconSpace>
      <matrixSize><x>{x}</x><y>{y}</y><z>1</z></matrixSize>
      <fieldOfView_mm><x>{x}</x><y>{y}</y><z>4</z></fieldOfView_mm>
    </reconSpace>
    <encodingLimits>
      <kspace_encoding_step_1><minimum>0</minimum><maximum>{last}</maximum><center>{center}</center></kspace_encoding_step_1>
    </encodingLimits>
    <trajectory>{trajectory}</trajectory>{parallel}
  </encoding>
</ismrmrdHeader>
"""

PARALLEL = (
    "<parallelImaging><accelerationFactor><kspace_encoding_step_1>2</kspace_encoding_step_1>"
    "<kspace_encoding_step_2>1</kspace_encoding_step_2></accelerationFactor>"
    "<calibrationMode>{}</calibrationMode></parallelImaging>"
)


def xml(
    x: int,
    y: int,
    z: int = 1,
    center: int | None = None,
    last: int | None = None,
    trajectory: str = "cartesian",
    calibration: str | None = None,
) -> str:
    """Write a header."""  # fmt: skip
    return XML.format(
        x=x,
        y=y,
        z=z,
        center=y // 2 if center is None else center,
        last=y - 1 if last is None else last,
        trajectory=trajectory,
        parallel="" if calibration is None else PARALLEL.format(calibration),
    )


def readout(samples: Complex, step: int = 0, flags: Iterable[int] = (), **head: Any) -> ismrmrd.Acquisition:
    """Make a readout of `(coils, samples)`; keywords set fields of the header or its counters."""
    made = ismrmrd.Acquisition.from_array(samples)
    made.center_sample = samples.shape[1] // 2
    made.sample_time_us = 5.0
    made.idx.kspace_encode_step_1 = step
    for flag in flags:
        made.setFlag(flag)
    for name, value in head.items():
        owner = made.idx if hasattr(made.idx, name) else made
        if isinstance(value, tuple):
            getattr(owner, name)[:] = value
        else:
            setattr(owner, name, value)
    return made


def write(path: Path, header: str, readouts: Iterable[ismrmrd.Acquisition]) -> Path:
    """Write a file."""
    with ismrmrd.Dataset(str(path), "dataset") as dataset:
        dataset.write_xml_header(header.encode())
        for one in readouts:
            dataset.append_acquisition(one)
    return path
