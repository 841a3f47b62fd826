"""Recognises files that hold MR data but cannot be read, and says by which program they become readable."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import h5py

from recon.data.storage.hdf5 import follow, holds, open_hdf5

BEGINNING = 4096
"""Number of bytes that show what a file is."""

CONVERTERS = "github.com/ismrmrd"

GRID_FIRST = "grid it first, for example by BART's nufft, and store the result as BART, NumPy or ISMRMRD"
CORRECT_FIRST = (
    "correct the phase and the ramps of its readouts first, as Gadgetron's EPIReconXGadget and EPICorrGadget do, "
    "and store the result as ISMRMRD, BART or NumPy"
)
FULL_READOUT = (
    "the readout of a 3-D scan must be fully sampled, so that its transform separates the positions along it; "
    "reconstruct the scan by a program that takes undersampling along three axes, such as BART's pics"
)
"""Ways to make scans readable whose format is read, or to reconstruct them elsewhere."""


@dataclass(frozen=True)
class UnreadFormat:
    """A kind of file that is recognised but not read.

    Attributes
    ----------
    recognises
        Function that decides by a path, the names beside it, and its first bytes (none if it is a folder).
    sentence
        Text that follows the file's name in a message: its kind, and how to make it readable.
    """

    recognises: Callable[[Path, bytes], bool]
    sentence: str


def explain_unread(path: Path) -> str | None:
    """Return a sentence on a file or folder that cannot be read; None if it is unknown."""
    beginning = b""
    if path.is_file():
        with path.open("rb") as file:
            beginning = file.read(BEGINNING)
    return next((kind.sentence for kind in UNREAD if kind.recognises(path, beginning)), None)


def _is_mrd_2_hdf5(path: Path, _: bytes) -> bool:
    if not path.is_file() or not h5py.is_hdf5(path):
        return False
    with open_hdf5(path) as file:
        group = follow(file, "Mrd")
        return isinstance(group, h5py.Group) and holds(group, "$yardl_schema")


def _is_ismrmrd_stream(_: Path, beginning: bytes) -> bool:
    """Return whether messages begin the file: perhaps configurations (1, 2), then the XML header (3)."""
    place = 0
    while len(beginning) >= place + 6:
        message, length = struct.unpack_from("<HI", beginning, place)
        if message == 3:
            text = beginning[place + 6 :].lstrip(b"\xef\xbb\xbf \r\n\t")
            return text.startswith(b"<") and b"ismrmrd" in text.lower()
        place += {1: 2 + 1024, 2: 6 + length}.get(message, BEGINNING)
    return False


def _is_bruker(path: Path, beginning: bytes) -> bool:
    """Return whether names are those of ParaVision's folders, one for each scan; parameters are in JCAMP-DX."""
    if path.is_dir():
        return any(path.joinpath(name).is_file() for name in ("acqp", "2dseq")) or any(path.glob("*/acqp"))
    name = path.name.lower()
    if name in {"acqp", "method", "visu_pars", "reco", "subject"}:
        return beginning.lstrip().startswith(b"##TITLE")
    if name in {"fid", "ser", "fid.raw", "fid_proc.64"} or name.startswith("rawdata.job"):
        return any((path.parent / parameters).is_file() for parameters in ("acqp", "method"))
    return name == "2dseq" and any((path.parent / parameters).is_file() for parameters in ("visu_pars", "reco"))


def _is_agilent(path: Path, _: bytes) -> bool:
    folder = path if path.is_dir() else path.parent
    return (path.is_dir() or path.name.lower() == "fid") and (folder / "procpar").is_file()


def _has_beside(path: Path, *suffixes: str) -> bool:
    return any(path.with_suffix(case(suffix)).is_file() for suffix in suffixes for case in (str.lower, str.upper))


def _is_description(beginning: bytes) -> bool:
    return b"DATA DESCRIPTION FILE" in beginning


def _is_philips_raw(path: Path, _: bytes) -> bool:
    suffix = path.suffix.lower()
    return suffix == ".lab" or (suffix, True) in {
        (".raw", _has_beside(path, ".lab")),
        (".sin", _has_beside(path, ".raw")),
    }


def _is_philips_data(path: Path, beginning: bytes) -> bool:
    suffix = path.suffix.lower()
    return (suffix == ".data" and _has_beside(path, ".list")) or (
        suffix == ".list" and (_is_description(beginning) or _has_beside(path, ".data"))
    )


def _is_philips_images(path: Path, beginning: bytes) -> bool:
    suffix = path.suffix.lower()
    return (
        (suffix == ".rec" and _has_beside(path, ".par", ".xml"))
        or (suffix == ".par" and (_is_description(beginning) or _has_beside(path, ".rec")))
        or (suffix == ".xml" and _has_beside(path, ".rec"))
    )


