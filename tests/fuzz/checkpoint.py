"""Fuzzes the reader of this program's weights."""

import atheris

with atheris.instrument_imports(include=["recon"]):
    from helpers.files.untrusted import checkpoint
    from recon.data.errors import InputError

from helpers.files.fuzzing import fuzz, scratch

if __name__ == "__main__":
    seed, read = checkpoint(scratch("checkpoint"))
    fuzz("checkpoint", read, [seed], InputError)
