"""Readouts of one image that contradict each other are separate images, or refused; never averaged without a word."""

from pathlib import Path

import ismrmrd
import numpy as np
import pytest

from helpers.files.ismrmrd_files import readout, write, xml
from helpers.scans.slices import random_kspace
from recon.data.errors import InputError, InputWarning
from recon.data.formats.ismrmrd.layout import open_ismrmrd

COILS, READOUT, PHASE = 3, 16, 12
KSPACE = random_kspace(3, COILS, READOUT, PHASE).numpy()
AXES = {"read_dir": (1.0, 0.0, 0.0), "phase_dir": (0.0, 1.0, 0.0), "slice_dir": (0.0, 0.0, 1.0)}
TURNED = {"read_dir": (0.0, 1.0, 0.0), "phase_dir": (-1.0, 0.0, 0.0), "slice_dir": (0.0, 0.0, 1.0)}


def lines(kspace: np.ndarray, columns: range = range(PHASE), **head: object) -> list[ismrmrd.Acquisition]:
    return [readout(kspace[..., column], step=column, **{**AXES, **head}) for column in columns]


def test_slices_told_apart_by_position_alone_are_slices_in_the_order_of_their_positions(tmp_path: Path) -> None:
    heights = (4.0, -6.0, 0.5)
    readouts = [
        line
        for pair in zip(*(lines(KSPACE[i], position=(0.0, 0.0, heights[i])) for i in range(3)), strict=True)
        for line in pair
    ]
    volume = open_ismrmrd(write(tmp_path / "scan.h5", xml(READOUT, PHASE), readouts))
    assert len(volume) == 3
    for index, source in enumerate(np.argsort(heights)):
        np.testing.assert_array_equal(volume.read(index).kspace, KSPACE[source])
        assert volume.header.geometry[index].position[2] == heights[source]


def test_separate_calibration_lines_go_with_the_slice_at_their_position(tmp_path: Path) -> None:
    readouts = [
        line
        for index in range(2)
        for line in (
            *lines(KSPACE[index], range(0, PHASE, 2), position=(0.0, 0.0, 5.0 * index)),
            *lines(
                KSPACE[index] * 2,
                range(4, 9),
                position=(0.0, 0.0, 5.0 * index + 0.2),
                flags=[ismrmrd.ACQ_IS_PARALLEL_CALIBRATION],
            ),
        )
    ]
    volume = open_ismrmrd(write(tmp_path / "scan.h5", xml(READOUT, PHASE, calibration="separate"), readouts))
    for index in range(2):
        np.testing.assert_array_equal(volume.read(index).calibration, KSPACE[index, ..., 4:9] * 2)


def test_orientations_are_images_of_their_own(tmp_path: Path) -> None:
    readouts = [*lines(KSPACE[0]), *lines(KSPACE[1], **TURNED)]
    volume = open_ismrmrd(write(tmp_path / "scan.h5", xml(READOUT, PHASE), readouts))
    assert len(volume) == 2
    kspaces = [volume.read(index).kspace.numpy() for index in range(2)]
    assert all(any(np.array_equal(found, KSPACE[index]) for found in kspaces) for index in range(2))


@pytest.mark.parametrize("name", ["user", "user_3", "segment", "average"])
def test_diffusion_weightings_are_images_of_their_own(tmp_path: Path, name: str) -> None:
    def counted(number: int) -> dict[str, object]:
        if not name.startswith("user"):
            return {name: number}
        return {"user": tuple(number if place == 3 else 0 for place in range(8))}

    header = xml(READOUT, PHASE)
    if name != "user":  # the header names the counter; without it, lines that repeat tell
        declared = f"<sequenceParameters><diffusionDimension>{name}</diffusionDimension></sequenceParameters>"
        header = header.replace("</ismrmrdHeader>", f"{declared}</ismrmrdHeader>")
    readouts = [line for number in range(3) for line in lines(KSPACE[number], **counted(number))]
    volume = open_ismrmrd(write(tmp_path / "scan.h5", header, readouts))
    assert len(volume) == 3
    for index in range(3):
        np.testing.assert_array_equal(volume.read(index).kspace, KSPACE[index])


