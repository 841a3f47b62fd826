"""Fuzzes the reader of the index of a folder."""

import atheris

with atheris.instrument_imports(include=["recon"]):
    from helpers.files.untrusted import index
    from recon.data.errors import InputError

from helpers.files.fuzzing import fuzz, scratch

if __name__ == "__main__":
    seed, read = index(scratch("index"))
    fuzz("index", read, [seed], InputError)
