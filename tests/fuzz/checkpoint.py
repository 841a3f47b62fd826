"""Fuzzes the reader of this program's weights."""

import atheris

with atheris.instrument_imports(include=["recon"]):
    from helpers.untrusted import checkpoint
    from recon.data.errors import InputError

from helpers.fuzzing import fuzz, scratch

if __name__ == "__main__":
    seed, read = checkpoint(scratch("checkpoint"))
    fuzz("checkpoint", read, [seed], InputError)