def test_user_counters_that_number_the_lines_of_one_image_do_not_matter(tmp_path: Path) -> None:
    readouts = [readout(KSPACE[0, ..., line], line, user=(line, *[0] * 7), **AXES) for line in range(PHASE)]
    volume = open_ismrmrd(write(tmp_path / "scan.h5", xml(READOUT, PHASE), readouts))
    assert len(volume) == 1
    np.testing.assert_array_equal(volume.read(0).kspace, KSPACE[0])


@pytest.mark.parametrize(
    ("odd", "words"),
    [
        ({"position": (0.0, 0.0, 5.0)}, "differ in position or orientation .as readout 3, line 3"),
        (TURNED, "differ in position or orientation .as readout 3, line 3"),
        ({"slice_dir": (0.0, 0.0, -1.0)}, "differ in position or orientation .as readout 3, line 3"),
        ({"position": (0.0, 0.0, float("nan"))}, "differ in position or orientation .as readout 3, line 3"),
    ],
)
def test_a_line_of_another_place_is_refused(tmp_path: Path, odd: dict[str, object], words: str) -> None:
    readouts = lines(KSPACE[0])
    readouts[3] = readout(KSPACE[0, ..., 3], 3, **{**AXES, **odd})
    path = write(tmp_path / "scan.h5", xml(READOUT, PHASE), readouts)
    with pytest.raises(InputError, match=words) as error:
        open_ismrmrd(path)
    assert str(path) in str(error.value)


def test_halves_of_an_image_at_two_places_are_refused(tmp_path: Path) -> None:
    readouts = [*lines(KSPACE[0], range(6)), *lines(KSPACE[0], range(6, PHASE), position=(0.0, 0.0, 5.0))]
    with pytest.raises(InputError, match="do not form several whole images"):
        open_ismrmrd(write(tmp_path / "scan.h5", xml(READOUT, PHASE), readouts))


def test_a_repeated_line_of_another_user_counter_is_refused(tmp_path: Path) -> None:
    readouts = [*lines(KSPACE[0]), readout(KSPACE[1, ..., 3], 3, user=(7, *[0] * 7), **AXES)]
    with pytest.raises(InputError, match="differ in user counters .as readout 12, line 3"):
        open_ismrmrd(write(tmp_path / "scan.h5", xml(READOUT, PHASE), readouts))


def test_positions_that_differ_by_rounding_are_one_place(tmp_path: Path) -> None:
    readouts = [
        readout(KSPACE[0, ..., line], line, position=(0.0, 1e-4 * line, 30.0), **AXES) for line in range(PHASE)
    ]
    assert len(open_ismrmrd(write(tmp_path / "scan.h5", xml(READOUT, PHASE), readouts))) == 1


def test_a_mean_of_lines_that_nothing_tells_apart_is_announced(tmp_path: Path) -> None:
    readouts = [*lines(KSPACE[0]), *lines(KSPACE[1], range(6, 8))]
    with pytest.warns(InputWarning, match="scan.h5: .* were measured repeatedly; their mean is taken"):
        volume = open_ismrmrd(write(tmp_path / "scan.h5", xml(READOUT, PHASE), readouts))
    np.testing.assert_allclose(volume.read(0).kspace[..., 7], KSPACE[:2, ..., 7].mean(axis=0), rtol=1e-6)


def test_averages_of_other_user_counters_are_announced(tmp_path: Path) -> None:
    readouts = [
        line for number in range(2) for line in lines(KSPACE[number], average=number, user=(number, *[0] * 7))
    ]
    with pytest.warns(InputWarning, match="scan.h5: averages of one line differ in user counters"):
        volume = open_ismrmrd(write(tmp_path / "scan.h5", xml(READOUT, PHASE), readouts))
    np.testing.assert_allclose(volume.read(0).kspace, KSPACE[:2].mean(axis=0), rtol=1e-5)
