"""The commands turn a scanner's file into oriented DICOM, directly and through the stream."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import ismrmrd
import nibabel as nib
import numpy as np
import pydicom
import pytest

from helpers.files.ismrmrd_files import readout, write, xml
from helpers.files.raw_files import write_raw_file
from helpers.learned.networks import write_weights
from helpers.programs.command import run
from helpers.programs.serving import serving
from helpers.scans.objects import object_acquisition
from recon.data.stream.messages import Close, encode, make_image
from recon.data.stream.reader import MessageReader

SLICES, READOUT, PHASE = 2, 32, 24


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    """Write an undersampled coronal scan: the readout runs to the feet, the phase encoding to the left."""
    kspace = object_acquisition(4, READOUT, PHASE).kspace.numpy()
    place = {"read_dir": (0.0, 0.0, -1.0), "phase_dir": (1.0, 0.0, 0.0), "slice_dir": (0.0, 1.0, 0.0)}
    measured = [step for step in range(PHASE) if step % 2 == 0 or abs(step - PHASE // 2) < 5]
    noise = np.random.default_rng(0).normal(size=(4, READOUT, 2)).astype(np.float32).view(np.complex64)[..., 0]
    readouts = [readout(1e-3 * noise, flags=[ismrmrd.ACQ_IS_NOISE_MEASUREMENT])]
    readouts += [
        readout(
            kspace[..., step] * (1 + slice_),
            step=step,
            slice=slice_,
            position=(1.0, 10.0 * slice_, 3.0),
            flags=[ismrmrd.ACQ_LAST_IN_SLICE] if step == measured[-1] else [],
            **place,
        )
        for slice_ in range(SLICES)
        for step in measured
    ]
    return write(tmp_path / "scan.mrd", xml(READOUT, PHASE), readouts)


def images(path: Path) -> np.ndarray:
    with h5py.File(path) as file:
        return file["reconstruction"][()]


def dicoms(folder: Path) -> list[pydicom.FileDataset]:
    return [pydicom.dcmread(path) for path in sorted(folder.glob("*.dcm"))]


def assert_conforms(folder: Path) -> None:
    checker = shutil.which("dciodvfy")
    for path in sorted(folder.glob("*.dcm")) if checker else []:
        done = subprocess.run([str(checker), str(path)], capture_output=True, text=True, check=False)
        assert "Error" not in done.stdout + done.stderr


def test_ismrmrd_becomes_dicom_at_the_right_place(scan: Path, tmp_path: Path) -> None:
    run("reconstruct", scan, "--method", "sense", "--format", "dicom", "--output", tmp_path / "out")
    found = dicoms(tmp_path / "out" / "scan_dicom")
    assert len(found) == SLICES
    for number, dicom in enumerate(found):
        assert (dicom.Rows, dicom.Columns) == (READOUT, PHASE)
        np.testing.assert_allclose(dicom.ImageOrientationPatient, [1, 0, 0, 0, 0, -1])
        np.testing.assert_allclose(dicom.ImagePositionPatient, [1 - PHASE // 2, 10 * number, 3 + READOUT // 2])
        assert dicom.InPlanePhaseEncodingDirection == "ROW"
    assert_conforms(tmp_path / "out" / "scan_dicom")


def test_stream_and_file_give_the_same_images(scan: Path, tmp_path: Path) -> None:
    run("reconstruct", scan, "--method", "sense", "--preprocess", "none", "-o", tmp_path / "direct.h5")
    with serving() as server:
        host, port = server.address
        streamed = ("send", scan, "--host", host, "--port", port, "--method", "sense", "--format", "h5,dicom")
        assert "slice 1 in" in run(*streamed, "--output", tmp_path / "out").output
    np.testing.assert_allclose(
        images(tmp_path / "out" / "scan.mrd.h5"), images(tmp_path / "direct.h5"), rtol=1e-4, atol=1e-7
    )
    found = dicoms(tmp_path / "out" / "scan_dicom")
    np.testing.assert_allclose(found[1].ImagePositionPatient, [1 - PHASE // 2, 10, 3 + READOUT // 2], atol=1e-4)
    assert_conforms(tmp_path / "out" / "scan_dicom")


def test_files_of_other_formats_can_be_sent(tmp_path: Path) -> None:
    raw = write_raw_file(tmp_path / "scan.h5", slices=2, target=False)
    run("reconstruct", raw, "--method", "zero-filled", "-o", tmp_path / "direct.h5")
    with serving() as server:
        run("send", raw, "--port", server.address[1], "-o", tmp_path / "through.h5")
    np.testing.assert_allclose(images(tmp_path / "through.h5"), images(tmp_path / "direct.h5"), rtol=1e-4)


def test_complex_images_of_another_server_become_magnitude_and_phase(scan: Path, tmp_path: Path) -> None:
    image = make_image(np.full((READOUT, PHASE), 2j, np.complex64), image_index=1)

    def answer() -> None:
        peer, _ = listener.accept()
        with peer:
            list(MessageReader(peer.recv))
            peer.sendall(encode(image) + encode(Close()))

    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:
        answered = pool.submit(answer)
        run("send", scan, "--port", listener.getsockname()[1], "--format", "nifti,png", "-o", tmp_path / "out")
        answered.result()
    for part, value in (("mag", 2), ("phase", np.pi / 2)):
        stored = nib.load(tmp_path / "out" / f"scan_part-{part}.nii.gz").get_fdata()
        np.testing.assert_allclose(stored[..., 0], np.full((READOUT, PHASE), value), rtol=1e-6)
    assert (tmp_path / "out" / "scan_png" / "0001.png").is_file()


def test_an_error_of_the_server_is_reported(scan: Path, tmp_path: Path) -> None:
    with serving() as server:
        output = run("send", scan, "--port", server.address[1], "--method", "sens", "-o", tmp_path, code=2).output
    assert "did you mean 'sense'" in " ".join(output.split())


def test_the_file_that_is_sent_is_not_replaced(scan: Path) -> None:
    scan = scan.rename(scan.with_suffix(".h5"))
    output = run("send", scan, "--port", 1, "-o", scan.parent, code=2).output
    assert "holds no reconstruction" in " ".join(output.split())


def test_an_unreachable_server_is_an_error(scan: Path, tmp_path: Path) -> None:
    with serving() as server:
        port = server.address[1]
    assert "cannot be reached" in run("send", scan, "--port", port, "-o", tmp_path, code=2).output


def test_other_addresses_need_expose() -> None:
    assert "--expose" in run("serve", "--host", "0.0.0.0", "--method", "sense", code=2).output  # noqa: S104 - refused


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return write_weights(tmp_path / "varnet.safetensors")


@pytest.fixture
def command(weights: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Run the server in a separate process, on a free port, with a small network."""
    # Where the tests run in the background, Ctrl-C is ignored, and programs inherit that.
    heed = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    code = f"{heed}; from recon.experiments.cli import main; main()"
    arguments = ["serve", "--port", "0", "--method", "varnet", "--checkpoint", weights, "--image-type", "float32"]
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True, env=environment
    ) as server:
        try:
            assert server.stdout is not None
            started = re.search(r"listening on 127.0.0.1:(\d+)", server.stdout.readline())
            assert started is not None
            yield server, int(started[1])
        finally:
            server.kill()


