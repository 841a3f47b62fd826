"""Files of other programs through the commands, beside what those programs make of them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from typer.testing import CliRunner, Result

from data.acquisition import Acquisition
from data.files import open_volume
from experiments.cli import app
from experiments.methods import create
from helpers.raw_files import write_raw_file
from recon.fourier import ifft
from recon.preprocess import parse_steps

Run = Callable[..., Result]

GENERATOR, RECONSTRUCTOR = "ismrmrd_generate_cartesian_shepp_logan", "ismrmrd_recon_cartesian_2d"


@pytest.fixture
def run() -> Run:
    def invoke(*arguments: object, code: int = 0) -> Result:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        assert result.exit_code == code, result.output + repr(result.exception)
        return result

    return invoke


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


def error(image: torch.Tensor, wanted: torch.Tensor) -> float:
    return float((image - wanted).norm() / wanted.norm())


@pytest.fixture(scope="module")
def scans(full: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Acquisition, Acquisition]:
    """Give the fully sampled scan and the one at 4x with 24 reference lines, prewhitened by their noise scans."""
    path = shepp_logan(tmp_path_factory.mktemp("under") / "under.mrd", "-a", 4, "-w", 24)
    volumes = open_volume(full), open_volume(path)
    assert volumes[1].mask is not None
    first, second = (parse_steps("auto")(volume.read(0)) for volume in volumes)
    return first, second


@pytest.mark.parametrize(("method", "bound"), [("sense", 0.12), ("grappa", 0.18), ("cs-wavelet", 0.08)])
def test_four_times_fewer_lines_give_nearly_the_image_of_all(
    method: str, bound: float, scans: tuple[Acquisition, Acquisition]
) -> None:
    wanted = create("zero-filled")(scans[0])
    found = error(create(method)(scans[1]), wanted)
    assert found < bound
    assert found < 0.5 * error(create("zero-filled")(scans[1]), wanted)


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


def test_what_is_written_as_ismrmrd_is_read_by_the_ismrmrd_tools(run: Run, raw_file: Path, tmp_path: Path) -> None:
    run("convert", raw_file, tmp_path / "scan.mrd")
    subprocess.run([program(RECONSTRUCTOR), tmp_path / "scan.mrd"], check=True, capture_output=True)
    with h5py.File(tmp_path / "scan.mrd") as file, h5py.File(raw_file) as raw:
        theirs, ours = np.squeeze(file["dataset/cpp/data"][()])[..., :, :], raw["reconstruction_rss"][()]
    last = theirs.T if theirs.ndim == 2 else theirs[-1].T
    assert min(np.abs(last / last.max() - one / one.max()).max() for one in ours) < 1e-5


def test_bart_sees_the_samples_and_dimensions_that_were_converted(run: Run, raw_file: Path, tmp_path: Path) -> None:
    bart = program("bart")
    run("convert", raw_file, tmp_path / "scan.cfl")
    kspace, image = str(tmp_path / "scan"), str(tmp_path / "image")
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    subprocess.run([bart, "fft", "-u", "-i", "3", kspace, f"{image}_coils"], check=True, env=environment)
    subprocess.run([bart, "rss", "8", f"{image}_coils", image], check=True, env=environment)
    theirs = np.fromfile(f"{image}.cfl", np.complex64).real.reshape(2, 40, 48).transpose(0, 2, 1)
    with h5py.File(raw_file) as raw:
        np.testing.assert_allclose(theirs, raw["reconstruction_rss"], rtol=1e-3, atol=1e-5)


def test_a_generated_scan_passes_through_the_commands(run: Run, full: Path, tmp_path: Path) -> None:
    assert "fully sampled" in run("info", full).output
    converted = run("convert", full, tmp_path / "scan.h5").output
    assert "fastMRI, 1 slices, 6 coils, 192 x 96" in converted
    with h5py.File(tmp_path / "scan.h5") as file:
        assert file["reconstruction_rss"].shape == (1, 96, 96)
    run("reconstruct", full, "--method", "sense", "--acceleration", 3, "--output", tmp_path / "out")
    with h5py.File(tmp_path / "out" / "full.mrd.h5") as file:
        assert file["reconstruction"].shape == (1, 96, 96)
        assert '"preprocessing": ["auto"]' in file.attrs["protocol"]


def test_convert_keeps_the_samples_bit_for_bit_and_tells_what_it_cannot_keep(run: Run, tmp_path: Path) -> None:
    source = write_raw_file(tmp_path / "scan.h5")
    for name in ("scan.mrd", "scan.cfl", "scan.npz", "scan.npy"):
        output = run("convert", source, tmp_path / name).output
        assert "the reference images" in output.replace("\n", " ")
        run("convert", tmp_path / name, tmp_path / "back.h5")
        with h5py.File(source) as one, h5py.File(tmp_path / "back.h5") as other:
            np.testing.assert_array_equal(one["kspace"], other["kspace"])
            np.testing.assert_allclose(one["reconstruction_rss"], other["reconstruction_rss"], rtol=1e-5, atol=1e-6)


def test_numpy_files_state_their_axes(run: Run, tmp_path: Path) -> None:
    kspace = np.random.default_rng(0).standard_normal((20, 16, 3, 2)).astype(np.complex64)
    np.save(tmp_path / "scan.npy", kspace)
    run("convert", tmp_path / "scan.npy", tmp_path / "scan.h5", "--axes", "readout phase coils slices")
    with h5py.File(tmp_path / "scan.h5") as file:
        np.testing.assert_array_equal(file["kspace"], kspace.transpose(3, 2, 0, 1))
    wrong = run("convert", tmp_path / "scan.npy", tmp_path / "x.h5", "--axes", "readout phase coils time", code=2)
    assert "do not describe k-space of 4 axes" in wrong.output.replace("\n", " ")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("scan.h5", "scan.h5"), "is the file to read"),
        (("scan.h5", "scan.dcm"), "the suffix names no format"),
        (("scan.h5", "out.h5", "--to", "ismrmd"), "did you mean 'ismrmrd'"),
        (("scan.h5", "out.mrd", "--axes", "coils readout phase"), "--axes is for npy and npz"),
        (("missing.h5", "out.mrd"), "no such file"),
    ],
)
def test_convert_tells_what_is_wrong(run: Run, tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    write_raw_file(tmp_path / "scan.h5")
    paths = [word if word.startswith("--") or "." not in word else tmp_path / word for word in arguments]
    assert words in " ".join(run("convert", *paths, code=2).output.split())


def test_the_limit_on_sizes_is_an_option_of_every_command(
    run: Run, raw_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECON_MAX_GIB", "16")
    assert "raise it with --max-gib" in " ".join(run("--max-gib", "0.00001", "info", raw_file, code=2).output.split())


def test_steps_change_what_is_reconstructed_and_are_part_of_the_protocol(
    run: Run, raw_file: Path, tmp_path: Path
) -> None:
    command = ("reconstruct", raw_file, "--method", "zero-filled", "--output", tmp_path / "out")
    run(*command)
    assert "done before" in run(*command).output
    assert "2 slices in" in run(*command, "--preprocess", "virtual_coils=2").output
    compared = ("compare", raw_file, "--methods", "zero-filled,sense", "--accelerations", 4, "--center-fraction", 0.2)
    run(*compared, "--preprocess", "remove_oversampling,virtual_coils=3", "--output", tmp_path / "comparison")
    assert '"virtual_coils=3"' in (tmp_path / "comparison" / "summary.json").read_text()
