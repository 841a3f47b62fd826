"""Fuzzes the reader of torch's checkpoints."""

import atheris

with atheris.instrument_imports(include=["recon"]):
    from helpers.files.untrusted import torch_checkpoint
    from recon.data.errors import InputError

from helpers.files.fuzzing import fuzz, scratch

if __name__ == "__main__":
    seed, read = torch_checkpoint(scratch("torch_checkpoint"))
    fuzz("torch_checkpoint", read, [seed], InputError)
