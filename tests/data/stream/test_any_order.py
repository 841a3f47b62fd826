"""A stream gives the images of its file, whatever the order of its lines."""

from collections.abc import Sequence
from pathlib import Path

import ismrmrd
import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.files.ismrmrd_files import readout, write, xml
from helpers.programs.streams import LARGEST
from helpers.scans.slices import random_kspace
from recon.data.errors import InputError
from recon.data.formats.ismrmrd.lines import Key
from recon.data.open import open_volume
from recon.data.stream.messages import HeaderText, Readout
from recon.data.stream.replay import replay
from recon.data.stream.scan import Finished, StreamedScan

COILS, READOUT, PHASE = 2, 8, 12
KSPACE = random_kspace(8, COILS, READOUT, PHASE).numpy()


def header(averages: int, segments: int, calibration: str | None, announce: bool) -> str:
    text = xml(READOUT, PHASE, calibration=calibration)
    if not announce:
        return text
    limits = "".join(
        f"<{name}><minimum>0</minimum><maximum>{count - 1}</maximum><center>0</center></{name}>"
        for name, count in (("average", averages), ("segment", segments))
    )
    return text.replace("</encodingLimits>", f"{limits}</encodingLimits>")


def scan_lines(
    slices: int, averages: int, segments: int, calibration: str | None, flags: str
) -> list[ismrmrd.Acquisition]:
    """Return lines in the order of a scanner: averages, then segments, slices in turns within each."""
    lines = []
    step = 1 if calibration is None else 2
    for average in range(averages):
        for segment in range(segments):
            for number in range(segment * step, PHASE, segments * step):
                for slice_ in range(slices):
                    last = number + segments * step >= PHASE
                    ends = {"segment": last, "average": last and segment == segments - 1, "none": False}[flags]
                    lines.append(
                        readout(
                            KSPACE[2 * slice_ + average, ..., number],
                            number,
                            [ismrmrd.ACQ_LAST_IN_SLICE] if ends else [],
                            slice=slice_,
                            average=average,
                            segment=segment,
                        )
                    )
    for number in range(3, 9) if calibration else ():
        lines += [
            readout(KSPACE[7, ..., number], number, [ismrmrd.ACQ_IS_PARALLEL_CALIBRATION], slice=slice_)
            for slice_ in range(slices)
        ]
    return lines


def last_images(path: Path) -> tuple[dict[Key, Finished], StreamedScan]:
    """Return the last version of every image of a stream."""
    start, *messages = replay(path)
    assert isinstance(start, HeaderText)
    scan = StreamedScan(start.xml, "the stream", LARGEST)
    images = {}
    for message in messages:
        is_line = isinstance(message, Readout)
        keys: Sequence[Key] = scan.add(message) if isinstance(message, Readout) else scan.close()
        for key in keys:
            try:
                images[key] = scan.finish(key)
            except InputError:  # what a flag called the last line was not
                assert is_line
                assert not scan.is_certain(key)
                scan.reopen(key)
    return images, scan


@settings(deadline=None, max_examples=40)
@given(
    slices=st.integers(1, 3),
    averages=st.integers(1, 2),
    segments=st.sampled_from([1, 2, 3]),
    calibration=st.sampled_from([None, "embedded", "separate"]),
    flags=st.sampled_from(["segment", "average", "none"]),
    announce=st.booleans(),
    order=st.one_of(st.none(), st.integers(0, 2**31)),
)
def test_the_last_image_of_each_slice_is_that_of_the_file(
    tmp_path_factory,
    slices: int,
    averages: int,
    segments: int,
    calibration: str | None,
    flags: str,
    announce: bool,
    order: int | None,
) -> None:
    lines = scan_lines(slices, averages, segments, calibration, flags)
    if order is not None:
        lines = [lines[index] for index in np.random.default_rng(order).permutation(len(lines))]
    path = write(
        tmp_path_factory.mktemp("scan") / "scan.mrd", header(averages, segments, calibration, announce), lines
    )
    volume = open_volume(path)
    images, scan = last_images(path)
    assert len(images) == len(volume)
    for index, key in enumerate(sorted(images)):
        wanted, found = volume.read(index), images[key].acquisition
        assert scan.missing(key) == ""
        for name in ("kspace", "mask", "calibration"):
            expected, given_ = getattr(wanted, name), getattr(found, name)
            assert (expected is None) == (given_ is None), name
            if expected is not None:
                torch.testing.assert_close(given_, expected, rtol=0, atol=0)


def test_an_announced_scan_in_order_is_assembled_once_and_as_soon_as_it_can_be(tmp_path: Path) -> None:
    lines = scan_lines(slices=2, averages=2, segments=2, calibration=None, flags="segment")
    start, *messages = replay(write(tmp_path / "scan.mrd", header(2, 2, None, announce=True), lines))
    assert isinstance(start, HeaderText)
    scan = StreamedScan(start.xml, "scan", LARGEST)
    complete = [scan.add(message) for message in messages if isinstance(message, Readout)]
    assert complete[-2:] == [[(0, 0, 0, 0, 0)], [(0, 0, 0, 0, 1)]]
    assert not any(complete[:-2])


def test_lines_of_images_that_were_released_are_counted(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("recon.data.stream.scan.KEPT", 0)
    lines = scan_lines(slices=1, averages=2, segments=1, calibration=None, flags="average")
    images, scan = last_images(write(tmp_path / "scan.mrd", header(2, 1, None, announce=False), lines))
    assert len(images) == 1
    assert (scan.lost, scan.kept, scan.held) == (PHASE, 0, 0)
