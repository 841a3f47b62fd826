"""Checks that files which cannot be read are recognised, and that the message names the way."""

import struct
from pathlib import Path

import h5py
import numpy as np
import pytest

from recon.data.errors import InputError
from recon.data.open import list_files, open_volume

DESCRIPTION = b"# === DATA DESCRIPTION FILE ===\n"
STREAM = struct.pack("<HI", 3, 90) + b'<?xml version="1.0"?><ismrmrdHeader xmlns="http://www.ismrm.org/ISMRMRD">'


def p_file(order: str, revision: float, logo: bytes = b"") -> bytes:
    return struct.pack(f"{order}f", revision) + bytes(30) + logo.ljust(200, b"\0")


FILES = {
    "stream.dat": ({"stream.dat": STREAM}, "ismrmrd_stream_to_hdf5"),
    "configured.dat": (
        {"configured.dat": struct.pack("<H1024s", 1, b"default.xml") + STREAM},
        "ismrmrd_stream_to_hdf5",
    ),
    "texts.dat": ({"texts.dat": struct.pack("<HI8s", 2, 8, b"<config>") + STREAM}, "ismrmrd_stream_to_hdf5"),
    "5/fid": ({"5/fid": b"\1", "5/acqp": b"##TITLE=acqp"}, "bruker_to_ismrmrd"),
    "5/ser": ({"5/ser": b"\1", "5/method": b"##TITLE=method"}, "bruker_to_ismrmrd"),
    "5/rawdata.job0": ({"5/rawdata.job0": b"\1", "5/method": b"##TITLE=method"}, "bruker_to_ismrmrd"),
    "5/pdata/1/2dseq": ({"5/pdata/1/2dseq": b"\1", "5/pdata/1/visu_pars": b"##TITLE=x"}, "bruker_to_ismrmrd"),
    "5/method": ({"5/method": b"##TITLE=Parameter List"}, "bruker_to_ismrmrd"),
    "6/fid": ({"6/fid": b"\1", "6/procpar": b"\1"}, "Agilent"),
    "raw_001.raw": ({"raw_001.raw": b"\1", "raw_001.lab": b"\1"}, "philips_to_ismrmrd"),
    "RAW_001.RAW": ({"RAW_001.RAW": b"\1", "RAW_001.LAB": b"\1"}, "philips_to_ismrmrd"),
    "raw_002.lab": ({"raw_002.lab": b"\1"}, "philips_to_ismrmrd"),
    "raw.data": ({"raw.data": b"\1", "raw.list": DESCRIPTION}, "philips_to_ismrmrd"),
    "raw.list": ({"raw.list": DESCRIPTION}, "philips_to_ismrmrd"),
    "scan.par": ({"scan.par": DESCRIPTION}, "images that a Philips scanner reconstructed"),
    "scan.REC": ({"scan.REC": b"\1", "scan.PAR": DESCRIPTION}, "images that a Philips scanner reconstructed"),
    "scan.cpx": ({"scan.cpx": b"\1"}, "Philips .cpx file of complex coil images"),
    "P12345.7": ({"P12345.7": p_file("<", 28.003)}, "GE P-file.*ge_to_ismrmrd"),
    "renamed.bin": ({"renamed.bin": p_file("<", 20.006, b"GE_MED_NMR")}, "GE P-file.*ge_to_ismrmrd"),
    "old.7": ({"old.7": p_file(">", 11.0, b"INVALIDNMR")}, "GE P-file.*ge_to_ismrmrd"),
    "scan.dcm": ({"scan.dcm": bytes(128) + b"DICM"}, "DICOM or NIfTI"),
    "._scan.h5": ({"._scan.h5": b"\x00\x05\x16\x07\x00\x02\x00\x00"}, "lacks '._'"),
}


@pytest.mark.parametrize("name", FILES)
def test_the_way_is_told(tmp_path: Path, name: str) -> None:
    files, sentence = FILES[name]
    for file, content in files.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_bytes(content)
    with pytest.raises(InputError, match=sentence) as error:
        open_volume(tmp_path / name)
    assert str(error.value).startswith(f"{tmp_path / name}: ")


@pytest.mark.parametrize("given", ["study", "study/5", "study/5/pdata/1"])
def test_a_folder_of_bruker_is_recognised(tmp_path: Path, given: str) -> None:
    for file in ("study/subject", "study/5/acqp", "study/5/fid", "study/5/pdata/1/2dseq", "study/5/pdata/1/reco"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_bytes(b"##TITLE=x")
    with pytest.raises(InputError, match="bruker_to_ismrmrd"):
        list_files([tmp_path / given])


def test_a_folder_of_other_raw_data_is_explained(tmp_path: Path) -> None:
    (tmp_path / "P12345.7").write_bytes(p_file("<", 26.002))
    with pytest.raises(InputError, match="P12345.7: is a GE P-file"):
        list_files([tmp_path])


def test_other_layouts_of_hdf5_are_recognised(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "scan.h5", "w") as file:
        file["Mrd/$yardl_schema"] = "{}"
    with pytest.raises(InputError, match="is MRD 2"):
        open_volume(tmp_path / "scan.h5")
    with h5py.File(tmp_path / "ScanArchive_1_2.h5", "w") as file:
        file["other"] = np.zeros(3)
    with pytest.raises(InputError, match="is a GE ScanArchive.*ge_to_ismrmrd"):
        open_volume(tmp_path / "ScanArchive_1_2.h5")


@pytest.mark.parametrize("content", [b"hello", bytes(300), struct.pack("<f", 3.14159) + bytes(300), b"yardl{}"])
def test_unknown_files_are_not_given_a_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "scan.bin").write_bytes(content)
    with pytest.raises(InputError, match="not HDF5, nor of another known format"):
        open_volume(tmp_path / "scan.bin")


@pytest.mark.parametrize(("name", "sentence"), [("ismrmrd_stream.bin", "ISMRMRD stream")])
def test_real_files_are_recognised(real_data: Path, name: str, sentence: str) -> None:
    path = real_data / ".." / "cases" / name
    if not path.is_file():
        pytest.skip("the folder of measurements has no folder of cases beside it")
    with pytest.raises(InputError, match=sentence):
        open_volume(path)
