"""Files of other programs through the commands, beside what those programs make of them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from helpers.files.raw_files import write_raw_file
from helpers.files.twix_files import protocol, readout, write
from helpers.learned.networks import write_weights
from helpers.programs.command import run
from helpers.scans.objects import object_acquisition
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.data.open import open_volume
from recon.fourier import ifft
from recon.preprocessing.steps import parse_steps
from recon.registry import create

GENERATOR, RECONSTRUCTOR = "ismrmrd_generate_cartesian_shepp_logan", "ismrmrd_recon_cartesian_2d"


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def shepp_logan(path: Path, *options: object) -> Path:
    command = [program(GENERATOR), "-m", "96", "-c", "6", "-n", "0.005", "-C", "-o", str(path), *map(str, options)]
    subprocess.run(command, check=True, capture_output=True)
    return path


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shepp_logan(tmp_path_factory.mktemp("full") / "full.mrd")


@pytest.fixture(scope="module")
def under(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Generate a scan at 4x with 24 reference lines and a noise scan."""
    return shepp_logan(tmp_path_factory.mktemp("under") / "under.mrd", "-a", 4, "-w", 24)


def stored_phantom(path: Path) -> torch.Tensor:
    """Read the image that the scan was made from, as bright as all coils together see it."""
    with h5py.File(path) as file:
        phantom, maps = (file[f"dataset/{name}"][0] for name in ("phantom", "csm"))
    seen = (maps["real"] + 1j * maps["imag"]) * (phantom["real"] + 1j * phantom["imag"])
    return torch.from_numpy(np.linalg.norm(seen, axis=0).T)


def error(image: torch.Tensor, wanted: torch.Tensor) -> float:
    """Compare images but for their unit, which prewhitening makes that of the noise."""
    scale = (image * wanted).sum() / image.square().sum()
    return float((scale * image - wanted).norm() / wanted.norm())


@pytest.fixture(scope="module")
def scan(under: Path) -> Acquisition:
    volume = open_volume(under)
    assert volume.mask is not None
    return parse_steps("auto")(volume.read(0))


@pytest.mark.parametrize(
    ("method", "bound"), [("sense", 0.1), ("grappa", 0.18), ("cs-wavelet", 0.04), ("cs-tv", 0.04)]
)
def test_four_times_fewer_lines_give_nearly_the_phantom(
    method: str, bound: float, scan: Acquisition, under: Path
) -> None:
    wanted = stored_phantom(under)
    found = error(create(method)(scan), wanted)
    assert found < bound
    assert found < 0.5 * error(create("zero-filled")(scan), wanted)


def test_a_network_that_learned_nothing_gives_an_image_all_the_same(under: Path, tmp_path: Path) -> None:
    weights = write_weights(tmp_path / "varnet.safetensors")
    run("reconstruct", under, "--method", "varnet", "--checkpoint", weights, "-o", tmp_path / "image.h5")
    with h5py.File(tmp_path / "image.h5") as file:
        images = file["reconstruction"][()]
    assert images.shape == (4, 96, 96)
    assert np.isfinite(images).all()
    assert images.min() >= 0
    assert images.max() > 0


def test_shipped_weights_come_nearer_to_the_phantom_than_zero_filling(scan: Acquisition, under: Path) -> None:
    try:
        image = create("varnet")(scan)
    except InputError:
        pytest.skip("no weights ship with the package")
    wanted = stored_phantom(under)
    assert error(image, wanted) < 0.5 * error(create("zero-filled")(scan), wanted)


def test_the_noise_scan_tells_the_noise_of_the_generator(full: Path) -> None:
    noise = open_volume(full).read(0).noise
    assert noise is not None
    assert float(noise.real.std()) == pytest.approx(0.005, rel=0.1)
    whitened = parse_steps("prewhiten")(open_volume(full).read(0)).kspace
    outside = ifft(whitened, axes=(-2,))[:, :24]  # the readout sees twice the field of view of the object
    assert float(outside.abs().square().mean()) == pytest.approx(1, rel=0.15)


