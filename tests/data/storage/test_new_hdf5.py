"""Fills the disk at every part of a file: the error is one sentence, and nothing is left behind."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from helpers.files.raw_files import write_raw_file
from recon.data.errors import DiskFullError
from recon.data.formats.fastmri.layout import FASTMRI, write_reconstruction
from recon.data.formats.ismrmrd.layout import ISMRMRD
from recon.data.formats.whole_scan import WholeScan
from recon.data.open import open_volume
from recon.data.storage.new_hdf5 import new_hdf5


def write_images(path: Path, scan: WholeScan) -> None:
    write_reconstruction(path, np.abs(scan.kspace[:, 0]), protocol="x" * 4000)


@pytest.mark.parametrize("write", [ISMRMRD.write, FASTMRI.write, write_images])
def test_a_full_disk_is_reported_and_leaves_nothing(
    tmp_path: Path,
    write: Callable[[Path, WholeScan], None],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    scan = WholeScan.of(open_volume(write_raw_file(tmp_path / "scan.h5", 12, 8, (128, 96))))
    path = tmp_path / "written" / "scan.h5"
    write(path, scan)
    whole, os_write = path.read_bytes(), os.write
    path.write_text("before")
    room = [0]

    def write_in_room(handle: int, content: bytes) -> int:
        if os.lseek(handle, 0, os.SEEK_CUR) + len(content) > room[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return os_write(handle, content)

    monkeypatch.setattr(os, "write", write_in_room)
    for room[0] in range(0, len(whole), 1 + len(whole) // 12):
        with pytest.raises(DiskFullError, match="the disk is full"):
            write(path, scan)
        assert path.read_text() == "before"
        assert list(path.parent.iterdir()) == [path]
        # An object that HDF5 cannot close would end the process.
        assert not h5py.h5f.get_obj_count(types=h5py.h5f.OBJ_FILE | h5py.h5f.OBJ_DATASET | h5py.h5f.OBJ_GROUP)
    room[0] = len(whole)
    write(path, scan)
    assert path.stat().st_size == len(whole)
    assert capfd.readouterr() == ("", "")


def test_a_failed_block_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), new_hdf5(tmp_path / "scan.h5") as file:
        file["a"] = 1 / 0
    assert not list(tmp_path.iterdir())
