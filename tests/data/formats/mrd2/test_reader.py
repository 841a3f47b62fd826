"""MRD 2 files that the package `mrd` writes are read, damaged ones refused, and conversion keeps everything."""

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import mrd
import numpy as np
import pytest

from helpers.files.ismrmrd_files import readout, write, xml
from helpers.programs.command import run
from helpers.scans.objects import object_acquisition
from recon.data.errors import InputError
from recon.data.formats.ismrmrd.layout import open_ismrmrd
from recon.data.formats.mrd2.header import from_xml
from recon.data.formats.mrd2.items import acquisition_of, readout_of
from recon.data.formats.mrd2.reader import open_mrd2
from recon.data.open import open_volume, recognise

COILS, READOUT, PHASE = 3, 16, 12


def theirs(kspace: np.ndarray) -> list[mrd.StreamItem]:
    """Return the readouts of a slice as the package's own objects, with nothing that is optional."""
    items = [mrd.StreamItem.Acquisition(mrd.Acquisition(data=1e-3 * kspace[..., 0]))]
    items[0].value.head.flags = mrd.AcquisitionFlags.IS_NOISE_MEASUREMENT
    for step in range(PHASE):
        line = mrd.Acquisition(data=np.ascontiguousarray(kspace[..., step]))
        line.head.idx.kspace_encode_step_1 = step
        items.append(mrd.StreamItem.Acquisition(line))
    return items


def file_of(path: Path, items: list[mrd.StreamItem], header: mrd.Header | None) -> Path:
    with path.open("wb") as file, mrd.BinaryMrdWriter(file) as writer:
        writer.write_header(header)
        writer.write_data(items)
    return path


@pytest.fixture
def header() -> mrd.Header:
    return from_xml(xml(READOUT, PHASE), mrd.Header)


@pytest.fixture
def kspace() -> np.ndarray:
    return object_acquisition(COILS, READOUT, PHASE).kspace.numpy()


def test_a_file_of_the_package_is_read(tmp_path: Path, header: mrd.Header, kspace: np.ndarray) -> None:
    path = file_of(tmp_path / "scan.mrd", theirs(kspace), header)
    assert recognise(path).name == "MRD 2"
    volume = open_volume(path)
    acquisition = volume.read(0)
    np.testing.assert_array_equal(acquisition.kspace, kspace)
    assert volume.header.crop == (READOUT, PHASE)
    assert acquisition.noise is not None


def test_it_is_the_scan_that_ismrmrd_stores(tmp_path: Path, kspace: np.ndarray) -> None:
    place = {"read_dir": (0.0, 0.0, -1.0), "phase_dir": (1.0, 0.0, 0.0), "slice_dir": (0.0, 1.0, 0.0)}
    lines = [
        readout(kspace[..., step], step=step, slice=slice_, position=(1.5, 10.0 * slice_, 0), **place)
        for slice_ in range(2)
        for step in range(0, PHASE, 2 - slice_)
    ]
    source = write(tmp_path / "scan.mrd", xml(READOUT, PHASE), lines)
    run("convert", source, tmp_path / "scan.mrd2")
    run("convert", tmp_path / "scan.mrd2", tmp_path / "back.mrd")
    expected, found, back = (
        open_ismrmrd(source),
        open_mrd2(tmp_path / "scan.mrd2"),
        open_ismrmrd(tmp_path / "back.mrd"),
    )
    strength = pytest.approx(expected.header.field_strength)  # MRD 2 keeps it in single precision
    assert (found.header.field_strength, back.header.field_strength) == (strength, strength)
    for volume in (found, back):
        assert replace(volume.header, field_strength=None) == replace(expected.header, field_strength=None)
    for index in range(2):
        for volume in (found, back):
            np.testing.assert_array_equal(volume.read(index).kspace, expected.read(index).kspace)
            np.testing.assert_array_equal(volume.read(index).mask, expected.read(index).mask)


def test_every_field_of_a_readout_survives() -> None:
    head, samples, trajectory = readout_of(mrd.Acquisition(data=np.ones((2, 8), np.complex64)), "scan")
    assert head["center_sample"] == 4
    assert trajectory.shape == (8, 0)
    changed = np.array(head)
    changed["idx"]["user"] = np.arange(8)
    changed["flags"], changed["scan_counter"], changed["sample_time_us"] = (1 << 18) | 1, 7, 2.5
    changed["user_float"], changed["physiology_time_stamp"], changed["position"] = 0.5, 9, (1, 2, 3)
    again, same, path = readout_of(acquisition_of(changed[()], samples, np.ones((8, 2), np.float32)), "scan")
    changed["trajectory_dimensions"] = 2
    assert again == changed[()]
    np.testing.assert_array_equal(same, samples)
    assert path.shape == (8, 2)


def test_numbers_that_ismrmrd_cannot_hold_are_refused(tmp_path: Path, header: mrd.Header, kspace: np.ndarray) -> None:
    items = theirs(kspace)
    items[3].value.head.idx.kspace_encode_step_1 = 1 << 16
    with pytest.raises(InputError, match="too large for ISMRMRD"):
        open_mrd2(file_of(tmp_path / "scan.mrd2", items, header))


def test_files_without_raw_data_are_refused(tmp_path: Path, header: mrd.Header, kspace: np.ndarray) -> None:
    with pytest.raises(InputError, match="holds no readouts"):
        open_mrd2(file_of(tmp_path / "empty.mrd2", [], header))
    with pytest.raises(InputError, match="holds no header"):
        open_mrd2(file_of(tmp_path / "bare.mrd2", theirs(kspace), None))


def large(content: bytes) -> bytes:
    """Claim that the samples of the last readout are 2^40 times as many."""
    at = content.rindex(bytes([COILS, READOUT]))
    return content[: at + 1] + b"\x90\x80\x80\x80\x80\x80\x01" + content[at + 2 :]


@pytest.mark.parametrize(
    "damage",
    [lambda content: content[: len(content) // 2], lambda content: content[:-1], lambda content: content[:50], large],
)
def test_damaged_files_are_refused(
    tmp_path: Path, header: mrd.Header, kspace: np.ndarray, damage: Callable[[bytes], bytes]
) -> None:
    path = file_of(tmp_path / "scan.mrd2", theirs(kspace), header)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(InputError, match="damaged"):
        open_mrd2(path)


def test_other_files_of_the_same_package_are_not_taken_for_scans(tmp_path: Path) -> None:
    content = io.BytesIO()
    with mrd.BinaryMrdNoiseCovarianceWriter(content) as writer:
        writer.write_noise_covariance(
            mrd.NoiseCovariance(
                coil_labels=[], receiver_noise_bandwidth=1.0, noise_dwell_time_us=1.0, sample_count=1,
                matrix=np.eye(2, dtype=np.complex64),
            )
        )  # fmt: skip
    (tmp_path / "noise.mrd2").write_bytes(content.getvalue())
    with pytest.raises(InputError, match="nor of another known format"):
        open_volume(tmp_path / "noise.mrd2")


def test_a_real_file_is_read(real_data: Path) -> None:
    path = real_data / ".." / "cases" / "mrd_v2.mrd"
    if not path.is_file():
        pytest.skip("the folder of measurements has no folder of cases beside it")
    volume = open_volume(path)
    assert volume.shape == (1, 4, 128, 64)
    assert float(volume.read(0).kspace.abs().max()) > 1
