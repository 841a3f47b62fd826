"""Reads files that the package `twixtools` wrote, whose samples are known."""

import sys
import warnings
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import torch
import twixtools
from twixtools.mdb import Mdb_local

from helpers.files import ismrmrd_files
from helpers.files.twix_files import protocol, readout, signals, write, write_vb
from helpers.scans.slices import random_kspace
from recon.data.errors import InputError, InputWarning
from recon.data.formats.twix.reader import TWIX
from recon.data.open import open_volume, recognise

COILS, BASE, PHASE = 3, 8, 12
READOUT = 2 * BASE
KSPACE = random_kspace(2, COILS, READOUT, PHASE).numpy()


def lines(kspace: np.ndarray, columns: Iterable[int], **head: object) -> list[Mdb_local]:
    return [readout(kspace[..., column], column, **{"CenterLin": PHASE // 2, **head}) for column in columns]


def scan(
    folder: Path, readouts: list[Mdb_local], noise: list[Mdb_local] | tuple[()] = (), **parameters: object
) -> Path:
    path, text = folder / "scan.dat", protocol(BASE, PHASE, **parameters)
    return write(path, text, readouts, noise) if readouts[0].version_is_ve else write_vb(path, text, readouts)


@pytest.mark.parametrize("vb", [False, True])
def test_slices_are_sorted_whatever_the_order_of_their_readouts(tmp_path: Path, vb: bool) -> None:
    order = np.random.default_rng(0).permutation(2 * PHASE)
    readouts = [readout(KSPACE[i % 2, ..., i // 2], int(i // 2), vb=vb, CenterLin=6, Sli=int(i % 2)) for i in order]
    volume = open_volume(scan(tmp_path, readouts))
    assert volume.shape == (2, COILS, READOUT, PHASE)
    assert volume.mask is None
    assert volume.header.crop == (BASE, PHASE)
    for index in range(2):
        np.testing.assert_array_equal(volume.read(index).kspace, KSPACE[index])


def test_twixtools_reads_the_same_samples(tmp_path: Path) -> None:
    readouts = [line for index in range(2) for line in lines(KSPACE[index], range(PHASE), Sli=index)]
    path = scan(tmp_path, readouts)
    read = twixtools.read_twix(str(path), parse_pmu=False, parse_geometry=False, verbose=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image = twixtools.map_twix(read)[0]["image"]
        image.flags["squeeze_singletons"] = True
        theirs = image[:]  # (slices, lines, coils, samples)
    for index in range(2):
        np.testing.assert_array_equal(open_volume(path).read(index).kspace, theirs[index].transpose(1, 2, 0))


def test_the_same_scan_as_ismrmrd_gives_the_same_acquisition(tmp_path: Path) -> None:
    """Covers averages, separate calibration, noise, partial Fourier, an asymmetric echo and the geometry."""
    half = np.sqrt(0.5)
    place = {"SlicePos": (1.0, 2.0, 3.0), "Quaternion": (half, 0, 0, half)}
    directions = {"position": (1.0, 2.0, 3.0)} | {
        "phase_dir": (0, 1, 0),
        "read_dir": (-1, 0, 0),
        "slice_dir": (0, 0, 1),
    }
    noise = random_kspace(COILS, 64).numpy()
    early = {"CenterCol": READOUT // 2 - 3, "CenterLin": PHASE // 2 - 2}
    theirs, ours = [], []
    for average in range(2):
        for step in range(0, PHASE - 2, 2):
            samples = KSPACE[average, :, 3:, step + 2]
            theirs.append(readout(samples, step, Ave=average, **early, **place))
            more = {"center_sample": READOUT // 2 - 3, "average": average, **directions}
            ours.append(ismrmrd_files.readout(samples, step, sample_time_us=7.5, **more))
    for step in range(2, 7):
        samples = KSPACE[1, :, 3:, step]
        theirs.append(readout(samples, step, ["PATREFSCAN"], **early, **place))
        more = {"center_sample": READOUT // 2 - 3, **directions}
        ours.append(ismrmrd_files.readout(samples, step, [20], sample_time_us=7.5, **more))
    ours.append(ismrmrd_files.readout(noise, 0, [19], sample_time_us=7680 / 64))
    theirs.insert(0, readout(noise, 0, ["NOISEADJSCAN"]))
    header = ismrmrd_files.xml(READOUT, PHASE, center=PHASE // 2 - 2, last=PHASE - 4, calibration="separate")
    other = open_volume(ismrmrd_files.write(tmp_path / "scan.mrd", header, ours)).read(0)
    found = open_volume(scan(tmp_path, theirs, sPat__ucRefScanMode="0x4")).read(0)
    assert torch.equal(found.kspace, other.kspace)
    assert torch.equal(found.mask, other.mask)
    assert torch.equal(found.calibration, other.calibration)
    torch.testing.assert_close(found.noise, other.noise / np.float32(np.sqrt(0.793)))
    assert found.header.padding == (2, PHASE - 1)
    ours_place, their_place = found.header.geometry[0], other.header.geometry[0]
    for name in ("position", "read_dir", "phase_dir", "slice_dir"):
        np.testing.assert_allclose(getattr(ours_place, name), getattr(their_place, name), atol=1e-6)


def test_sizes_and_field_strength_come_from_the_protocol(tmp_path: Path) -> None:
    parameters = {"sKSpace__dPhaseOversamplingForDialog": 0.5, "sSliceArray__asSlice_0__dPhaseFOV": 16.0}
    volume = open_volume(scan(tmp_path, lines(KSPACE[0], range(PHASE)), **parameters))
    header = volume.header
    assert (header.crop, volume.shape[2:]) == ((BASE, 8), (READOUT, PHASE))
    assert (header.field_of_view, header.encoded_field_of_view) == ((16.0, 16.0), (32.0, 24.0))
    assert header.field_strength == pytest.approx(1.5)
    assert header.contrast == "t2_tse"


def test_fewer_lines_than_pixels_lie_in_the_middle_of_a_finer_grid(tmp_path: Path) -> None:
    volume = open_volume(scan(tmp_path, lines(KSPACE[0], range(PHASE)), sSliceArray__asSlice_0__dPhaseFOV=32.0))
    assert volume.shape[2:] == (READOUT, 16)
    assert volume.header.padding == (2, 14)
    assert volume.mask is None
    np.testing.assert_array_equal(volume.read(0).kspace[..., 2:14], KSPACE[0])


def test_embedded_calibration_lines_are_part_of_kspace(tmp_path: Path) -> None:
    both = ["PATREFSCAN", "PATREFANDIMASCAN"]
    readouts = [
        readout(
            KSPACE[0, ..., step], step, (both if step % 2 == 0 else both[:1]) if 4 <= step < 9 else (), CenterLin=6
        )
        for step in range(PHASE)
        if step % 2 == 0 or 4 <= step < 9
    ]
    acquisition = open_volume(scan(tmp_path, readouts, sPat__ucRefScanMode="0x2")).read(0)
    assert acquisition.calibration is None
    assert acquisition.mask.nonzero().flatten().tolist() == [0, 2, 4, 5, 6, 7, 8, 10]


@pytest.mark.parametrize("channels", [COILS, COILS + 1])
def test_noise_of_an_adjustment_is_taken_if_the_same_channels_received_it(tmp_path: Path, channels: int) -> None:
    samples = random_kspace(channels, 64).numpy()
    adjustment = [readout(samples, 0, ["NOISEADJSCAN"]), readout(samples, 0)]
    noise = open_volume(scan(tmp_path, lines(KSPACE[0], range(PHASE)), adjustment)).read(0).noise
    if channels == COILS:
        np.testing.assert_allclose(noise, samples * np.sqrt(5.0 / 7.5 / 0.793), rtol=1e-5)
    else:
        assert noise is None


def test_readouts_that_are_not_of_the_image_are_left_out(tmp_path: Path) -> None:
    others = [
        readout(KSPACE[1, ..., 0], 3, [flag])
        for flag in ("RTFEEDBACK", "PHASESTABSCAN", "RETRO_DUMMYSCAN", "PHASCOR")
    ]
    path = scan(tmp_path, [*others, signals(), *lines(KSPACE[0], range(PHASE))])
    np.testing.assert_array_equal(open_volume(path).read(0).kspace, KSPACE[0])


@pytest.mark.parametrize(
    ("parameters", "head", "words"),
    [
        ({"sKSpace__ucTrajectory": "0x2"}, {}, "trajectory is radial.*nufft"),
        ({"regridding": 2}, {}, "ramps of the gradient.*EPICorrGadget"),
        ({"sSliceAcceleration__lMultiBandFactor": 2}, {}, "several slices at once"),
        ({}, {"Par": 1}, "single partition"),
        ({}, {"flags": ["NOISEADJSCAN"]}, "no imaging readouts"),
        ({"sKSpace__lBaseResolution": None}, {}, "does not say sKSpace.lBaseResolution"),
        ({"sKSpace__lBaseResolution": "many"}, {}, "sKSpace.lBaseResolution is 'many'"),
        ({"sKSpace__lBaseResolution": "0x" + "f" * 5000}, {}, "sKSpace.lBaseResolution is '0xf"),
        ({"sKSpace__lBaseResolution": "1e300"}, {}, "matrix is"),
        ({"sKSpace__lPhaseEncodingLines": 60000, "sKSpace__lBaseResolution": 30000}, {}, "more than the limit"),
        ({"oversampling": 1}, {}, "does not fit an encoded matrix of 8"),
        ({}, {"CenterLin": 60}, "does not fit a matrix of 12 lines"),
    ],
)
def test_unsupported_scans_are_refused(
    tmp_path: Path, parameters: dict[str, object], head: dict[str, object], words: str
) -> None:
    path = scan(tmp_path, lines(KSPACE[0], range(PHASE), **head), **parameters)
    with pytest.raises(InputError, match=words) as error:
        open_volume(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("flags", [["REFLECT"], ["REFLECT", "PHASCOR"]])
def test_alternating_readouts_are_refused(tmp_path: Path, flags: list[str]) -> None:
    backward = lines(KSPACE[0], range(1, PHASE, 2), flags=flags)
    forward = lines(KSPACE[0], range(0, PHASE, 2), flags=flags[1:])
    rest = lines(KSPACE[0], range(PHASE)) if flags[1:] else []
    with pytest.raises(InputError, match="EPI.*phase correction.*EPICorrGadget"):
        open_volume(scan(tmp_path, [*forward, *backward, *rest]))


@pytest.mark.parametrize("vb", [False, True])
def test_readouts_that_are_all_reflected_are_turned_round(tmp_path: Path, vb: bool) -> None:
    readouts = lines(KSPACE[0, :, ::-1], range(PHASE), flags=["REFLECT"], vb=vb)
    np.testing.assert_array_equal(open_volume(scan(tmp_path, readouts)).read(0).kspace, KSPACE[0])


def test_a_reflected_asymmetric_echo_lies_in_the_middle(tmp_path: Path) -> None:
    missing = 5
    samples = KSPACE[0, :, missing:][:, ::-1]
    readouts = lines(samples, range(PHASE), flags=["REFLECT"], CenterCol=READOUT // 2 - 1)
    kspace = open_volume(scan(tmp_path, readouts)).read(0).kspace
    np.testing.assert_array_equal(kspace[:, missing:], KSPACE[0, :, missing:])
    assert not kspace[:, :missing].any()


def test_echoes_of_alternating_polarity_are_images_of_their_own(tmp_path: Path) -> None:
    readouts = [
        *lines(KSPACE[0], range(PHASE), Eco=0),
        *lines(KSPACE[1, :, ::-1], range(PHASE), Eco=1, flags=["REFLECT"]),
    ]
    volume = open_volume(scan(tmp_path, readouts))
    for index in range(2):
        np.testing.assert_array_equal(volume.read(index).kspace, KSPACE[index])


@pytest.mark.parametrize("software", ["VB", "VD", "E11", "E12", "XA"])
@pytest.mark.parametrize("blocks", [1, 2, 3])
def test_the_protocol_is_found_among_the_blocks_of_every_software(tmp_path: Path, software: str, blocks: int) -> None:
    readouts = lines(KSPACE[0], range(PHASE), vb=software == "VB")
    volume = open_volume(scan(tmp_path, readouts, software=software, blocks=blocks, tProtocolName='"a #2 b"'))
    assert (volume.shape, volume.header.crop) == ((1, COILS, READOUT, PHASE), (BASE, PHASE))
    assert volume.header.contrast == "a #2 b"
    np.testing.assert_array_equal(volume.read(0).kspace, KSPACE[0])


@pytest.mark.parametrize("software", ["VD", "E11", "E12", "XA"])
def test_the_image_scan_follows_its_adjustments(tmp_path: Path, software: str) -> None:
    other = protocol(BASE // 2, PHASE // 2, software=software, blocks=3)
    field = [readout(KSPACE[1, :2, :BASE, line], line) for line in range(PHASE // 2)]
    noise = random_kspace(COILS, 64).numpy()
    path = write(
        tmp_path / "scan.dat",
        protocol(BASE, PHASE, software=software, blocks=3),
        lines(KSPACE[0], range(PHASE)),
        [readout(noise, 0, ["NOISEADJSCAN"])],
        [("AdjFre", other, []), ("AdjShim", other, field)],
    )
    acquisition = open_volume(path).read(0)
    np.testing.assert_array_equal(acquisition.kspace, KSPACE[0])
    np.testing.assert_allclose(acquisition.noise, noise * np.sqrt(5.0 / 7.5 / 0.793), rtol=1e-5)


def test_a_measurement_without_image_after_the_scan_does_not_hide_it(tmp_path: Path) -> None:
    noise, text = random_kspace(COILS, 64).numpy(), protocol(BASE, PHASE)
    scans = [
        ("t2_tse", text, lines(KSPACE[0], range(PHASE))),
        ("noise", text, [readout(noise, 0, ["NOISEADJSCAN"])]),
    ]
    acquisition = open_volume(write(tmp_path / "scan.dat", text, [], adjustments=scans)).read(0)
    np.testing.assert_array_equal(acquisition.kspace, KSPACE[0])
    assert acquisition.noise is not None


def test_of_several_scans_the_last_is_read_and_the_others_are_announced(tmp_path: Path) -> None:
    text = protocol(BASE, PHASE)
    other = [("localizer", text, lines(KSPACE[1], range(PHASE)))]
    path = write(tmp_path / "scan.dat", text, lines(KSPACE[0], range(PHASE)), adjustments=other)
    with pytest.warns(InputWarning, match="scan.dat: holds 2 scans, of which the last is read"):
        volume = open_volume(path)
    np.testing.assert_array_equal(volume.read(0).kspace, KSPACE[0])


@pytest.mark.parametrize("name", ["sTXSPEC__asNucleusInfo_0__lFrequency", "sSliceArray__asSlice_0__dThickness"])
def test_impossible_values_that_do_not_matter_to_the_image_warn(tmp_path: Path, name: str) -> None:
    with pytest.warns(InputWarning, match=r"scan.dat: its protocol says .* is '-3', which is ignored"):
        volume = open_volume(scan(tmp_path, lines(KSPACE[0], range(PHASE)), **{name: -3}))
    np.testing.assert_array_equal(volume.read(0).kspace, KSPACE[0])


@pytest.mark.parametrize(
    ("name", "contrast"),
    [("gre+AF8-2d", "gre_2d"), ("sch\u00e4del", "sch\u00e4del"), ("a\x1b[31mb", "a?[31mb"), ("x" * 99, "x" * 64)],
)
def test_protocol_names_are_printable(tmp_path: Path, name: str, contrast: str) -> None:
    volume = open_volume(scan(tmp_path, lines(KSPACE[0], range(PHASE)), tProtocolName=f'"{name}"'))
    assert volume.header.contrast.removesuffix("...") == contrast


def test_lines_of_one_half_of_kspace_are_not_a_whole_scan(tmp_path: Path) -> None:
    path = scan(tmp_path, lines(KSPACE[0], range(6), CenterLin=0))
    with pytest.raises(InputError, match="lines 6 to 11 of 12 all lie on one side of the centre"):
        open_volume(path)


def test_values_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    kspace = KSPACE[0].copy()
    kspace[0, 0, 3] = np.nan
    with pytest.raises(InputError, match="NaN or Inf"):
        open_volume(scan(tmp_path, lines(kspace, range(PHASE)))).read(0)


def test_without_twixtools_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = scan(tmp_path, lines(KSPACE[0], range(PHASE)))
    monkeypatch.setitem(sys.modules, "twixtools", None)
    with pytest.raises(InputError, match=r"pip install 'unrolled-recon\[twix\]'"):
        open_volume(path)


@pytest.mark.parametrize("vb", [False, True])
def test_the_content_decides_on_the_format_and_not_the_name(tmp_path: Path, vb: bool) -> None:
    path = scan(tmp_path, [readout(KSPACE[0, ..., 0], vb=vb)])
    assert recognise(path.rename(tmp_path / "scan.bin")) is TWIX


def test_damaged_files_are_read_or_refused(tmp_path: Path) -> None:
    whole = scan(
        tmp_path, lines(KSPACE[0], range(PHASE)), [readout(KSPACE[1, ..., 0], 0, ["NOISEADJSCAN"])]
    ).read_bytes()
    path, rng, refused = tmp_path / "damaged.dat", np.random.default_rng(0), 0
    heads = np.flatnonzero(np.frombuffer(whole, np.uint8))  # the table and the protocol are mostly empty
    for number in range(400):
        damaged = bytearray(whole)
        for place in rng.choice(heads, 3):
            damaged[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged[: rng.integers(len(whole))] if number % 5 == 0 else damaged)
        try:
            open_volume(path).read(0)
        except InputError as error:
            refused += str(path) in str(error)
    assert refused > 100


@pytest.mark.parametrize(
    ("field", "value"), [("SamplesInScan", 2**16 - 1), ("UsedChannels", 0), ("UsedChannels", 2**16 - 1)]
)
def test_readouts_beyond_the_end_of_the_file_are_refused(tmp_path: Path, field: str, value: int) -> None:
    readouts = lines(KSPACE[0], range(PHASE))
    setattr(readouts[3].mdh, field, value)
    with pytest.raises(InputError, match="cut short or damaged|different numbers of channels"):
        open_volume(scan(tmp_path, readouts))
