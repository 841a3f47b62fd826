"""Writes raw data as MRD 2."""

from __future__ import annotations

from pathlib import Path

from recon.data.formats.ismrmrd.writer import readouts_of
from recon.data.formats.mrd2.header import from_xml
from recon.data.formats.mrd2.items import acquisition_of, package
from recon.data.formats.whole_scan import WholeScan


def write_mrd2(path: Path, scan: WholeScan) -> None:
    """Write a scan, with the same readouts in the same order as `write_ismrmrd`.

    Raises
    ------
    InputError
        If the package is not installed, or the format cannot store the scan.
    """
    mrd = package("writing MRD 2")
    xml, parts = readouts_of(scan)
    with path.open("wb") as file, mrd.BinaryMrdWriter(file) as writer:
        writer.write_header(from_xml(xml, mrd.Header))
        for readouts in parts:
            items = [mrd.StreamItem.Acquisition(acquisition_of(head, samples)) for head, samples in readouts]
            if items:
                writer.write_data(items)
        if not scan.kspace.size:
            writer.write_data([])
