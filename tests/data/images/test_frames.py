"""DICOM distinguishes echoes and repetitions of a raw-data file."""

from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pydicom
import pytest

from helpers.files.ismrmrd_files import readout, write, xml
from helpers.files.twix_files import protocol
from recon.data.errors import InputWarning
from recon.data.formats.fastmri.layout import open_fastmri
from recon.data.formats.header.reader import parse_header
from recon.data.formats.twix.protocol import TwixProtocol
from recon.data.images.dicom import write_dicom
from recon.data.images.placement import stack
from recon.data.open import open_volume
from recon.data.series import Frame
from recon.experiments.commands.raw_data.convert import convert

AXES = {"read_dir": (0.0, 1.0, 0.0), "phase_dir": (0.0, 0.0, 1.0), "slice_dir": (1.0, 0.0, 0.0)}
TIMES = "<sequenceParameters><TR>500</TR><TE>4.92</TE><TE>7.38</TE></sequenceParameters></ismrmrdHeader>"


def write_scan(path: Path, **counters: int) -> Path:
    """Write two slices, 6 mm apart and 4 mm thick, at every value of the counters."""
    keys = [dict(zip(counters, values, strict=True)) for values in np.ndindex(*counters.values())]
    samples = np.ones((1, 16), np.complex64)
    readouts = [
        readout(samples, step, slice=number, position=(6.0 * number, 0.0, 0.0), **AXES, **key)
        for key in keys
        for number in range(2)
        for step in range(8)
    ]
    return write(path, xml(16, 8).replace("</ismrmrdHeader>", TIMES), readouts)


@pytest.mark.parametrize("copy", ["scan.h5", "copy.npz"])
def test_echoes_and_repetitions_keep_their_counters(tmp_path: Path, copy: str) -> None:
    write_scan(tmp_path / "scan.h5", contrast=2, repetition=3)
    if copy != "scan.h5":
        convert(tmp_path / "scan.h5", tmp_path / copy)
    header = open_volume(tmp_path / copy).header
    assert header.echo_times == (4.92, 7.38)
    assert header.frames is not None
    assert header.frames[::2] == tuple(Frame(contrast=c, repetition=r) for c in range(2) for r in range(3))
    numbers = [1, 3, 10]
    paths = [tmp_path / f"{number}.dcm" for number in numbers]
    write_dicom(paths, stack(np.ones((3, 16, 8), np.float32), header, (16, 8), numbers))
    found = [pydicom.dcmread(path) for path in paths]
    assert [one.EchoNumbers for one in found] == [1, 1, 2]
    assert [float(one.EchoTime) for one in found] == [4.92, 4.92, 7.38]
    assert [one.TemporalPositionIdentifier for one in found] == [1, 2, 3]
    assert all(one.NumberOfTemporalPositions == 3 for one in found)


@pytest.mark.parametrize("text", ["", "0", "-1", "nan", "inf", "1e400", "soon"])
def test_an_impossible_echo_time_is_left_out(text: str) -> None:
    header = xml(16, 8).replace("</ismrmrdHeader>", TIMES.replace("4.92", text))
    warned = nullcontext() if text in {"", "0"} else pytest.warns(InputWarning, match="TE")
    with warned:
        assert parse_header(header).echo_times == ()


def test_slices_alone_have_no_counters(tmp_path: Path) -> None:
    header = open_volume(write_scan(tmp_path / "scan.h5")).header
    assert header.frames is None
    paths = [tmp_path / "1.dcm", tmp_path / "2.dcm"]
    write_dicom(paths, stack(np.ones((2, 16, 8), np.float32), header, (16, 8)))
    found = [pydicom.dcmread(path) for path in paths]
    assert not any("EchoNumbers" in one or "TemporalPositionIdentifier" in one for one in found)
    assert [float(one.EchoTime) for one in found] == [4.92, 4.92]
    assert [float(one.SpacingBetweenSlices) for one in found] == [6, 6]


def test_fastmris_layout_keeps_echo_times(tmp_path: Path) -> None:
    convert(write_scan(tmp_path / "scan.mrd"), tmp_path / "copy.h5")
    assert open_fastmri(tmp_path / "copy.h5").header.echo_times == (4.92, 7.38)


@pytest.mark.parametrize(("contrasts", "times"), [(None, (4.92,)), (2, (4.92, 7.38)), (3, ())])
def test_siemens_protocols_hold_echo_times(contrasts: int | None, times: tuple[float, ...]) -> None:
    more = {"lContrasts": contrasts, "alTE[0]": 4920, "alTE[1]": 7380}
    assert TwixProtocol(protocol(8, 12, **more), Path("scan.dat")).scan_header().header.echo_times == times
