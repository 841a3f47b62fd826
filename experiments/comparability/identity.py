"""Reads identifiers of patient and study, and the encoded matrix, from the headers of a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import h5py

from recon.data.errors import printable
from recon.data.formats.header.xml import HeaderError, parse_xml
from recon.data.storage.hdf5 import attribute, entries, follow, holds, open_hdf5, read_text

ELEMENTS = {
    "patient": ("subjectInformation/patientID", "subjectInformation/patientName"),
    "study": ("studyInformation/studyInstanceUID", "measurementInformation/frameOfReferenceUID"),
}
"""Elements of ISMRMRD's header that identify a patient and an examination."""

NOBODY = {
    "anonymous",
    "anonymized",
    "anonymised",
    "anon",
    "unknown",
    "none",
    "patient",
    "subject",
    "test",
    "na",
    "n/a",
}
"""Identifiers that stand for no one."""

LONGEST = 200
"""Number of characters of an identifier that count."""


@dataclass(frozen=True)
class Identity:
    """What the headers of a file say.

    Attributes
    ----------
    identifiers
        Identifiers of the patient and of the examination, by `patient` and `study`; empty where there are none.
    encoded
        Encoded matrix `(readout, phase)`; None if unknown.
    """

    identifiers: Mapping[str, frozenset[str]] = field(default_factory=dict)
    encoded: tuple[int, int] | None = None

    def shared(self, other: Identity) -> list[str]:
        """Return the kinds of identifiers that two files share, each with one that both have."""
        kinds = {kind: self.identifiers[kind] & other.identifiers.get(kind, frozenset()) for kind in self.identifiers}
        return [f"{kind} {min(common)}" for kind, common in kinds.items() if common]

    def is_another(self, other: Identity) -> bool:
        """Return whether both files name their patients, and not the same one."""
        one, two = (identity.identifiers.get("patient", frozenset()) for identity in (self, other))
        return bool(one) and bool(two) and not one & two


def read_identity(path: Path) -> Identity:
    """Read the headers of a file; formats other than fastMRI's and ISMRMRD's have none that is read.

    Raises
    ------
    InputError
        If an HDF5 file is damaged.
    """
    if not h5py.is_hdf5(path):
        return Identity()
    with open_hdf5(path) as file:
        named = attribute(file, "patient_id")
        roots = list(_headers(file))
    found: dict[str, set[str]] = {kind: set() for kind in ELEMENTS}
    found["patient"] |= _meaningful(named)
    for root in roots:
        for kind, places in ELEMENTS.items():
            for place in places:
                found[kind] |= _meaningful(root.findtext(place))
    identifiers = {kind: frozenset(values) for kind, values in found.items() if values}
    return Identity(identifiers, next((size for size in map(_encoded, roots) if size is not None), None))


def _headers(file: h5py.File) -> Iterator[ET.Element]:
    """Yield fastMRI's header, or those of ISMRMRD's groups; one that cannot be read is left out."""
    places = [(file, "ismrmrd_header")]
    for name in entries(file):
        group = follow(file, name)
        if isinstance(group, h5py.Group):
            places.append((group, "xml"))
    for group, name in places:
        if holds(group, name):
            try:
                yield parse_xml(read_text(group, name))
            except HeaderError:
                continue


def _meaningful(value: Any) -> set[str]:
    """Return an identifier in one line, unless it is empty or stands for no one, such as "xxxx" or "anonymous"."""
    text = value.decode(errors="replace") if isinstance(value, bytes) else value
    if not isinstance(text, str):
        return set()
    word = printable(text, LONGEST)
    letters = {letter for letter in word.casefold() if letter.isalnum()}
    return set() if len(letters) < 2 or word.casefold() in NOBODY else {word}


def _encoded(root: ET.Element) -> tuple[int, int] | None:
    sizes = [root.findtext(f"encoding/encodedSpace/matrixSize/{axis}") for axis in "xy"]
    if not all(size is not None and size.strip().isdecimal() for size in sizes):
        return None
    readout, phase = (int(size or 0) for size in sizes)
    return readout, phase
