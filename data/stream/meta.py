"""Writes and reads the XML attributes of MRD images: names with one or several values each."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

from recon.data.formats.header.xml import HeaderError, parse_xml
from recon.data.images import WARNING

Attributes = Mapping[str, str | Sequence[str]]

LONGEST_DESCRIPTION = 64
"""Largest number of characters of a description of a series in DICOM."""

DIGITS = 9
"""Significant digits of numbers, which then fit the 16 characters that DICOM allows."""


def format_meta(attributes: Attributes) -> str:
    """Return the XML text of attributes, whose values are one text or several."""
    entries = []
    for name, values in attributes.items():
        listed = [values] if isinstance(values, str) else values
        content = "".join(f"<value>{escape(value)}</value>" for value in listed)
        entries.append(f"<meta><name>{escape(name)}</name>{content}</meta>")
    return f'<?xml version="1.0"?><ismrmrdMeta>{"".join(entries)}</ismrmrdMeta>'


def parse_meta(text: str) -> dict[str, list[str]]:
    """Return the values of every attribute by its name; nothing if the text is not XML."""
    try:
        root = parse_xml(text)
    except HeaderError:
        return {}
    attributes: dict[str, list[str]] = {}
    for entry in root.iter("meta"):
        values = [(value.text or "").strip() for value in entry.iter("value")]
        attributes.setdefault((entry.findtext("name") or "").strip(), []).extend(values)
    return attributes


def with_attribute(text: str, name: str, value: str) -> str:
    """Return the XML text of an image's attributes with another value of one attribute."""
    return format_meta(parse_meta(text) | {name: [value]})


def decimal(value: float) -> str:
    """Return a number as text of at most 16 characters."""
    return f"{value:.{DIGITS}g}"


def describe(description: str) -> dict[str, str | Sequence[str]]:
    """Return the attributes that say how an image was made, and that it is not for diagnostic use.

    The mark is in three places, because receivers differ: MRD's `ImageComments`; the description of the series; and
    `DicomJson`, the DICOM attributes from which python-ismrmrd-server's DICOM writer starts.

    Parameters
    ----------
    description
        Name of the reconstruction.
    """
    mark = WARNING.replace(" ", "_")
    name = description[: LONGEST_DESCRIPTION - len(mark) - 1]
    return {
        "DataRole": "Image",
        "ImageProcessingHistory": ["RECON", description.upper()],
        "ImageComments": WARNING,
        "SeriesDescription": f"{name}_{mark}",
        "SequenceDescriptionAdditional": f"{name}_{mark}",
        "Keep_image_geometry": "1",
    }


def dicom_json(signed: bool) -> str:
    """Return DICOM attributes that no other attribute of MRD carries into a file, as base64 of DICOM's JSON.

    Parameters
    ----------
    signed
        Whether pixels are signed numbers.
    """
    attributes: dict[str, Any] = {
        "00080060": {"vr": "CS", "Value": ["MR"]},
        "00204000": {"vr": "LT", "Value": [WARNING]},
        "00280103": {"vr": "US", "Value": [int(signed)]},
    }
    return base64.b64encode(json.dumps(attributes).encode()).decode()
