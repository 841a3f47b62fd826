"""The time between frames follows from the time stamps of readouts, or from the repetition time."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from helpers.files import ismrmrd_files, twix_files
from helpers.scans.volumes import header_3d
from recon.data.open import open_volume

FRAMES, LINES, READOUT = 4, 8, 12
TICK = 2.5
SAMPLES = np.ones((2, READOUT), np.complex64)


def sequence(tr: float | None = None, vendor: str = "", lines: int = LINES, train: int = 1) -> str:
    """A header of a 2-D scan with repetition time, vendor and echo train."""
    text = ismrmrd_files.xml(READOUT, lines)
    if vendor:
        system = f"<acquisitionSystemInformation><systemVendor>{vendor}</systemVendor></acquisitionSystemInformation>"
        text = text.replace("<experimentalConditions>", f"{system}<experimentalConditions>")
    if train > 1:
        text = text.replace("</encoding>", f"<echoTrainLength>{train}</echoTrainLength></encoding>")
    times = "" if tr is None else f"<sequenceParameters><TR>{tr}</TR></sequenceParameters>"
    return text.replace("</ismrmrdHeader>", f"{times}</ismrmrdHeader>")


def interval_of_repetitions(path: Path, header: str, stamps: Sequence[Sequence[int]] | None = None) -> float | None:
    """Write repetitions whose lines have these stamps, and return the time between them."""
    readouts = [
        ismrmrd_files.readout(
            SAMPLES, line, repetition=frame, acquisition_time_stamp=0 if stamps is None else stamps[frame][line]
        )
        for frame in range(FRAMES)
        for line in range(LINES)
    ]
    return open_volume(ismrmrd_files.write(path / "series.mrd", header, readouts)).header.frame_interval


def evenly(step: float, line: float) -> list[list[int]]:
    """Stamps of a clock that started in the afternoon, of frames and lines these ms apart."""
    return [
        [round((5e7 + frame * step + number * line) / TICK) for number in range(LINES)] for frame in range(FRAMES)
    ]


def test_repetitions_are_as_far_apart_as_the_clock_says(tmp_path: Path) -> None:
    assert interval_of_repetitions(tmp_path, sequence(), evenly(820.0, 100.0)) == pytest.approx(820.0)


def test_ticks_do_not_round_the_interval(tmp_path: Path) -> None:
    found = interval_of_repetitions(tmp_path, sequence(), evenly(41.3, 5.2))
    assert found == pytest.approx(41.3, abs=TICK / (FRAMES - 1))


def test_uneven_repetitions_have_no_interval(tmp_path: Path) -> None:
    stamps = evenly(820.0, 100.0)
    stamps[2] = [one + 500 for one in stamps[2]]
    assert interval_of_repetitions(tmp_path, sequence(), stamps) is None


def test_without_stamps_the_repetition_time_counts_the_lines_of_a_frame(tmp_path: Path) -> None:
    assert interval_of_repetitions(tmp_path, sequence(tr=5.0)) == pytest.approx(5.0 * LINES)


def test_several_lines_of_an_echo_train_share_a_repetition_time(tmp_path: Path) -> None:
    assert interval_of_repetitions(tmp_path, sequence(tr=5.0, train=4)) == pytest.approx(10.0)


def test_other_vendors_clocks_have_unknown_units(tmp_path: Path) -> None:
    assert interval_of_repetitions(tmp_path, sequence(vendor="PHILIPS"), evenly(820.0, 100.0)) is None


def test_nothing_is_known_without_stamps_and_repetition_time(tmp_path: Path) -> None:
    assert interval_of_repetitions(tmp_path, sequence()) is None


@pytest.mark.parametrize("beats", [1, 4])
def test_cardiac_phases_are_timed_from_the_trigger_whatever_the_beats_last(tmp_path: Path, beats: int) -> None:
    starts = np.cumsum([0, 930, 870, 1010][:beats])
    readouts = []
    for beat in range(beats):
        for phase in range(FRAMES):
            for line in range(beat, LINES, beats):
                since = phase * 45.0 + (line // beats) * 45.0 * beats / LINES
                readouts.append(
                    ismrmrd_files.readout(
                        SAMPLES,
                        line,
                        phase=phase,
                        physiology_time_stamp=(round(since / TICK), 0, 0),
                        acquisition_time_stamp=round((starts[beat] + since) / TICK),
                    )
                )
    volume = open_volume(ismrmrd_files.write(tmp_path / "cine.mrd", sequence(tr=45.0), readouts))
    assert volume.header.frame_interval == pytest.approx(45.0, abs=1)


@pytest.mark.parametrize(("counter", "stamp"), [("Phs", "PMUTimeStamp"), ("Rep", "TimeStamp")])
def test_twix_has_the_same_stamps(tmp_path: Path, counter: str, stamp: str) -> None:
    readouts = [
        twix_files.readout(SAMPLES, line, CenterLin=4, **{counter: frame, stamp: 1000 + 16 * frame + line})
        for frame in range(FRAMES)
        for line in range(LINES)
    ]
    text = twix_files.protocol(READOUT, LINES, oversampling=1)
    volume = open_volume(twix_files.write(tmp_path / "cine.dat", text, readouts))
    assert volume.header.frame_interval == pytest.approx(40.0)


def test_twix_says_the_repetition_time_in_microseconds(tmp_path: Path) -> None:
    readouts = [
        twix_files.readout(SAMPLES, line, CenterLin=4, Rep=frame) for frame in range(FRAMES) for line in range(LINES)
    ]
    text = twix_files.protocol(READOUT, LINES, oversampling=1, alTR_0=6000)
    assert open_volume(twix_files.write(tmp_path / "a.dat", text, readouts)).header.frame_interval == 48.0
    text = twix_files.protocol(READOUT, LINES, oversampling=1, alTR_0=6000, sFastImaging__lTurboFactor=4)
    assert open_volume(twix_files.write(tmp_path / "b.dat", text, readouts)).header.frame_interval is None


def test_positions_of_a_3d_series_know_the_time_between_its_frames(tmp_path: Path) -> None:
    readouts = [
        ismrmrd_files.readout(
            SAMPLES, y, repetition=frame, kspace_encode_step_2=z, acquisition_time_stamp=100 * frame + 4 * y + z
        )
        for frame in range(FRAMES)
        for y in range(LINES)
        for z in range(4)
    ]
    header = header_3d((READOUT, LINES, 4), (READOUT, LINES, 4), (1.0, 1.0, 1.0))
    volume = open_volume(ismrmrd_files.write(tmp_path / "series.mrd", header, readouts))
    assert len(volume.header.series) == READOUT
    assert volume.header.frame_interval == pytest.approx(250.0)
