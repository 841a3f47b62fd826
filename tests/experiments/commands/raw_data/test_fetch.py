"""Scans come from a server, in the form in which their authors publish them, and are checked before they are kept."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.io import savemat
from typer.testing import Result

from recon.data.errors import InputError
from recon.data.open import open_volume
from recon.data.sources.fetch import fetch
from recon.data.sources.originals import to_images
from recon.data.sources.table import SOURCES

pooch = pytest.importorskip("pooch")

Run = Callable[..., Result]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_arguments: object) -> None:
        """Print nothing."""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Serve a folder over HTTP, at which all addresses of the table point."""
    folder = tmp_path / "home"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name, source in SOURCES.items():
        urls = tuple(f"http://127.0.0.1:{server.server_port}/{url.rpartition('/')[2]}" for url in source.urls)
        monkeypatch.setitem(SOURCES, name, replace(source, urls=urls))
    yield folder
    server.shutdown()
    server.server_close()


def kspace_of(path: Path) -> NDArray[np.complex64]:
    with h5py.File(path) as file:
        return np.asarray(file["kspace"][()])


def write_original(name: str, known: Path, folder: Path, run: Run) -> None:
    """Write a scan in the form in which its authors publish it."""
    kspace = kspace_of(known)
    file = folder / SOURCES[name].urls[-1].rpartition("/")[2]  # the last address: the others have nothing
    if name == "brain-t1":
        np.savez(file, np.moveaxis(17.0 * to_images(kspace)[0], 0, -1).astype(np.complex64))
    elif name == "brain-t2":
        savemat(file, {"img": np.moveaxis(0.3 * to_images(kspace)[0], 0, -1)})
    else:
        run("convert", known, file, "--to", "ismrmrd")


@pytest.mark.parametrize("name", list(SOURCES))
def test_real_scans_come_out_as_they_are_known(
    name: str, real_data: Path, home: Path, run_command: Run, tmp_path: Path
) -> None:
    known = real_data / "kspace" / SOURCES[name].file
    write_original(name, known, home, run_command)
    text = run_command("fetch", name, "--output", tmp_path / "scans").output
    assert "cite:" in text
    assert "licence: " in text
    fetched = tmp_path / "scans" / SOURCES[name].file
    assert SOURCES[name].cite in fetched.with_suffix(".txt").read_text()
    np.testing.assert_allclose(kspace_of(fetched), kspace_of(known), atol=1e-6)
    np.testing.assert_allclose(open_volume(fetched).read_target(), open_volume(known).read_target(), rtol=1e-4)
    assert "was there before" in run_command("fetch", name, "--output", tmp_path / "scans").output


def test_a_copy_that_was_downloaded_by_hand_is_converted(
    real_data: Path, home: Path, run_command: Run, tmp_path: Path
) -> None:
    known = real_data / "kspace" / SOURCES["brain-t1"].file
    write_original("brain-t1", known, home, run_command)
    copy = next(home.iterdir())
    run_command("fetch", "brain-t1", "--original", copy, "--output", tmp_path / "scans")
    np.testing.assert_allclose(kspace_of(tmp_path / "scans" / known.name), kspace_of(known), atol=1e-6)


def test_another_file_at_the_address_is_refused(home: Path, run_command: Run, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images = rng.standard_normal((256, 216, 7)) + 1j * rng.standard_normal((256, 216, 7))
    np.savez(home / "brain_slice.npz", images.astype(np.complex64))
    output = " ".join(run_command("fetch", "brain-t1", "--output", tmp_path / "scans", code=2).output.split())
    assert "does not hold the scan that is expected" in output
    assert not list((tmp_path / "scans").glob("*"))
    (home / "brain_slice.npz").write_bytes(b"version https://git-lfs.github.com/spec/v1")
    output = " ".join(run_command("fetch", "brain-t1", "--output", tmp_path / "scans", code=2).output.split())
    assert "holds no array of coil images" in output


def test_a_missing_file_is_reported_in_one_sentence(home: Path, run_command: Run, tmp_path: Path) -> None:
    assert not list(home.iterdir())
    output = " ".join(run_command("fetch", "fruit", "--output", tmp_path / "scans", code=2).output.split())
    assert output.count("cannot be downloaded (404") == 1
    assert "--original" in output


def test_a_server_that_is_not_there_is_reported_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, run_command: Run, tmp_path: Path
) -> None:
    unreachable = replace(SOURCES["brain-t1"], urls=("http://127.0.0.1:1/brain_slice.npz",))
    monkeypatch.setitem(SOURCES, "brain-t1", unreachable)
    output = " ".join(run_command("fetch", "brain-t1", "--output", tmp_path / "scans", code=2).output.split())
    assert "the server cannot be reached (ConnectionError); give a copy of the file with --original" in output


def test_scans_are_listed_and_an_unknown_one_is_refused(run_command: Run) -> None:
    listed = run_command("fetch").output
    assert all(f"{name}: {source.about}" in listed for name, source in SOURCES.items())
    assert "did you mean 'brain-t1'" in run_command("fetch", "brain-t11", code=2).output


def test_a_folder_that_cannot_be_written_is_refused_before_anything_is_downloaded(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError):
        fetch(SOURCES["fruit"], tmp_path / "file" / "scans")
