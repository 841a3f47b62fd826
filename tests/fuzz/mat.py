"""Fuzzes the reader of MATLAB files of version 5."""

import atheris
import numpy as np
from scipy.io import savemat

with atheris.instrument_imports(include=["recon"]):
    from recon.data.errors import InputError
    from recon.data.formats.matlab.reader import open_matlab

from helpers.files.fuzzing import fuzz, scratch

KSPACE = np.ones((4, 3, 2)) * 1j
PATH = scratch("mat") / "scan.mat"


def seed(compressed: bool) -> bytes:
    savemat(PATH, {"s": {"n": 1, "k": KSPACE}, "kspace": KSPACE, "mask": np.ones((4, 3))}, do_compression=compressed)
    return PATH.read_bytes()


def read(content: bytes) -> None:
    PATH.write_bytes(content)
    for variable in ("s.k", None):
        volume = open_matlab(PATH, variable=variable)
        for index in range(min(len(volume), 10)):
            volume.read(index)


if __name__ == "__main__":
    fuzz("mat", read, [seed(False), seed(True)], InputError)
