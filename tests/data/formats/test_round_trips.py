"""Checks that every format keeps all bits of the samples, and everything else that it can store."""

from dataclasses import replace
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest

from helpers.scans.slices import line_mask, random_kspace
from recon.data.acquisition import Geometry, Header
from recon.data.errors import InputError
from recon.data.formats.format import Format
from recon.data.formats.whole_scan import WholeScan
from recon.data.open import FORMATS, open_volume

WRITTEN = {fmt.name: fmt for fmt in FORMATS if fmt.write}
SLICES, COILS, READOUT, PHASE = 3, 2, 20, 17

HEADER = Header(
    crop=(10, 15),
    padding=(2, 16),
    field_of_view=(220.3, 170.1),
    field_strength=0.55,
    contrast="T2 <late> & fast",
    geometry=tuple(
        Geometry((0.1 * index, -3.5, 12.25), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (220.3, 170.1, 4.0))
        for index in range(SLICES)
    ),
    encoded_field_of_view=(440.6, 192.78),
    slice_thickness=4.0,
)


def float32(number: float) -> float:
    return float(np.float32(number))


def full_scan(undersampled: bool = True) -> WholeScan:
    """Make a scan with everything but a target."""
    kspace = random_kspace(SLICES, COILS, READOUT, PHASE).numpy()
    kspace[:, 0, 3, 7] = -0.0  # its sign must be kept
    mask = np.zeros(PHASE, bool)
    mask[2:16] = line_mask(14, every=3).numpy().ravel() if undersampled else True
    geometry = tuple(replace(one, position=tuple(map(float32, one.position))) for one in HEADER.geometry or ())
    return WholeScan(
        name="scan",
        kspace=np.where(mask, kspace, np.complex64(0)),
        masks=np.tile(mask, (SLICES, 1)),
        header=replace(HEADER, geometry=geometry),
        calibration=random_kspace(SLICES, COILS, READOUT, 7, seed=1).numpy(),
        noise=random_kspace(COILS, 5000, seed=2).numpy(),
    )


def passed_through(fmt: Format, scan: WholeScan, path: Path) -> WholeScan:
    """Write a scan and read it again."""
    assert fmt.write is not None
    fmt.write(path.with_suffix(fmt.suffixes[0]), scan)
    return WholeScan.of(open_volume(path.with_suffix(fmt.suffixes[0])))


def assert_same(found: WholeScan, expected: WholeScan, keeps: frozenset[str]) -> None:
    np.testing.assert_array_equal(found.kspace.view(np.uint32), expected.kspace.view(np.uint32))  # bit for bit
    np.testing.assert_array_equal(found.masks, expected.masks)
    for name in ("calibration", "noise"):
        wanted = getattr(expected, name) if name in keeps else None
        assert (getattr(found, name) is None) == (wanted is None)
        if wanted is not None:
            np.testing.assert_array_equal(getattr(found, name), wanted)
    if "header" in keeps:
        assert found.header == expected.header


@pytest.mark.parametrize("undersampled", [True, False])
@pytest.mark.parametrize("fmt", list(WRITTEN.values()), ids=list(WRITTEN))
def test_a_written_scan_is_read_back(fmt: Format, undersampled: bool, tmp_path: Path) -> None:
    scan = full_scan(undersampled)
    assert_same(passed_through(fmt, scan, tmp_path / "scan"), scan, fmt.keeps)
    assert fmt.recognises(tmp_path / f"scan{fmt.suffixes[0]}")


@pytest.mark.parametrize(("one", "other"), list(permutations(WRITTEN, 2)))
def test_from_any_format_to_any_other_and_back(one: str, other: str, tmp_path: Path) -> None:
    now = scan = full_scan()
    for number, name in enumerate((one, other, one)):
        now = passed_through(WRITTEN[name], now, tmp_path / str(number))
    assert_same(now, scan, WRITTEN[one].keeps & WRITTEN[other].keeps)


@pytest.mark.parametrize("fmt", list(WRITTEN.values()), ids=list(WRITTEN))
def test_the_content_decides_on_the_format_and_not_the_name(fmt: Format, tmp_path: Path) -> None:
    if fmt.name == "BART":
        pytest.skip("BART's samples have no mark of their own; its two files are known by their names")
    assert fmt.write is not None
    path = tmp_path / "scan.bin"
    fmt.write(path, full_scan())
    assert [one.name for one in FORMATS if one.recognises(path)] == [fmt.name]


@pytest.mark.parametrize("fmt", [fmt for fmt in WRITTEN.values() if "header" in fmt.keeps], ids=lambda fmt: fmt.name)
def test_a_header_whose_lines_all_lie_on_one_side_of_the_centre_is_refused(fmt: Format, tmp_path: Path) -> None:
    scan = full_scan()
    one_sided = replace(scan, header=replace(scan.header, padding=(0, PHASE // 2 + 1)))
    with pytest.raises(InputError, match="one side of the centre of k-space"):
        passed_through(fmt, one_sided, tmp_path / "scan")


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        ([1.0, np.nan, 1.0, 1.0], "holds NaN or Inf"),
        ([1.0, np.inf, 1.0, 1.0], "holds NaN or Inf"),
        ([0, 0, 0, 0], "nothing was measured"),
    ],
)
def test_the_mask_of_an_archive_that_says_nothing_is_refused(mask: list[float], words: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "scan.npz", kspace=np.ones((2, 8, 4), np.complex64), mask=np.array(mask))
    with pytest.raises(InputError, match=words):
        open_volume(tmp_path / "scan.npz")


@pytest.mark.parametrize(
    "name",
    [
        "kspace/brain_t2_4ch",
        "kspace/phantom_2ch",
        "kspace_lowfield/brain_fse_1ch",
        "kspace_prospective/phantom_epi_16ch_r2",
    ],
)
def test_real_measurements_pass_through_ismrmrd_and_bart(real_data: Path, tmp_path: Path, name: str) -> None:
    now = scan = WholeScan.of(open_volume(real_data / f"{name}.h5"))
    for number, fmt in enumerate(("ISMRMRD", "BART", "fastMRI", "BART", "ISMRMRD", "fastMRI")):
        now = passed_through(WRITTEN[fmt], now, tmp_path / str(number))
    assert_same(now, scan, frozenset({"header"}))
