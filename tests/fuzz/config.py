"""Fuzzes the reader of training configs."""

import atheris

with atheris.instrument_imports(include=["recon"]):
    from helpers.files.untrusted import config
    from recon.data.errors import InputError

from helpers.files.fuzzing import fuzz, scratch

if __name__ == "__main__":
    seed, read = config(scratch("config"))
    fuzz("config", read, [seed], InputError)
