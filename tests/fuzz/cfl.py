"""Fuzzes the reader of BART's file pairs; an input is the header, a NUL and the samples."""

import atheris

with atheris.instrument_imports(include=["recon"]):
    from recon.data.errors import InputError
    from recon.data.formats.bart import open_bart, write_bart
    from recon.data.formats.whole_scan import WholeScan
    from recon.data.open import open_volume

from helpers.files.fuzzing import fuzz, scratch
from helpers.files.raw_files import write_raw_file

FOLDER = scratch("cfl")
PATH = FOLDER / "scan.cfl"


def seed() -> bytes:
    write_bart(PATH, WholeScan.of(open_volume(write_raw_file(FOLDER / "whole.h5", 2, 1, (3, 2)))))
    return PATH.with_suffix(".hdr").read_bytes() + b"\0" + PATH.read_bytes()


def read(content: bytes) -> None:
    header, _, samples = content.partition(b"\0")
    PATH.with_suffix(".hdr").write_bytes(header)
    PATH.write_bytes(samples)
    volume = open_bart(PATH)
    for index in range(len(volume)):
        volume.read(index)


if __name__ == "__main__":
    fuzz("cfl", read, [seed(), b"# Dimensions\n2 1 1 1 1 3\0" + bytes(48)], InputError)
