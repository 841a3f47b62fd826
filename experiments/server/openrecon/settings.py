"""List the settings of methods and stages: type, limits, default and explanation, from their own definition."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, get_type_hints

from pydantic import TypeAdapter

from recon.contract import Part
from recon.experiments.docstrings import attribute_texts
from recon.registry import base_name, create, create_stage, stages_of


@dataclass(frozen=True)
class Setting:
    """One setting of a method or of a stage behind it.

    Attributes
    ----------
    part
        Name of the method or stage.
    key
        Name of the setting.
    path
        Name by which `recon.registry.create` takes it: the key, after the stage and a dot if it belongs to a stage.
    schema
        JSON schema of its values.
    default
        Value of a method that is created without settings.
    text
        Explanation; empty if its class has none.
    """

    part: str
    key: str
    path: str
    schema: Mapping[str, Any] = field(hash=False)
    default: Any
    text: str = ""

    @property
    def id(self) -> str:
        """Identifier of letters and digits: `gainStrength` of the strength of gain."""
        first, *words = re.findall("[A-Za-z0-9]+", f"{self.part} {self.key}".replace("_", " "))
        return first + "".join(word[0].upper() + word[1:] for word in words)

    @property
    def optional(self) -> bool:
        """Whether the method chooses a value itself if it is given none."""
        return any(one.get("type") == "null" for one in self.schema.get("anyOf", ()))

    @property
    def value_schema(self) -> Mapping[str, Any] | None:
        """JSON schema of the values besides none; None for files and for settings of several types."""
        kinds = [one for one in self.schema.get("anyOf", (self.schema,)) if one.get("type") != "null"]
        return kinds[0] if len(kinds) == 1 and "format" not in kinds[0] else None


def settings_of(name: str) -> list[Setting]:
    """List the settings of a method, then those of the stages that its name adds to it.

    Raises
    ------
    InputError
        If the method or a stage is unknown.
    """
    stages = stages_of(name)
    listed = _settings(base_name(name), create(base_name(name)), "")
    for stage in stages:
        listed += _settings(stage, create_stage(stage), f"{stage}.")
    return listed


def _settings(name: str, part: Part, prefix: str) -> list[Setting]:
    hints, texts = get_type_hints(type(part), include_extras=True), attribute_texts(type(part))
    return [
        Setting(
            part=name,
            key=one.name,
            path=prefix + one.name,
            schema=TypeAdapter(hints[one.name]).json_schema(),
            default=getattr(part, one.name),
            text=texts.get(one.name, ""),
        )
        for one in fields(part)
    ]