def test_the_fully_sampled_image_is_that_of_the_ismrmrd_tools(full: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.h5"
    shutil.copy(full, copy)
    subprocess.run([program(RECONSTRUCTOR), copy], check=True, capture_output=True)
    with h5py.File(copy) as file:
        theirs = np.squeeze(file["dataset/cpp/data"][()]).T
    ours = create("zero-filled")(open_volume(full).read(0)).numpy()
    np.testing.assert_allclose(ours / ours.max(), theirs / theirs.max(), atol=1e-5)


def test_what_is_written_as_ismrmrd_is_read_by_the_ismrmrd_tools(raw_file: Path, tmp_path: Path) -> None:
    run("convert", raw_file, tmp_path / "scan.mrd")
    subprocess.run([program(RECONSTRUCTOR), tmp_path / "scan.mrd"], check=True, capture_output=True)
    with h5py.File(tmp_path / "scan.mrd") as file, h5py.File(raw_file) as raw:
        theirs, ours = np.squeeze(file["dataset/cpp/data"][()])[..., :, :], raw["reconstruction_rss"][()]
    last = theirs.T if theirs.ndim == 2 else theirs[-1].T
    assert min(np.abs(last / last.max() - one / one.max()).max() for one in ours) < 1e-5


def test_bart_sees_the_samples_and_dimensions_that_were_converted(raw_file: Path, tmp_path: Path) -> None:
    bart = program("bart")
    run("convert", raw_file, tmp_path / "scan.cfl")
    kspace, image = str(tmp_path / "scan"), str(tmp_path / "image")
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    subprocess.run([bart, "fft", "-u", "-i", "3", kspace, f"{image}_coils"], check=True, env=environment)
    subprocess.run([bart, "rss", "8", f"{image}_coils", image], check=True, env=environment)
    theirs = np.fromfile(f"{image}.cfl", np.complex64).real.reshape(2, 40, 48).transpose(0, 2, 1)
    with h5py.File(raw_file) as raw:
        np.testing.assert_allclose(theirs, raw["reconstruction_rss"], rtol=1e-3, atol=1e-5)


def test_a_generated_scan_passes_through_the_commands(full: Path, tmp_path: Path) -> None:
    assert "fully sampled" in run("info", full).output
    converted = run("convert", full, tmp_path / "scan.h5").output
    assert "fastMRI, 1 slice, 6 coils, 192 x 96" in converted
    with h5py.File(tmp_path / "scan.h5") as file:
        assert file["reconstruction_rss"].shape == (1, 96, 96)
    run("reconstruct", full, "--method", "sense", "--acceleration", 3, "--output", tmp_path / "out")
    with h5py.File(tmp_path / "out" / "full.mrd.h5") as file:
        assert file["reconstruction"].shape == (1, 96, 96)
        assert '"preprocessing": ["auto"]' in file.attrs["protocol"]


def test_convert_keeps_the_samples_bit_for_bit_and_tells_what_it_cannot_keep(tmp_path: Path) -> None:
    source = write_raw_file(tmp_path / "scan.h5")
    for name in ("scan.mrd", "scan.cfl", "scan.npz", "scan.npy"):
        output = run("convert", source, tmp_path / name).output
        assert "the reference images" in output.replace("\n", " ")
        run("convert", tmp_path / name, tmp_path / "back.h5")
        with h5py.File(source) as one, h5py.File(tmp_path / "back.h5") as other:
            np.testing.assert_array_equal(one["kspace"], other["kspace"])
            np.testing.assert_allclose(one["reconstruction_rss"], other["reconstruction_rss"], rtol=1e-5, atol=1e-6)


@pytest.fixture
def twix(tmp_path: Path) -> Path:
    """Write a scan of the discs, one line in two left out but those at the centre, and its noise."""
    kspace = object_acquisition(4, 48, 40).kspace.numpy()
    noise = 1e-3 * np.random.default_rng(0).standard_normal((2, 4, 256)).astype(np.float32)
    lines = [line for line in range(40) if line % 2 == 0 or abs(line - 20) < 6]
    place = {"CenterLin": 20, "SlicePos": (1.0, 2.0, 3.0), "Quaternion": (1.0, 0.0, 0.0, 0.0)}
    readouts = [readout((noise[0] + 1j * noise[1]).astype(np.complex64), 0, ["NOISEADJSCAN"])]
    readouts += [readout(kspace[..., line], line, **place) for line in lines]
    return write(tmp_path / "meas.dat", protocol(24, 40), readouts)


def test_siemens_raw_data_passes_through_the_commands(twix: Path, tmp_path: Path) -> None:
    assert "undersampled 1.5" in run("info", twix).output
    kspace = open_volume(twix).read(0).kspace
    for name in ("scan.mrd", "scan.h5", "scan.cfl", "scan.npz", "scan.npy"):
        run("convert", twix, tmp_path / name)
        assert torch.equal(open_volume(tmp_path / name).read(0).kspace, kspace)
    assert "can be read but not written" in run("convert", tmp_path / "scan.mrd", tmp_path / "x.dat", code=2).output
    run("reconstruct", twix, "--method", "sense", "--format", "h5,dicom", "-o", tmp_path / "out")
    run("reconstruct", tmp_path / "scan.mrd", "--method", "sense", "-o", tmp_path / "out")
    with h5py.File(tmp_path / "out/meas.dat.h5") as one, h5py.File(tmp_path / "out/scan.mrd.h5") as other:
        assert one["reconstruction"].shape == (1, 24, 40)
        np.testing.assert_array_equal(one["reconstruction"], other["reconstruction"])
    assert (tmp_path / "out/meas_dicom/0001.dcm").is_file()


def test_numpy_files_state_their_axes(tmp_path: Path) -> None:
    kspace = np.random.default_rng(0).standard_normal((20, 16, 3, 2)).astype(np.complex64)
    np.save(tmp_path / "scan.npy", kspace)
    run("convert", tmp_path / "scan.npy", tmp_path / "scan.h5", "--axes", "readout phase coils slices")
    with h5py.File(tmp_path / "scan.h5") as file:
        np.testing.assert_array_equal(file["kspace"], kspace.transpose(3, 2, 0, 1))
    wrong = run("convert", tmp_path / "scan.npy", tmp_path / "x.h5", "--axes", "readout phase coils colours", code=2)
    assert "do not describe k-space of 4 axes" in wrong.output.replace("\n", " ")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("scan.h5", "scan.h5"), "is also the input"),
        (("scan.h5", "scan.dcm"), "the suffix does not name a format"),
        (("scan.h5", "out.h5", "--to", "ismrmd"), "did you mean 'ismrmrd'"),
        (("scan.h5", "out.mrd", "--axes", "coils readout phase"), "--axes is only for MATLAB, npy, npz"),
        (("missing.h5", "out.mrd"), "no such file"),
    ],
)
def test_convert_tells_what_is_wrong(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    write_raw_file(tmp_path / "scan.h5")
    paths = [word if word.startswith("--") or "." not in word else tmp_path / word for word in arguments]
    assert words in " ".join(run("convert", *paths, code=2).output.split())


def test_the_limit_on_sizes_is_an_option_of_every_command(raw_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECON_MAX_GIB", "16")
    assert "raise it with --max-gib" in " ".join(run("--max-gib", "0.00001", "info", raw_file, code=2).output.split())


def test_steps_change_what_is_reconstructed_and_are_part_of_the_protocol(raw_file: Path, tmp_path: Path) -> None:
    command = ("reconstruct", raw_file, "--method", "zero-filled", "--output", tmp_path / "out")
    run(*command)
    assert "done before" in run(*command).output
    assert "2 slices in" in run(*command, "--preprocess", "virtual_coils=2").output
    compared = ("compare", raw_file, "--methods", "zero-filled,sense", "--accelerations", 4, "--center-fraction", 0.2)
    run(*compared, "--preprocess", "remove_oversampling,virtual_coils=3", "--output", tmp_path / "comparison")
    assert '"virtual_coils=3"' in (tmp_path / "comparison" / "summary.json").read_text()
