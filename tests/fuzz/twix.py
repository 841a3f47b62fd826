"""Fuzzes the reader of Siemens raw data."""

import atheris

with atheris.instrument_imports(include=["recon"]):
    from helpers.files.untrusted import twix
    from recon.data.errors import InputError

from helpers.files.fuzzing import fuzz, scratch

if __name__ == "__main__":
    seed, read = twix(scratch("twix"))
    fuzz("twix", read, [seed], InputError)
