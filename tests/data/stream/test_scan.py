"""Checks that a streamed scan gives the same images as its file, as soon as they are complete."""

import tracemalloc
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import ismrmrd
import numpy as np
import pytest
import torch

from helpers.files.ismrmrd_files import readout, write, xml
from helpers.files.raw_files import write_raw_file
from helpers.programs.streams import LARGEST, make_readout, receive
from helpers.scans.slices import random_kspace
from recon.data.errors import InputError
from recon.data.formats.ismrmrd.images import SortedImages, sort_images
from recon.data.formats.ismrmrd.lines import Heads
from recon.data.formats.ismrmrd.scan_header import ScanHeader
from recon.data.open import open_volume
from recon.data.stream.messages import HeaderText, Message, Readout, encode
from recon.data.stream.replay import replay
from recon.data.stream.scan import OVERHEAD, Finished, StreamedScan

COILS, READOUT, PHASE = 3, 16, 12
KSPACE = random_kspace(2, COILS, READOUT, PHASE).numpy()
AXES = {"read_dir": (0.0, 1.0, 0.0), "phase_dir": (0.0, 0.0, 1.0), "slice_dir": (1.0, 0.0, 0.0)}


def lines(kspace: np.ndarray, steps: Iterable[int], flags: tuple[int, ...] = (), **head: object) -> list[object]:
    return [readout(kspace[..., step], step, flags, **head) for step in steps]


def calibration(kspace: np.ndarray, **head: object) -> list[object]:
    return lines(kspace, range(4, 9), (ismrmrd.ACQ_IS_PARALLEL_CALIBRATION,), **head)


NOISE = readout(KSPACE[1, ..., 0], flags=[ismrmrd.ACQ_IS_NOISE_MEASUREMENT], sample_time_us=20.0)
NAVIGATOR = readout(KSPACE[1, ..., 0], 3, [ismrmrd.ACQ_IS_NAVIGATION_DATA])
EVERY, SECOND = range(PHASE), range(0, PHASE, 2)

