"""Folded heads, echoes off the middle and pairs with and without implants."""

from dataclasses import astuple
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from recon.coils import rss
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.data.formats.fastmri.layout import open_fastmri
from recon.experiments.cli import app
from recon.fourier import ifft
from recon.preprocessing.echo import centre_echo, echo_offset
from recon.simulation.phantom.implants import DISTANCE, WIDTHS, draw_implants
from recon.simulation.raw_files import ScanVariant, SimulatedVolume, simulate_folder, simulate_volume

SHAPE = (112, 88)
FOLDED = ScanVariant(fold=0.7)
SHIFTED = ScanVariant(echo_shift=6)
WITH_IMPLANTS = ScanVariant(implants=4)


def simulate(variant: ScanVariant, shape: tuple[int, int] = SHAPE, snr: float = np.inf) -> SimulatedVolume:
    return simulate_volume(shape, 1, 4, snr, np.random.default_rng(3), variant)


def test_what_lies_beyond_a_folded_field_of_view_appears_on_its_other_side() -> None:
    narrow = simulate(FOLDED)
    whole, width = narrow.image[:, None] * narrow.sens_maps, narrow.kspace.shape[-1]
    assert width == FOLDED.measured(SHAPE)[1] == pytest.approx(0.7 * SHAPE[1], abs=1)
    surplus = (whole.shape[-1] - width) // 2
    expected = np.zeros_like(narrow.kspace)
    for column in range(whole.shape[-1]):
        expected[..., (column - surplus) % width] += whole[..., column]
    found = ifft(torch.from_numpy(narrow.kspace)).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-6 * np.abs(expected).max())
    assert np.abs(whole[..., :surplus]).max() > 0.1 * np.abs(whole).max(), "the head reaches beyond the field of view"


def test_a_folded_scan_is_the_same_head_in_pixels_as_large() -> None:
    narrow, whole = simulate(FOLDED), simulate(ScanVariant())
    np.testing.assert_array_equal(narrow.image, whole.image)
    sizes = [np.divide(one.header.field_of_view, one.kspace.shape[-2:]) for one in (narrow, whole)]
    np.testing.assert_allclose(*sizes)


@pytest.mark.parametrize("shift", [-9, 6])
def test_the_echo_lies_off_the_middle_along_readout_and_the_image_stays(shift: int) -> None:
    shifted, plain = simulate(ScanVariant(echo_shift=shift)), simulate(ScanVariant())
    kspace, mask = torch.from_numpy(shifted.kspace[0]), torch.ones(SHAPE[1], dtype=torch.bool)
    offsets = [echo_offset(torch.from_numpy(one.kspace[0]), mask)[0] for one in (shifted, plain)]
    assert offsets[0] - offsets[1] == shift
    scan = centre_echo(Acquisition(kspace, mask, shifted.header, name="head.h5", slice=0))
    image = rss(ifft(scan.kspace)).numpy()
    error = np.linalg.norm(image - plain.target[0]) / np.linalg.norm(plain.target[0])
    assert error < 0.05, "only the outermost samples differ"


@pytest.mark.parametrize("fold", [1.0, 0.7])
def test_scans_with_and_without_implants_differ_in_nothing_else(fold: float) -> None:
    without, with_them = (simulate(ScanVariant(fold, implants=count), snr=50) for count in (0, 4))
    difference = with_them.target[0] - without.target[0]
    width = difference.shape[1]
    rows, columns = np.ogrid[: SHAPE[0], :width]
    near = np.zeros(difference.shape, bool)
    for implant in with_them.implants:
        aside = np.abs(columns - implant.column)
        near |= np.hypot(rows - implant.row, np.minimum(aside, width - aside)) < 2.5 * implant.width
    assert np.abs(difference[~near]).max() < 0.02 * np.abs(difference).max()
    assert without.noise == with_them.noise


def test_implants_have_their_contrast_at_their_places() -> None:
    without, with_them = simulate(ScanVariant()), simulate(WITH_IMPLANTS)
    difference = (with_them.target - without.target)[0]
    for implant in with_them.implants:
        assert difference[implant.row, implant.column] == pytest.approx(implant.height, rel=0.05)


def test_implants_are_bright_and_dark_of_all_widths_apart_and_within_the_object() -> None:
    brightness = np.zeros((2, 90, 70), np.float32)
    brightness[:, 8:80, 6:64] = 2.0
    implants = draw_implants(brightness, 8, np.random.default_rng(0))
    assert {(implant.width, np.sign(implant.height)) for implant in implants} == {
        (width, sign) for width in WIDTHS for sign in (1, -1)
    }
    for one in implants:
        rows, columns = (slice(place - int(one.width) + 1, place + int(one.width)) for place in (one.row, one.column))
        assert brightness[one.slice, rows, columns].min() == 2
        others = [other for other in implants if other.slice == one.slice and other != one]
        assert min(np.hypot(one.row - other.row, one.column - other.column) for other in others) >= DISTANCE


def test_there_is_an_error_where_implants_have_no_room() -> None:
    with pytest.raises(InputError, match=r"slice 0 has room for \d+ implants, not for 99"):
        draw_implants(np.ones((1, 40, 40), np.float32), 99, np.random.default_rng(0))


def test_files_with_implants_lie_under_the_same_names_in_a_folder_of_their_own(tmp_path: Path) -> None:
    files = simulate_folder(tmp_path, 2, 1, 2, SHAPE, 5, 40.0, variant=WITH_IMPLANTS, name="pair")
    names = ["pair_0000.h5", "pair_0001.h5"]
    assert files == [folder / name for folder in (tmp_path, tmp_path / "implants") for name in names]
    plain = simulate_folder(tmp_path / "plain", 2, 1, 2, SHAPE, 5, 40.0, name="pair")
    assert files[1].read_bytes() == plain[1].read_bytes()
    volume = simulate_volume(SHAPE, 1, 2, 40.0, np.random.default_rng((5, 1)), WITH_IMPLANTS)
    with h5py.File(files[3]) as file:
        np.testing.assert_allclose(file["implants"][()], [astuple(one) for one in volume.implants], rtol=1e-6)
    assert open_fastmri(files[3]).shape == (1, 2, *SHAPE)


def test_the_command_simulates_every_variant(tmp_path: Path) -> None:
    options = "--volumes 1 --slices 1 --coils 2 --size 112x88 --fold 0.8 --echo-shift 3 --implants 2 --name odd"
    result = CliRunner().invoke(app, ["simulate", str(tmp_path), *options.split()])
    assert result.exit_code == 0
    assert sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.h5")) == [
        "implants/odd_0000.h5",
        "odd_0000.h5",
    ]


@pytest.mark.parametrize(
    ("variant", "name", "message"),
    [
        (ScanVariant(fold=0.4), "a", "to 0.4 of it; give 0.5 to 1"),
        (ScanVariant(fold=1.1), "a", "give 0.5 to 1"),
        (ScanVariant(fold=float("nan")), "a", "nan"),
        (ScanVariant(echo_shift=29), "a", "29 samples off; at most 28"),
        (ScanVariant(implants=-1), "a", "-1 implants"),
        (ScanVariant(), "a/b", "'a/b' cannot begin"),
        (ScanVariant(), "", "'' cannot begin"),
    ],
)
def test_options_out_of_range_are_refused_before_anything_is_written(
    tmp_path: Path, variant: ScanVariant, name: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        simulate_folder(tmp_path / "out", 1, 1, 2, SHAPE, 0, 40.0, variant=variant, name=name)
    assert not (tmp_path / "out").exists()
