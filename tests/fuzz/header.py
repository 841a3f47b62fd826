"""Fuzzes the reader of the ISMRMRD header."""

import atheris

with atheris.instrument_imports(include=["recon"]):
    from recon.data.acquisition import Header
    from recon.data.formats.header.writer import format_header
    from recon.data.formats.header.xml import HeaderError
    from recon.data.formats.ismrmrd.scan_header import parse_scan_header

from helpers.files.fuzzing import fuzz

HEADER = Header((320, 300), (24, 344), (320.0, 300.5), 3.0, "AXT2")


def read(content: bytes) -> None:
    parse_scan_header(content)


if __name__ == "__main__":
    fuzz("header", read, [format_header(HEADER, (640, 368), 4, 3, "embedded").encode()], HeaderError)
