"""Reads files that the package `ismrmrd` wrote, whose samples are known."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import ismrmrd
import numpy as np
import pytest
import torch

from helpers.files.ismrmrd_files import readout, write, xml
from helpers.scans.objects import object_acquisition
from helpers.scans.slices import random_kspace
from recon.data.errors import InputError, InputWarning
from recon.data.formats.ismrmrd import layout
from recon.data.formats.ismrmrd.layout import open_ismrmrd
from recon.data.open import open_volume

COILS, READOUT, PHASE = 3, 16, 12
KSPACE = random_kspace(2, COILS, READOUT, PHASE).numpy()


def lines(kspace: np.ndarray, columns: range, **head: object) -> list[ismrmrd.Acquisition]:
    return [readout(kspace[..., column], step=column, **head) for column in columns]


def test_slices_are_sorted_whatever_the_order_of_their_readouts(tmp_path: Path) -> None:
    order = np.random.default_rng(0).permutation(2 * PHASE)
    readouts = [readout(KSPACE[i % 2, ..., i // 2], step=int(i // 2), slice=int(i % 2)) for i in order]
    volume = open_volume(write(tmp_path / "scan.h5", xml(READOUT, PHASE), readouts))
    assert volume.shape == (2, COILS, READOUT, PHASE)
    assert volume.mask is None
    for index in range(2):
        np.testing.assert_array_equal(volume.read(index).kspace, KSPACE[index])


def test_averages_are_averaged_and_repetitions_and_contrasts_become_images(tmp_path: Path) -> None:
    readouts = [
        one
        for contrast in range(2)
        for repetition in range(2)
        for average in range(2)
        for one in lines(
            KSPACE[0] * (1 + contrast + 10 * repetition + 100 * average),
            range(PHASE),
            contrast=contrast,
            repetition=repetition,
            average=average,
        )
    ]
    volume = open_ismrmrd(write(tmp_path / "scan.h5", xml(READOUT, PHASE), readouts))
    factors = [1 + contrast + 10 * repetition + 50 for contrast in range(2) for repetition in range(2)]
    for index, factor in enumerate(factors):
        torch.testing.assert_close(volume.read(index).kspace, torch.from_numpy(KSPACE[0] * factor))


def test_samples_are_averaged_by_how_often_each_was_measured(tmp_path: Path) -> None:
    missing = 5
    readouts = [
        *lines(KSPACE[0], range(PHASE)),
        *lines(KSPACE[1, :, missing:], range(PHASE), average=1, center_sample=READOUT // 2 - missing),
    ]
    kspace = open_ismrmrd(write(tmp_path / "scan.h5", xml(READOUT, PHASE), readouts)).read(0).kspace.numpy()
    np.testing.assert_array_equal(kspace[:, :missing], KSPACE[0, :, :missing])
    np.testing.assert_allclose(kspace[:, missing:], KSPACE[:2].mean(axis=0)[:, missing:], rtol=1e-6)


def test_partial_fourier_leaves_the_columns_before_its_centre_empty(tmp_path: Path) -> None:
    readouts = [readout(KSPACE[0, ..., column], step=column - 4) for column in range(4, PHASE)]
    header = xml(READOUT, PHASE, center=PHASE // 2 - 4, last=PHASE - 5)
    volume = open_ismrmrd(write(tmp_path / "scan.h5", header, readouts))
    acquisition = volume.read(0)
    assert volume.header.padding == (4, PHASE)
    assert acquisition.mask.nonzero().flatten().tolist() == list(range(4, PHASE))
    np.testing.assert_array_equal(acquisition.kspace[..., 4:], KSPACE[0, ..., 4:])


@pytest.mark.parametrize("discarded", [False, True])
def test_an_asymmetric_echo_keeps_its_echo_in_the_middle(tmp_path: Path, discarded: bool) -> None:
    missing = 5
    samples = KSPACE[0].copy() if discarded else KSPACE[0, :, missing:]
    place = {"discard_pre": missing} if discarded else {"center_sample": READOUT // 2 - missing}
    volume = open_ismrmrd(write(tmp_path / "scan.h5", xml(READOUT, PHASE), lines(samples, range(PHASE), **place)))
    kspace = volume.read(0).kspace
    assert not kspace[:, :missing].any()
    np.testing.assert_array_equal(kspace[:, missing:], KSPACE[0, :, missing:])


def test_separate_calibration_lines_are_not_added_to_kspace(tmp_path: Path) -> None:
    calibration = [
        readout(KSPACE[1, ..., column], column, [ismrmrd.ACQ_IS_PARALLEL_CALIBRATION]) for column in range(4, 9)
    ]
    for number, mode in enumerate(("separate", None)):  # None: recognised by lines that both scans measured
        readouts = calibration + lines(KSPACE[0], range(0, PHASE, 2))
        path = write(tmp_path / f"{number}.h5", xml(READOUT, PHASE, calibration=mode), readouts)
        acquisition = open_ismrmrd(path).read(0)
        assert acquisition.calibration is not None
        np.testing.assert_array_equal(acquisition.calibration, KSPACE[1, ..., 4:9])
        np.testing.assert_array_equal(acquisition.kspace[..., ::2], KSPACE[0, ..., ::2])
        assert not acquisition.kspace[..., 1::2].any()


def test_embedded_calibration_lines_are_part_of_kspace(tmp_path: Path) -> None:
    flags = {4: ismrmrd.ACQ_IS_PARALLEL_CALIBRATION_AND_IMAGING, 5: ismrmrd.ACQ_IS_PARALLEL_CALIBRATION}
    readouts = [
        readout(KSPACE[0, ..., column], column, [flags[4 + column % 2]] if 4 <= column < 9 else [])
        for column in range(PHASE)
        if column % 2 == 0 or 4 <= column < 9
    ]
    volume = open_ismrmrd(write(tmp_path / "scan.h5", xml(READOUT, PHASE, calibration="embedded"), readouts))
    acquisition = volume.read(0)
    assert acquisition.calibration is None
    assert acquisition.mask.nonzero().flatten().tolist() == [0, 2, 4, 5, 6, 7, 8, 10]
    np.testing.assert_array_equal(acquisition.kspace[..., acquisition.mask], KSPACE[0][..., acquisition.mask])


def test_the_noise_scan_is_scaled_to_the_bandwidth_of_the_image(tmp_path: Path) -> None:
    noise = readout(KSPACE[1, ..., 0], flags=[ismrmrd.ACQ_IS_NOISE_MEASUREMENT], sample_time_us=20.0)
    readouts = [noise, *lines(KSPACE[0], range(PHASE))]
    acquisition = open_ismrmrd(write(tmp_path / "scan.h5", xml(READOUT, PHASE), readouts)).read(0)
    assert acquisition.noise is not None
    np.testing.assert_allclose(acquisition.noise, 2 * KSPACE[1, ..., 0], rtol=1e-6)


def test_navigators_dummy_scans_and_phase_references_are_left_out(tmp_path: Path) -> None:
    others = [
        readout(KSPACE[1, ..., 0], 3, [flag])
        for flag in (
            ismrmrd.ACQ_IS_NAVIGATION_DATA,
            ismrmrd.ACQ_IS_DUMMYSCAN_DATA,
            ismrmrd.ACQ_IS_PHASECORR_DATA,  # of spin-echo trains; those of EPI run backwards as well
        )
    ]
    volume = open_ismrmrd(write(tmp_path / "scan.h5", xml(READOUT, PHASE), others + lines(KSPACE[0], range(PHASE))))
    np.testing.assert_array_equal(volume.read(0).kspace, KSPACE[0])


def test_the_noise_scan_is_read_once_for_all_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noise = [readout(KSPACE[1, ..., line], flags=[ismrmrd.ACQ_IS_NOISE_MEASUREMENT]) for line in range(5)]
    readouts = noise + [line for index in range(2) for line in lines(KSPACE[index], range(PHASE), slice=index)]
    volume = open_ismrmrd(write(tmp_path / "scan.h5", xml(READOUT, PHASE), readouts))
    first = volume.read(0).noise
    assert first is not None
    rows = []
    read = layout._readouts

    def counted(path: Path, heads: np.ndarray, data: h5py.Dataset, wanted: np.ndarray) -> Iterator[Any]:
        rows.extend(wanted.tolist())
        return read(path, heads, data, wanted)

    monkeypatch.setattr(layout, "_readouts", counted)
    assert torch.equal(volume.read(1).noise, first)
    assert min(rows) >= len(noise)


@pytest.mark.parametrize("flags", [[ismrmrd.ACQ_IS_REVERSE], [ismrmrd.ACQ_IS_REVERSE, ismrmrd.ACQ_IS_PHASECORR_DATA]])
def test_alternating_readouts_are_refused(tmp_path: Path, flags: list[int]) -> None:
    readouts = [
        *lines(KSPACE[0], range(0, PHASE, 2), flags=flags[1:]),
        *lines(KSPACE[0], range(1, PHASE, 2), flags=flags),
    ]
    readouts += lines(KSPACE[0], range(PHASE)) if flags[1:] else []
    with pytest.raises(InputError, match="EPI.*phase correction"):
        open_volume(write(tmp_path / "scan.h5", xml(READOUT, PHASE), readouts))


def test_readouts_that_all_run_backward_are_turned_round(tmp_path: Path) -> None:
    readouts = lines(KSPACE[0, :, ::-1], range(PHASE), flags=[ismrmrd.ACQ_IS_REVERSE])
    volume = open_volume(write(tmp_path / "scan.h5", xml(READOUT, PHASE), readouts))
    np.testing.assert_array_equal(volume.read(0).kspace, KSPACE[0])


def with_trajectories(readouts: list[ismrmrd.Acquisition], directions: list[complex]) -> list[ismrmrd.Acquisition]:
    """Give each readout a trajectory `(samples, 2)` in its direction, offset along phase encoding."""
    for number, (one, direction) in enumerate(zip(readouts, directions, strict=True)):
        steps = (np.arange(READOUT) - READOUT // 2) / READOUT * direction + 1j * (number / PHASE - 0.5)
        one.resize(READOUT, COILS, 2)
        one.traj[:] = np.stack([steps.real, steps.imag], axis=1)
    return readouts


@pytest.mark.parametrize(
    ("directions", "words"),
    [
        ([1] * PHASE, None),
        ([1, -1] * (PHASE // 2), "alternating direction .EPI"),
        (list(np.exp(1j * np.pi * np.arange(PHASE) / PHASE)), "not parallel .radial"),
    ],
)
def test_trajectories_tell_of_what_scan_readouts_are(
    tmp_path: Path, directions: list[complex], words: str | None
) -> None:
    made = [readout(KSPACE[0, ..., column], column) for column in range(PHASE)]
    samples = [one.data.copy() for one in made]
    for one, values in zip(with_trajectories(made, directions), samples, strict=True):
        one.data[:] = values
    path = write(tmp_path / "scan.h5", xml(READOUT, PHASE), made)
    if words is None:
        np.testing.assert_array_equal(open_volume(path).read(0).kspace, KSPACE[0])
    else:
        with pytest.raises(InputError, match=words):
            open_volume(path)


@pytest.mark.parametrize("trajectory", ["Cartesian", "CARTESIAN"])
def test_a_header_without_reconstructed_space_describes_the_image_by_the_encoded_one(
    tmp_path: Path, trajectory: str
) -> None:
    header = re.sub("<reconSpace>.*</reconSpace>", "", xml(READOUT, PHASE, trajectory=trajectory), flags=re.DOTALL)
    header = re.sub("<encodingLimits>.*</encodingLimits>", "", header, flags=re.DOTALL)
    volume = open_volume(write(tmp_path / "scan.h5", header, lines(KSPACE[0], range(PHASE))))
    assert (volume.header.crop, volume.header.field_of_view) == ((READOUT, PHASE), (READOUT, PHASE))
    np.testing.assert_array_equal(volume.read(0).kspace, KSPACE[0])


@pytest.mark.parametrize("size", ["", "<matrixSize><x>0</x><y>0</y><z>0</z></matrixSize>"])
def test_a_reconstructed_space_without_size_says_nothing(tmp_path: Path, size: str) -> None:
    space = f"<reconSpace>{size}</reconSpace>"
    header = re.sub("<reconSpace>.*</reconSpace>", space, xml(READOUT, PHASE), flags=re.DOTALL)
    volume = open_volume(write(tmp_path / "scan.h5", header, lines(KSPACE[0], range(PHASE))))
    assert (volume.header.crop, volume.header.field_of_view) == ((READOUT, PHASE), (READOUT, PHASE))


@pytest.mark.parametrize("namespace", ["", ' xmlns="https://www.ismrm.org/ISMRMRD"', ' xmlns="urn:other"'])
def test_the_namespace_of_a_header_does_not_matter(tmp_path: Path, namespace: str) -> None:
    header = xml(READOUT, PHASE).replace(' xmlns="http://www.ismrm.org/ISMRMRD"', namespace)
    volume = open_volume(write(tmp_path / "scan.h5", header, lines(KSPACE[0], range(PHASE))))
    assert volume.header.field_of_view == (READOUT, PHASE)
    np.testing.assert_array_equal(volume.read(0).kspace, KSPACE[0])


def test_limits_without_a_central_line_have_it_in_the_middle(tmp_path: Path) -> None:
    header = re.sub("<center>.*</center>", "", xml(READOUT, PHASE))
    volume = open_volume(write(tmp_path / "scan.h5", header, lines(KSPACE[0], range(PHASE))))
    assert (volume.header.padding, volume.mask) == ((0, PHASE), None)


@pytest.mark.parametrize("value", ["1", "-5", "nan", "1e300", "many"])
def test_an_impossible_resonance_frequency_warns(tmp_path: Path, value: str) -> None:
    header = xml(READOUT, PHASE).replace(">127700000<", f">{value}<")
    path = write(tmp_path / "scan.h5", header, lines(KSPACE[0], range(PHASE)))
    with pytest.warns(InputWarning, match=f"scan.h5: .* H1resonanceFrequency_Hz is '{value}'; the value is left out"):
        volume = open_volume(path)
    assert volume.header.field_strength is None
    np.testing.assert_array_equal(volume.read(0).kspace, KSPACE[0])


def test_lines_of_one_half_of_kspace_are_not_a_whole_scan(tmp_path: Path) -> None:
    header = xml(READOUT, PHASE, center=0, last=5)
    with pytest.raises(InputError, match="lines 6 to 11 of 12 all lie on one side of the centre"):
        open_volume(write(tmp_path / "scan.h5", header, lines(KSPACE[0], range(6))))


def test_a_pulseq_epi_without_flags_is_refused(tmp_path: Path) -> None:
    kspace = object_acquisition(COILS, 48, 40).kspace.numpy().copy()
    sequence = "<measurementInformation><sequenceName>pulseq_v151</sequenceName></measurementInformation>"
    header = xml(48, 40).replace("<encoding>", f"{sequence}<encoding>", 1)
    whole = open_volume(write(tmp_path / "whole.h5", header, lines(kspace, range(40))))
    np.testing.assert_array_equal(whole.read(0).kspace, kspace)
    kspace[..., 1::2] = kspace[:, ::-1, 1::2]
    with pytest.raises(InputError, match="EPI"):
        open_volume(write(tmp_path / "scan.h5", header, lines(kspace, range(40))))


def test_limits_left_at_zero_say_nothing(tmp_path: Path) -> None:
    volume = open_volume(write(tmp_path / "scan.h5", xml(READOUT, PHASE, last=0), lines(KSPACE[0], range(PHASE))))
    assert (volume.header.padding, volume.mask) == ((0, PHASE), None)


def test_an_impossible_thickness_warns(tmp_path: Path) -> None:
    header = xml(READOUT, PHASE).replace("<z>4</z>", "<z>thick</z>")
    with pytest.warns(InputWarning, match="fieldOfView_mm/z is 'thick'"):
        volume = open_volume(write(tmp_path / "scan.h5", header, lines(KSPACE[0], range(PHASE))))
    assert volume.header.field_of_view == (READOUT, PHASE)


def test_a_file_of_mrireco_is_read(real_data: Path) -> None:
    path = real_data / ".." / "cases" / "mrireco_sim100.h5"
    if not path.exists():
        pytest.skip("the file mrireco_sim100.h5 is not beside the real measurements")
    with pytest.warns(InputWarning, match="H1resonanceFrequency_Hz is '1'"):
        volume = open_volume(path)
    assert (volume.shape, volume.mask, volume.header.crop) == ((1, 1, 256, 256), None, (256, 256))
    energy = volume.read(0).kspace.abs()[0]
    assert divmod(int(energy.argmax()), 256) == (128, 128)


def test_every_image_has_its_geometry(tmp_path: Path) -> None:
    axes = {"read_dir": (0.0, 1.0, 0.0), "phase_dir": (0.0, 0.0, 1.0), "slice_dir": (1.0, 0.0, 0.0)}
    readouts = [
        one
        for index in range(2)
        for one in lines(KSPACE[index], range(PHASE), slice=index, position=(5.0 * index, 1.0, 2.0), **axes)
    ]
    geometry = open_ismrmrd(write(tmp_path / "scan.h5", xml(READOUT, PHASE), readouts)).header.geometry
    assert geometry is not None
    assert [one.position for one in geometry] == [(0.0, 1.0, 2.0), (5.0, 1.0, 2.0)]
    assert geometry[1].slice_dir == (1.0, 0.0, 0.0)
    assert geometry[1].field_of_view == (READOUT, PHASE, 4.0)


def test_a_file_without_directions_has_no_geometry(tmp_path: Path) -> None:
    path = write(tmp_path / "scan.h5", xml(READOUT, PHASE), lines(KSPACE[0], range(PHASE)))
    assert open_ismrmrd(path).header.geometry is None


@pytest.mark.parametrize(
    ("header", "head", "words"),
    [
        (xml(READOUT, PHASE, trajectory="radial"), {}, "trajectory is radial.*nufft"),
        (xml(READOUT, PHASE), {"kspace_encode_step_2": 1}, "single partition"),
        (xml(READOUT, PHASE), {"flags": [ismrmrd.ACQ_IS_NOISE_MEASUREMENT]}, "no imaging readouts"),
        (xml(READOUT - 4, PHASE), {}, "does not fit an encoded matrix of 12"),
        (xml(READOUT, 6), {}, "does not fit an encoded matrix of 6 lines"),
        (
            xml(READOUT, PHASE).replace("<ismrmrdHeader", "<!DOCTYPE a [<!ENTITY b 'c'>]><ismrmrdHeader"),
            {},
            "document",
        ),
        (xml(READOUT, PHASE).replace(f"<x>{READOUT}</x>", "<x>many</x>"), {}, "'many'"),
    ],
)
def test_unsupported_scans_are_refused(tmp_path: Path, header: str, head: dict[str, object], words: str) -> None:
    path = write(tmp_path / "scan.h5", header, lines(KSPACE[0], range(PHASE), **head))
    with pytest.raises(InputError, match=words) as error:
        open_volume(path)
    assert str(path) in str(error.value)


def test_values_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    kspace = KSPACE[0].copy()
    kspace[0, 0, 3] = np.nan
    volume = open_volume(write(tmp_path / "scan.h5", xml(READOUT, PHASE), lines(kspace, range(PHASE))))
    with pytest.raises(InputError, match="NaN or Inf"):
        volume.read(0)


def test_headers_that_declare_more_samples_than_stored_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "scan.h5", xml(READOUT, PHASE), lines(KSPACE[0], range(PHASE)))
    with h5py.File(path, "r+") as file:
        row = file["dataset/data"][2]
        row["head"]["active_channels"] = COILS + 1
        file["dataset/data"][2] = row
    with pytest.raises(InputError, match="different numbers of channels"):
        open_volume(path)
    with h5py.File(path, "r+") as file:
        rows = file["dataset/data"][:]
        rows["head"]["active_channels"] = COILS + 1
        file["dataset/data"][:] = rows
    with pytest.raises(InputError, match="holds 96 numbers, its header says 4 channels of 16"):
        open_volume(path).read(0)
