"""Fuzzes the reader of the cards of weights."""

import atheris

with atheris.instrument_imports(include=["recon"]):
    from helpers.files.untrusted import card
    from recon.data.errors import InputError

from helpers.files.fuzzing import fuzz, scratch

if __name__ == "__main__":
    seed, read = card(scratch("card"))
    fuzz("card", read, [seed], InputError)
