"""Converts MRD 2's header to the text of an ISMRMRD header and back; only the spelling of the names differs."""

from __future__ import annotations

import datetime as dt
import re
import types
import typing
from enum import Enum
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np

from recon.data.errors import printable
from recon.data.formats.header.xml import HeaderError, parse_xml

NAMESPACE = "http://www.ismrm.org/ISMRMRD"

TAGS = {
    "accession_number": "accessionNumber",
    "calibration_encoding": "calibration_encoding",
    "d_z": "dZ",
    "delta_kz": "deltaKz",
    "device_id": "deviceID",
    "echo_spacing": "echo_spacing",
    "field_of_view_mm": "fieldOfView_mm",
    "flip_angle_deg": "flipAngle_deg",
    "frame_of_reference_uid": "frameOfReferenceUID",
    "h1resonance_frequency_hz": "H1resonanceFrequency_Hz",
    "measurement_id": "measurementID",
    "multiband_factor": "multiband_factor",
    "patient_height_m": "patientHeight_m",
    "patient_id": "patientID",
    "patient_weight_kg": "patientWeight_kg",
    "referenced_sop_instance_uid": "referencedSOPInstanceUID",
    "sequence_type": "sequence_type",
    "series_instance_uid_root": "seriesInstanceUIDRoot",
    "study_id": "studyID",
    "study_instance_uid": "studyInstanceUID",
    "system_field_strength_t": "systemFieldStrength_T",
    "t_e": "TE",
    "t_i": "TI",
    "t_r": "TR",
}
"""ISMRMRD's names of the elements that are not MRD 2's name without its underscores."""

KEPT = re.compile(r"(kspace_encoding_step|user)_[0-9]")
"""Names that both formats spell with underscores."""

UPPER = {"PatientPosition", "PatientGender"}
"""Enumerations whose values ISMRMRD spells in capital letters."""


def to_xml(header: Any) -> str:
    """Return the text of an ISMRMRD header with the content of an `mrd.Header`."""
    root = ET.Element("ismrmrdHeader", xmlns=NAMESPACE)
    _fill(root, header)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, "unicode")


def from_xml(xml: str | bytes, header: type[Any]) -> Any:
    """Return an object of `header`, the class `mrd.Header`, with the content of an ISMRMRD header.

    Elements that MRD 2 does not have are left out.

    Raises
    ------
    HeaderError
        If the text is not XML, or a value has another type than MRD 2 stores.
    """
    return _parsed(parse_xml(xml), header)


def _fill(element: ET.Element, record: Any) -> None:
    for name in typing.get_type_hints(type(record)):
        value = getattr(record, name)
        for one in value if isinstance(value, list) else [value]:
            if one is None or (isinstance(one, Enum) and not one.name):
                continue
            child = ET.SubElement(element, _tag(name))
            if typing.get_type_hints(type(one)) and not isinstance(one, Enum):
                _fill(child, one)
            else:
                child.text = _text(one)


def _tag(name: str) -> str:
    if KEPT.fullmatch(name):
        return name
    first, *words = name.split("_")
    return TAGS.get(name, first + "".join(map(str.capitalize, words)))


def _text(value: Any) -> str:
    if isinstance(value, Enum):
        if type(value).__name__ in UPPER:
            return value.name.replace("_", "")
        return value.name.lower() if KEPT.fullmatch(value.name.lower()) else _plain(value.name)
    return _decimal(value) if isinstance(value, float) else str(value)


def _decimal(value: float) -> str:
    """Return the shortest text of a number: 220.3 for the single-precision number that MRD 2 keeps of it."""
    with np.errstate(over="ignore"):
        single = np.float32(value)
    return str(single) if float(single) == value else repr(value)


def _plain(name: str) -> str:
    """Return a name without underscores and capital letters, in which both formats agree."""
    return name.replace("_", "").lower()


def _parsed(element: ET.Element, record: type[Any]) -> Any:
    values: dict[str, Any] = {}
    for name, hint in typing.get_type_hints(record).items():
        kind, many = _kind(hint)
        children = [child for child in element if _plain(str(child.tag)) == _plain(name)]
        parsed = [_value(child, kind) for child in children]
        if many:
            values[name] = parsed
        elif parsed:
            values[name] = parsed[0]
    return record(**values)


def _kind(hint: Any) -> tuple[Any, bool]:
    """Return the type of a field's values, and whether it is a list of them."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        hint = next(one for one in typing.get_args(hint) if one is not type(None))
    if typing.get_origin(hint) is list:
        return typing.get_args(hint)[0], True
    return hint, False


def _value(element: ET.Element, kind: Any) -> Any:
    text = (element.text or "").strip()
    if issubclass(kind, Enum):
        for member in kind:
            if _plain(member.name) == _plain(text):
                return member
        raise _refusal(element, text)
    try:
        if kind in (int, float, str):
            return kind(text)
        if kind is dt.date:
            return dt.date.fromisoformat(text)
        if kind.__name__ == "Time":
            return kind.from_time(dt.time.fromisoformat(text))
    except ValueError as error:
        raise _refusal(element, text) from error
    return _parsed(element, kind)


def _refusal(element: ET.Element, text: str) -> HeaderError:
    return HeaderError(f"its header says {element.tag} is {printable(text, 80)!r}, which MRD 2 cannot store")
