"""Checks 5,000 damaged files and streams: each is read, or refused in one sentence."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from h5py import is_hdf5

from helpers.files.raw_files import write_raw_file
from helpers.files.untrusted import TARGETS
from helpers.programs.streams import receive
from recon.data.errors import InputError
from recon.data.formats.whole_scan import WholeScan
from recon.data.open import FORMATS, NPZ, Format, open_volume
from recon.data.stream.messages import encode
from recon.data.stream.replay import replay

WRITTEN = [fmt for fmt in FORMATS if fmt.write is not None]
DAMAGED = 400
FEWER = 200
"""Number of damaged HDF5 files, each of which starts a child process."""

BEGINNING = 2048
"""Number of bytes that hold the headers, to which half of the damage is done."""


@pytest.fixture
def scan(tmp_path: Path) -> WholeScan:
    return WholeScan.of(open_volume(write_raw_file(tmp_path / "whole.h5", 2, 2, (6, 5))))


def damaged(whole: bytes, count: int) -> Iterator[bytes]:
    """Yield copies with one to three changed bytes, every fifth of them cut short."""
    generator = np.random.default_rng(0)
    for number in range(count):
        content = bytearray(whole)
        reach = len(whole) if number % 2 else min(len(whole), BEGINNING)
        for place in generator.integers(reach, size=1 + number % 3):
            content[place] ^= generator.integers(1, 256)
        yield bytes(content[: generator.integers(len(whole))] if number % 5 == 0 else content)


@pytest.mark.slow
@pytest.mark.parametrize("fmt", WRITTEN, ids=lambda fmt: fmt.name)
def test_a_damaged_file_is_read_or_refused_in_one_sentence(
    tmp_path: Path, scan: WholeScan, fmt: Format, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"damaged{fmt.suffixes[0]}"
    fmt.write(path, scan)
    parts = [part for part in (path, path.with_suffix(".hdr")) if part.exists()]
    count = FEWER if is_hdf5(path) else DAMAGED
    errors: list[str] = []
    for victim in parts:
        whole = victim.read_bytes()
        for content in damaged(whole, count // len(parts)):
            victim.write_bytes(content)
            try:
                volume = open_volume(path)
                read = [volume.read(index) for index in range(len(volume))]
            except InputError as error:
                errors.append(str(error))
            else:
                assert all(one.kspace.shape == volume.shape[1:] and one.kspace.isfinite().all() for one in read)
        victim.write_bytes(whole)
    assert len(errors) > count // 5
    assert all(sentence.startswith(str(tmp_path)) and len(sentence.splitlines()) == 1 for sentence in errors)
    assert capfd.readouterr() == ("", "")


def test_a_damaged_stream_is_read_or_refused_in_one_sentence(tmp_path: Path, scan: WholeScan) -> None:
    errors: list[str] = []
    for content in damaged(b"".join(map(encode, replay(tmp_path / "whole.h5"))), DAMAGED):
        try:
            found = receive(content, text=1 << 20, message=1 << 20)
        except InputError as error:
            errors.append(str(error))
        else:
            assert all(one.acquisition.kspace.isfinite().all() for one in found)
    assert len(errors) > DAMAGED // 5
    assert all(len(sentence.splitlines()) == 1 for sentence in errors)


@pytest.mark.slow
def test_no_flipped_byte_of_an_archive_changes_what_is_read(tmp_path: Path, scan: WholeScan) -> None:
    path = tmp_path / "scan.npz"
    NPZ.write(path, scan)
    whole = path.read_bytes()
    for place in range(len(whole)):
        content = bytearray(whole)
        content[place] ^= 1 << place % 8
        path.write_bytes(content)
        try:
            read = WholeScan.of(open_volume(path))
        except InputError:
            continue
        assert (read.kspace == scan.kspace).all(), place
        assert (read.masks == scan.masks).all(), place
        assert read.header == scan.header, place


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_a_damaged_input_of_any_kind_is_read_or_refused_in_one_sentence(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    whole, read = TARGETS[name](tmp_path)
    read(whole)
    errors: list[str] = []
    for content in damaged(whole, FEWER if name == "torch_checkpoint" else DAMAGED):
        try:
            read(content)
        except InputError as error:
            errors.append(str(error))
    assert len(errors) > 10 or name in {"index", "sidecar"}  # which are made again
    assert all(len(sentence.splitlines()) == 1 for sentence in errors)
    assert capfd.readouterr() == ("", "")
