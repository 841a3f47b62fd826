"""Fuzzes the reader of `.npz` archives."""

import atheris

with atheris.instrument_imports(include=["recon"]):
    from helpers.files.untrusted import npz
    from recon.data.errors import InputError

from helpers.files.fuzzing import fuzz, scratch

if __name__ == "__main__":
    seed, read = npz(scratch("npz"))
    fuzz("npz", read, [seed], InputError)