SCANS = {
    "slices in turns": (
        xml(READOUT, PHASE),
        [
            line
            for step in EVERY
            for slice_ in (1, 0)
            for line in lines(KSPACE[slice_], [step], slice=slice_, position=(5.0 * slice_, 1.0, 2.0), **AXES)
        ],
    ),
    "averages and repetitions": (
        xml(READOUT, PHASE),
        [
            line
            for repetition in range(2)
            for average in range(3)
            for line in lines(KSPACE[repetition] * (1 + average), EVERY, repetition=repetition, average=average)
        ],
    ),
    "asymmetric echo": (xml(READOUT, PHASE), lines(KSPACE[0, :, 5:], EVERY, center_sample=READOUT // 2 - 5)),
    "partial Fourier": (
        xml(READOUT, PHASE, center=PHASE // 2 - 4, last=PHASE - 5),
        lines(KSPACE[0], range(PHASE - 4)),
    ),
    "separate calibration": (
        xml(READOUT, PHASE, calibration="separate"),
        [*calibration(KSPACE[1]), *lines(KSPACE[0], SECOND)],
    ),
    "calibration once for two repetitions": (
        xml(READOUT, PHASE, calibration="separate"),
        [*calibration(KSPACE[1]), *(line for r in range(2) for line in lines(KSPACE[r], SECOND, repetition=r))],
    ),
    "embedded calibration": (
        xml(READOUT, PHASE, calibration="embedded"),
        [*lines(KSPACE[0], SECOND), *lines(KSPACE[0], [5, 7], (ismrmrd.ACQ_IS_PARALLEL_CALIBRATION,))],
    ),
    "noise and navigators": (xml(READOUT, PHASE), [NOISE, NAVIGATOR, *lines(KSPACE[0], EVERY)]),
}


def stream(messages: Iterable[Message]) -> list[Finished]:
    """Encode messages, and receive the images."""
    return receive(b"".join(map(encode, messages)))


@pytest.mark.parametrize("kind", SCANS)
def test_the_stream_of_a_file_gives_the_acquisitions_of_the_file(tmp_path: Path, kind: str) -> None:
    path = write(tmp_path / "scan.mrd", *SCANS[kind])
    volume = open_volume(path)
    found = stream(replay(path))
    assert len(found) == len(volume)
    for index, one in enumerate(found):
        wanted = volume.read(index)
        for name in ("kspace", "mask", "calibration", "noise"):
            expected, given = getattr(wanted, name), getattr(one.acquisition, name)
            assert (expected is None) == (given is None), name
            if expected is not None:
                torch.testing.assert_close(given, expected, rtol=0, atol=0)
        geometry = None if wanted.header.geometry is None else (wanted.header.geometry[index],)
        assert one.acquisition.header.geometry == geometry
        assert one.acquisition.header.crop == wanted.header.crop


def test_a_file_of_another_format_streams_as_ismrmrd(tmp_path: Path) -> None:
    path = write_raw_file(tmp_path / "scan.h5", slices=3)
    volume = open_volume(path)
    for index, one in enumerate(stream(replay(path))):
        torch.testing.assert_close(one.acquisition.kspace, volume.read(index).kspace, rtol=0, atol=0)


def test_the_last_line_of_a_slice_completes_it(tmp_path: Path) -> None:
    last = readout(KSPACE[0, ..., PHASE - 1], PHASE - 1, [ismrmrd.ACQ_LAST_IN_SLICE])
    path = write(tmp_path / "scan.mrd", xml(READOUT, PHASE), [*lines(KSPACE[0], range(PHASE - 1)), last])
    header, *readouts, _ = replay(path)
    assert isinstance(header, HeaderText)
    scan = StreamedScan(header.xml, "scan", LARGEST)
    complete = [scan.add(line) for line in readouts if isinstance(line, Readout)]
    assert complete == [[]] * (PHASE - 1) + [[(0, 0, 0, 0, 0)]]
    scan.finish(complete[-1][0])
    assert scan.held == 0
    assert not scan.close()
    assert not scan.add(next(line for line in readouts if isinstance(line, Readout)))
    assert scan.late == 1


def test_an_image_larger_than_the_limit_is_refused_before_memory_is_allocated(tmp_path: Path) -> None:
    path = write(tmp_path / "scan.mrd", xml(READOUT, PHASE), lines(KSPACE[0], EVERY))
    header, *readouts = replay(path)
    assert isinstance(header, HeaderText)
    scan = StreamedScan(header.xml, "scan", 8 * COILS * READOUT * PHASE - 1)
    for line in readouts:
        if isinstance(line, Readout):
            assert not scan.add(line)
    with pytest.raises(InputError, match="more than the limit"):
        scan.finish(*scan.close())


def test_a_header_that_declares_far_more_than_arrives_is_refused_before_memory_is_allocated() -> None:
    scan = StreamedScan(xml(65535, 1024), "scan", 1 << 30)
    (key,) = [*scan.add(make_readout(np.ones((1, 65535), np.complex64), center_sample=32767)), *scan.close()]
    tracemalloc.start()
    with pytest.raises(InputError, match="declares k-space of 536862720 bytes, but only 524280 bytes were measured"):
        scan.finish(key)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1 << 20


def test_a_trajectory_is_not_kept() -> None:
    scan = StreamedScan(xml(READOUT, PHASE), "scan", LARGEST)
    line = make_readout(KSPACE[0, ..., 0])
    scan.add(replace(line, trajectory=np.zeros((READOUT, 1000), "<f4")))
    assert scan.held == line.samples.nbytes + OVERHEAD
    assert all(kept.trajectory.nbytes == 0 for kept in scan._images[scan.close()[0]])


def test_the_noise_scan_is_joined_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = [
        line
        for slice_ in range(2)
        for line in [
            *lines(KSPACE[slice_], range(PHASE - 1), slice=slice_),
            *lines(KSPACE[slice_], [PHASE - 1], (ismrmrd.ACQ_LAST_IN_SLICE,), slice=slice_),
        ]
    ]
    path = write(tmp_path / "scan.mrd", xml(READOUT, PHASE), [NOISE] * 100 + images)
    sorted_readouts: list[int] = []

    def count(path: Path, heads: Heads, scan: ScanHeader) -> SortedImages:
        sorted_readouts.append(len(heads))
        return sort_images(path, heads, scan)

    monkeypatch.setattr("recon.data.stream.scan.sort_images", count)
    found = stream(replay(path))
    assert sorted_readouts == [1 + PHASE] * 2
    assert all(one.acquisition.noise.shape == (COILS, 100 * READOUT) for one in found)


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        (xml(READOUT, PHASE, trajectory="spiral"), "trajectory is spiral"),
        ("<ismrmrdHeader/>", "has no"),
        ("<!DOCTYPE a><a/>", "document type"),
        ("", "not valid XML"),
    ],
)
def test_an_unusable_header_is_refused(header: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        StreamedScan(header, "the stream", LARGEST)


def test_damaged_streams_are_refused_or_give_finite_images(tmp_path: Path) -> None:
    parts = [encode(message) for message in replay(write(tmp_path / "scan.mrd", *SCANS["slices in turns"]))]
    generator = np.random.default_rng(0)
    refused = 0
    for _ in range(1000):
        damaged = list(map(bytearray, parts))
        for _ in range(generator.integers(1, 6)):
            part = damaged[generator.integers(len(parts))]
            part[generator.integers(min(len(part), 1500))] = generator.integers(256)
        try:
            found = receive(b"".join(damaged), text=1 << 20, message=1 << 20)
        except InputError:
            refused += 1
        else:
            assert all(one.acquisition.kspace.isfinite().all() for one in found)
    assert 100 < refused < 900
