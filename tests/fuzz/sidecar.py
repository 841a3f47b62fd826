"""Fuzzes the reader of the record beside images."""

import atheris

with atheris.instrument_imports(include=["recon"]):
    from helpers.untrusted import sidecar
    from recon.data.errors import InputError

from helpers.fuzzing import fuzz, scratch

if __name__ == "__main__":
    seed, read = sidecar(scratch("sidecar"))
    fuzz("sidecar", read, [seed], InputError)
