"""Fuzzes what the server does with bytes of a client: it parses messages and sorts readouts into images."""

import atheris

with atheris.instrument_imports(include=["recon"]):
    from helpers.programs.streams import receive
    from recon.data.errors import InputError
    from recon.data.stream.messages import Close, ConfigName, ConfigText, Text, encode
    from recon.data.stream.replay import replay

from helpers.files.fuzzing import fuzz, scratch
from helpers.files.raw_files import write_raw_file


def seeds() -> list[bytes]:
    scan = replay(write_raw_file(scratch("mrd") / "whole.h5", 2, 1, (3, 2)))
    return [b"".join(map(encode, scan)), *map(encode, (ConfigName("sense"), ConfigText("{}"), Text("a"), Close()))]


def read(content: bytes) -> None:
    receive(content, text=1 << 14, message=1 << 20, session=1 << 22)


if __name__ == "__main__":
    fuzz("mrd", read, seeds(), InputError)
