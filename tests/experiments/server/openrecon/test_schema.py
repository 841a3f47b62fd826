"""The rules of the label accept what the schema accepts, and refuse everything else."""

import copy
import json
from datetime import date
from typing import Any

import pytest

from recon.data.errors import InputError
from recon.experiments.server.openrecon.label import Product, make_label
from recon.experiments.server.openrecon.schema import check_label, in_tenths

TEXT = {"en": "text"}


@pytest.fixture(scope="module")
def label() -> dict[str, Any]:
    return json.loads(make_label(Product(), ["varnet", "sense+gain"], None, date(2026, 1, 2)).as_json())


def broken(label: dict[str, Any], place: str, value: Any) -> dict[str, Any]:
    """Return a copy with another value at a place; None removes it."""
    changed = copy.deepcopy(label)
    *path, last = place.split(".")
    part = changed
    for word in path:
        part = part[int(word) if isinstance(part, list) else word]
    if value is None:
        del part[last]
    else:
        part[last] = value
    return changed


def test_our_label_is_of_the_schema(label: dict[str, Any]) -> None:
    assert json.loads(check_label(label).as_json()) == label
    assert label["reconstruction"]["port"] == 9002
    assert label["reconstruction"]["content_qualification_type"] == "RESEARCH"


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("general.version", "1.0"),
        ("general.version", "01.0.0"),
        ("general.name", {"de": "Name"}),
        ("general.regulatory_information.udi", None),
        ("general.colour", "red"),
        ("reconstruction.port", "9002"),
        ("reconstruction.emitter", "raw data"),
        ("reconstruction.injector", "raw"),
        ("reconstruction.min_required_memory", -1),
        ("reconstruction.min_count_required_cpu_cores", 0),
        ("reconstruction.can_use_gpu", "false"),
        ("reconstruction.transfer_protocol", {"protocol": "ISMRMRD", "version": "2.0.0"}),
        ("reconstruction.content_qualification_type", "MEDICAL"),
        ("parameters.0.values", []),
        ("parameters.0.id", "the method"),
        ("parameters.0.id", "the_method"),
        ("parameters.0.default", "no value of the choice"),
        ("parameters.0.unit", TEXT),
        ("parameters.1.default", 1.05),
        ("parameters.1.maximum", None),
        ("parameters.1.default", 0.0),
        ("parameters.1.unit", {"en": "times"}),
        ("parameters", [{"type": "int", "id": "a", "label": TEXT, "minimum": 0, "maximum": 2**31, "default": 1}]),
        ("parameters", [{"type": "int", "id": "a", "label": TEXT, "minimum": 0, "maximum": 2, "default": 1.5}]),
        ("parameters", [{"type": "boolean", "id": "a", "label": TEXT, "default": "true"}]),
        ("parameters", [{"type": "number", "id": "a", "label": TEXT}]),
        ("parameters", [{"type": "string", "id": "a", "label": TEXT}] * 2),
        ("parameters", [{"type": "string", "id": f"a{number}", "label": TEXT} for number in range(15)]),
    ],
)
def test_each_broken_rule_is_found(label: dict[str, Any], place: str, value: Any) -> None:
    with pytest.raises(InputError, match="label|default"):
        check_label(broken(label, place, value))


def test_tenths_are_those_of_a_division() -> None:
    assert in_tenths(2.0)
    assert in_tenths(0.5)
    assert not in_tenths(0.25)
    assert not in_tenths(0.3)  # 0.3 / 0.1 is less than 3, and validators compare exactly