def test_serve_and_send_as_programs(
    command: tuple[subprocess.Popen[str], int], scan: Path, weights: Path, tmp_path: Path
) -> None:
    server, port = command
    network = ("--method", "varnet", "--checkpoint", weights)
    run("reconstruct", scan, *network, "-o", tmp_path / "direct.h5")
    run("send", scan, "--port", port, "--format", "h5,dicom", "-o", tmp_path / "out")
    np.testing.assert_allclose(
        images(tmp_path / "out" / "scan.mrd.h5"), images(tmp_path / "direct.h5"), rtol=1e-4, atol=1e-7
    )
    assert len(dicoms(tmp_path / "out" / "scan_dicom")) == SLICES
    for name in ("default", "varnet"):
        run("send", scan, "--port", port, "--method", name, "-o", tmp_path / f"{name}.h5")
        np.testing.assert_array_equal(images(tmp_path / f"{name}.h5"), images(tmp_path / "out" / "scan.mrd.h5"))
    run("send", scan, "--port", port, "--method", "zero-filled", "-o", tmp_path / "other.h5")
    assert np.abs(images(tmp_path / "other.h5") - images(tmp_path / "default.h5")).max() > 0
    assert "'os' is unknown" in run("send", scan, "--port", port, "--method", "os", "-o", tmp_path / "os.h5").output
    np.testing.assert_array_equal(images(tmp_path / "os.h5"), images(tmp_path / "default.h5"))
    server.send_signal(signal.SIGINT)
    assert server.wait(20) == 130


def test_the_phantom_of_debians_generator_goes_through_the_stream(tmp_path: Path) -> None:
    generator = shutil.which("ismrmrd_generate_cartesian_shepp_logan")
    if generator is None:
        pytest.skip("ismrmrd_generate_cartesian_shepp_logan, of Debian's ismrmrd-tools, is not installed")
    path = tmp_path / "phantom.h5"
    arguments = ["-m", "64", "-c", "4", "-r", "1", "-a", "2", "-w", "24", "-C", "-n", "0.01", "-o", str(path)]
    subprocess.run([generator, *arguments], check=True, capture_output=True)
    with h5py.File(path) as file:
        phantom = np.abs(file["dataset/phantom"][0]["real"] + 1j * file["dataset/phantom"][0]["imag"]).T
    with serving() as server:
        run("send", path, "--port", server.address[1], "--method", "grappa", "-o", tmp_path / "image.h5")
    for image in images(tmp_path / "image.h5"):
        assert np.corrcoef(image.ravel(), phantom.ravel())[0, 1] > 0.9
