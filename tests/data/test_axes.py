"""Checks arrays whose axes are named by the user, or assumed."""

import warnings
from pathlib import Path

import numpy as np
import pytest

from helpers.scans.slices import random_kspace
from recon.data.axes import MATLAB, NUMPY, name_axes
from recon.data.errors import InputError, InputWarning
from recon.data.open import open_volume


def saved(folder: Path, *shape: int) -> tuple[Path, np.ndarray]:
    kspace = random_kspace(*shape).numpy()
    np.save(folder / "scan.npy", kspace)
    return folder / "scan.npy", kspace


def test_a_2d_array_is_one_coil(tmp_path: Path) -> None:
    path, kspace = saved(tmp_path, 8, 6)
    volume = open_volume(path)
    assert volume.shape == (1, 1, 8, 6)
    np.testing.assert_array_equal(volume.read(0).kspace[0], kspace)


def test_a_published_single_coil_is_read(real_data: Path) -> None:
    path = real_data / ".." / "cases" / "single_coil_2d.npy"
    if not path.is_file():
        pytest.skip("the folder of measurements has no folder of cases beside it")
    volume = open_volume(path)
    assert volume.shape == (1, 1, 256, 256)
    np.testing.assert_array_equal(volume.read(0).kspace[0], np.load(path))


@pytest.mark.parametrize(
    "words",
    [
        "frames phase echoes readout - slices coils",
        "times,ky,Contrast,kx,-,slice,channel",
        "time ky echo kx - slice coil",
    ],
)
def test_frames_echoes_and_slices_are_images_and_slices_run_fastest(tmp_path: Path, words: str) -> None:
    path, kspace = saved(tmp_path, 2, 6, 3, 8, 1, 4, 5)
    volume = open_volume(path, axes=words)
    assert volume.shape == (24, 5, 8, 6)
    assert dict(volume.choices) == {"axes": words}
    for index, (frame, echo, slice_) in ((0, (0, 0, 0)), (3, (0, 0, 3)), (4, (0, 1, 0)), (23, (1, 2, 3))):
        np.testing.assert_array_equal(
            volume.read(index).kspace, kspace[frame, :, echo, :, 0, slice_].transpose(2, 1, 0)
        )


@pytest.mark.parametrize(
    ("shape", "words", "sentence"),
    [
        ((8, 6), "readout coils", "name each axis once, readout and phase among them"),
        ((8, 6), "readout readout", "name each axis once"),
        ((8, 6), "readout phase coils", "do not describe k-space of 2 axes \\(8 x 6\\)"),
        ((8, 6, 2), "readout phase canals", "'readout phase canals' do not describe"),
        ((8, 6, 2), "readout phase -", "an axis of size 2 where --axes says '-'"),
        ((8, 6, 2, 3, 4), None, "has 5 axes \\(8 x 6 x 2 x 3 x 4\\); name them in their order with --axes"),
        ((8,), None, "expected complex k-space with the axes readout and phase at least"),
    ],
)
def test_axes_that_do_not_fit_are_refused(
    tmp_path: Path, shape: tuple[int, ...], words: str | None, sentence: str
) -> None:
    path, _ = saved(tmp_path, *shape)
    with pytest.raises(InputError, match=sentence):
        open_volume(path, axes=words)


@pytest.mark.parametrize(
    ("shape", "usual", "likely"),
    [
        ((320, 256, 8), NUMPY, "readout phase coils"),
        ((256, 8, 320), NUMPY, "readout coils phase"),
        ((128, 128, 128), NUMPY, "coils readout phase"),
        ((256, 256, 8, 20), NUMPY, "readout phase coils slices"),
        ((8, 256, 320), MATLAB, "coils readout phase"),
        ((20, 8, 256, 320), MATLAB, "slices coils readout phase"),
        ((25, 3, 150, 192, 160), MATLAB, "frames slices coils readout phase"),
    ],
)
def test_an_unlikely_shape_is_doubted_with_a_proposal(
    shape: tuple[int, ...], usual: dict[int, str], likely: str
) -> None:
    doubt = name_axes(Path("scan"), "the array", shape, None, usual).doubt()
    assert doubt is not None
    assert f"--axes {likely!r}" in doubt
    assert name_axes(Path("scan"), "the array", shape, likely, usual).doubt() is None


@pytest.mark.parametrize(
    ("shape", "usual"),
    [
        ((8, 320, 256), NUMPY),
        ((20, 32, 256, 256), NUMPY),
        ((320, 256, 32), MATLAB),
        ((9, 8), NUMPY),
    ],
)
def test_a_usual_shape_is_not_doubted(shape: tuple[int, ...], usual: dict[int, str]) -> None:
    assert name_axes(Path("scan"), "the array", shape, None, usual).doubt() is None


def test_a_doubtful_file_says_so_when_it_is_opened(tmp_path: Path) -> None:
    path, _ = saved(tmp_path, 32, 24, 8)
    with pytest.warns(InputWarning, match="scan.npy: it was read as 32 coils of 24 x 8, which is unlikely"):
        open_volume(path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        open_volume(path, axes="readout phase coils")


def test_an_archive_that_names_its_axes_takes_no_others(tmp_path: Path) -> None:
    np.savez(tmp_path / "scan.npz", kspace=random_kspace(8, 6, 2).numpy(), axes=np.array("readout phase coils"))
    assert open_volume(tmp_path / "scan.npz").shape == (1, 2, 8, 6)
    with pytest.raises(InputError, match="leave out --axes"):
        open_volume(tmp_path / "scan.npz", axes="phase readout coils")


def test_a_format_that_describes_itself_takes_no_axes(raw_file: Path) -> None:
    for option in ("axes", "variable"):
        with pytest.raises(InputError, match=f"--{option} is only for"):
            open_volume(raw_file, **{option: "readout phase"})
