"""Fuzzes the reader of `.npy` files."""

import atheris

with atheris.instrument_imports(include=["recon"]):
    from recon.data.errors import InputError
    from recon.data.formats.numpy import open_npy, write_npy
    from recon.data.formats.whole_scan import WholeScan
    from recon.data.open import open_volume

from helpers.files.fuzzing import fuzz, scratch
from helpers.files.raw_files import write_raw_file

FOLDER = scratch("npy")
PATH = FOLDER / "scan.npy"


def seed() -> bytes:
    write_npy(PATH, WholeScan.of(open_volume(write_raw_file(FOLDER / "whole.h5", 2, 1, (3, 2)))))
    return PATH.read_bytes()


def read(content: bytes) -> None:
    PATH.write_bytes(content)
    volume = open_npy(PATH)
    for index in range(len(volume)):
        volume.read(index)


if __name__ == "__main__":
    fuzz("npy", read, [seed()], InputError)
