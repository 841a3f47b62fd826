"""Fuzzes the reader of the record beside images."""

import atheris

with atheris.instrument_imports(include=["recon"]):
    from helpers.files.untrusted import sidecar
    from recon.data.errors import InputError

from helpers.files.fuzzing import fuzz, scratch

if __name__ == "__main__":
    seed, read = sidecar(scratch("sidecar"))
    fuzz("sidecar", read, [seed], InputError)
