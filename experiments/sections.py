"""Checks YAML files against models of their sections, and reports a wrong key with the nearest right one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError

from recon.data.errors import InputError, did_you_mean
from recon.data.storage.yaml_file import read_yaml

MESSAGES = {
    "model_type": "must be a section of keys and values",
    "dataclass_type": "must be a section of keys and values",
    "dict_type": "must be a section of keys and values",
    "tuple_type": "must be a list; write it as [...]",
}
"""Replacements of pydantic's messages that speak of Python types."""

UNKNOWN_KEY = {"extra_forbidden", "unexpected_keyword_argument"}
"""Names that pydantic gives to a key that a section, or a dataclass in it, does not have."""


class Section(BaseModel):
    """A section of a config file, which rejects unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


M = TypeVar("M", bound=Section)


def find_config(path: Path, folder: str = "") -> Path:
    """Return the path of a config file: as given, or that of a config which ships with the package.

    Parameters
    ----------
    path
        YAML file, or the name of a shipped config.
    folder
        Folder of the shipped configs below `experiments/configs`.

    Raises
    ------
    InputError
        If there is no such file; the message lists the shipped configs.
    """
    shipped = Path(str(files("recon.experiments.configs"))) / folder
    for candidate in (path, shipped / path.name, shipped / f"{path.name}.yaml"):
        if candidate.is_file():
            return candidate
    names = ", ".join(sorted(file.name for file in shipped.glob("*.yaml")))
    raise InputError(f"{path}: no such config file; available: {names}")


def read_values(path: Path) -> dict[str, Any]:
    """Read the keys and values of a YAML file.

    Raises
    ------
    InputError
        If the file is not YAML, or holds something else.
    """
    values = read_yaml(path)
    if not isinstance(values, dict):
        raise InputError(f"{path}: contains no keys and values")
    return values


def validated(model: type[M], values: Mapping[str, Any], path: Path, override: str = "") -> M:
    """Check values against a model.

    Parameters
    ----------
    model
        Section that describes the whole file.
    values
        Content of the file.
    path
        Path of the file, for messages.
    override
        How else a missing value can be given, with `{key}` in place of its key; empty if it cannot.

    Raises
    ------
    InputError
        If a key or a value is wrong; for an unknown key the message names the nearest one.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise InputError(f"{path}: {_message(model, error, override)}") from error


def _message(model: type[Section], error: ValidationError, override: str) -> str:
    problems = error.errors()  # a wrong key explains a missing one, so it comes first
    problem = next((one for one in problems if one["type"] in UNKNOWN_KEY), problems[0])
    location = [str(part) for part in problem["loc"]]
    key = ".".join(location)
    if problem["type"] in UNKNOWN_KEY:
        *sections, last = location
        keys = list(_keys(model, sections))
        elsewhere = [place for place in _places(model) if place.rpartition(".")[2] == last]
        if len(elsewhere) == 1:
            return f"unknown key {key!r}; did you mean {elsewhere[0]!r}?"
        section = "".join(f"{name}." for name in sections)
        return f"unknown key {key!r}{did_you_mean(last, keys, section)}"
    if problem["type"] == "missing":
        return f"{key} is missing; give it in the file" + override.format(key=key)
    message = MESSAGES.get(problem["type"], problem["msg"].removeprefix("Value error, "))
    return f"{key}: {message}" if key else message


def _keys(model: type[Section], location: Sequence[str]) -> Iterable[str]:
    """Return the keys of a section: of the config itself, or of a section or dataclass that it holds."""
    section: Any = model
    for name in location:
        section = _within(section, name)
    return [key.name for key in fields(section)] if is_dataclass(section) else section.model_fields


def _places(section: Any, prefix: str = "") -> Iterator[str]:
    """List the full keys of a section and of the sections in it."""
    for name in section.model_fields:
        yield prefix + name
        inner = _within(section, name)
        if hasattr(inner, "model_fields"):
            yield from _places(inner, f"{prefix}{name}.")


def _within(section: Any, name: str) -> Any:
    """Return the type of a section's value, or of the values of a mapping; None if the value is no section."""
    if get_origin(section) is dict:
        return get_args(section)[1]
    annotation = section.model_fields[name].annotation
    if get_origin(annotation) is dict:
        return annotation
    kinds = get_args(annotation) or (annotation,)  # an optional section is a union with None
    return next((kind for kind in kinds if hasattr(kind, "model_fields") or is_dataclass(kind)), None)