def _is_ge_p_file(path: Path, beginning: bytes) -> bool:
    """Return whether the file begins with a revision, a float, and holds GE's logo (old headers) or has its name."""
    if len(beginning) < 4:
        return False
    logo = beginning[34:44] in {b"GE_MED_NMR", b"INVALIDNMR"}
    named = re.fullmatch(r"P\w*\.7", path.name, re.IGNORECASE) is not None
    revisions = (struct.unpack_from(order, beginning)[0] for order in ("<f", ">f"))
    plausible = any(
        5 <= revision < 100 and abs(revision * 1000 - round(revision * 1000)) < 0.05 for revision in revisions
    )
    return plausible and (logo or named)


def _is_ge_archive(path: Path, _: bytes) -> bool:
    return path.name.lower().startswith("scanarchive") and path.is_file() and bool(h5py.is_hdf5(path))


def _is_images(path: Path, beginning: bytes) -> bool:
    return (
        beginning[128:132] == b"DICM"
        or beginning[344:348] in {b"n+1\0", b"ni1\0"}
        or path.name.lower().endswith(".nii.gz")
    )


UNREAD = (
    UnreadFormat(
        lambda _, beginning: beginning.startswith(b"\x00\x05\x16\x07"),
        "holds only what macOS notes beside a file (AppleDouble), no raw data; give the file whose name lacks '._'",
    ),
    UnreadFormat(
        _is_mrd_2_hdf5,
        "is MRD 2 written by yardl as HDF5, which is not read; convert it to MRD 2's own files by the program of "
        f"{CONVERTERS}/mrd: mrd_hdf5_to_stream IN > OUT.mrd2",
    ),
    UnreadFormat(
        _is_ismrmrd_stream,
        "is a dumped ISMRMRD stream; reconstruct it by recon stream < IN > OUT, or convert it by the program of "
        f"{CONVERTERS}/ismrmrd: ismrmrd_stream_to_hdf5 -i IN -o OUT.h5",
    ),
    UnreadFormat(
        _is_bruker,
        "belongs to a Bruker ParaVision scan, which is not read; convert its folder to ISMRMRD by bruker_to_ismrmrd "
        f"({CONVERTERS}/bruker_to_ismrmrd)",
    ),
    UnreadFormat(
        _is_agilent,
        "belongs to an Agilent (Varian) scan, which is not read; save its k-space as an array (.npy or .mat) and "
        "name the axes with --axes",
    ),
    UnreadFormat(
        _is_philips_raw,
        "is Philips raw data (.raw with .lab), which is not read; convert the pair to ISMRMRD by philips_to_ismrmrd "
        f"({CONVERTERS}/philips_to_ismrmrd)",
    ),
    UnreadFormat(
        _is_philips_data,
        "is Philips k-space exported as .data with .list, which is not read; export .raw with .lab and convert it by "
        f"philips_to_ismrmrd ({CONVERTERS}/philips_to_ismrmrd), or save the k-space as an array (.npy or .mat) and "
        "name the axes with --axes",
    ),
    UnreadFormat(
        lambda path, _: path.suffix.lower() == ".cpx",
        "is a Philips .cpx file of complex coil images, not raw data; export .raw with .lab and convert it by "
        f"philips_to_ismrmrd ({CONVERTERS}/philips_to_ismrmrd)",
    ),
    UnreadFormat(
        _is_philips_images,
        "holds images that a Philips scanner reconstructed (.rec with .par or .xml), not raw data; export .raw with "
        f".lab and convert it by philips_to_ismrmrd ({CONVERTERS}/philips_to_ismrmrd)",
    ),
    UnreadFormat(
        _is_ge_p_file,
        "is a GE P-file, which is not read; convert it to ISMRMRD by ge_to_ismrmrd "
        f"({CONVERTERS}/ge_to_ismrmrd, which needs GE's Orchestra)",
    ),
    UnreadFormat(
        _is_ge_archive,
        "is a GE ScanArchive, which is not read; convert it to ISMRMRD by ge_to_ismrmrd "
        f"({CONVERTERS}/ge_to_ismrmrd, which needs GE's Orchestra)",
    ),
    UnreadFormat(
        lambda path, beginning: (
            path.suffix.lower() == ".mat" or beginning.startswith((b"# Created by Octave", b"Octave-1-"))
        ),
        "is no MATLAB file of version 5 or 7.3; save the array again with save(..., '-v7') or '-v7.3'",
    ),
    UnreadFormat(
        _is_images, "holds reconstructed images (DICOM or NIfTI), not raw data; give the scanner's raw data"
    ),
)
"""Kinds in the order in which they are tried; a new one takes a line here."""
