"""Reads a training config from a YAML file and overrides of the command line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields, is_dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from recon.data.errors import InputError, did_you_mean
from recon.data.storage.yaml_file import parse_yaml, read_yaml
from recon.experiments.training.config.train_config import TrainConfig

MESSAGES = {
    "model_type": "must be a section of keys and values",
    "dataclass_type": "must be a section of keys and values",
    "dict_type": "must be a section of keys and values",
    "tuple_type": "must be a list; write it as [...]",
}
"""Replacements of pydantic's messages that speak of Python types."""

UNKNOWN_KEY = {"extra_forbidden", "unexpected_keyword_argument"}
"""Names that pydantic gives to a key that a section, or a dataclass in it, does not have."""


def load_config(path: Path, overrides: Sequence[str] = ()) -> TrainConfig:
    """Read a config.

    Parameters
    ----------
    path
        YAML file, or the name of a config that ships with the package.
    overrides
        Values to replace, as `key=value` with a dotted key (`optimizer.lr=1e-4`) and a value in YAML notation.

    Raises
    ------
    InputError
        If the file cannot be read, or a key or value is wrong; for an unknown key the message names the nearest one.
    """
    values = _read(_find(path))
    for override in overrides:
        _replace(values, override)
    try:
        return TrainConfig.model_validate(values)
    except ValidationError as error:
        raise InputError(f"{path}: {_message(error)}") from error


def _find(path: Path) -> Path:
    shipped = Path(str(files("recon.experiments.configs")))
    for candidate in (path, shipped / path.name, shipped / f"{path.name}.yaml"):
        if candidate.is_file():
            return candidate
    names = ", ".join(sorted(file.name for file in shipped.glob("*.yaml")))
    raise InputError(f"{path}: no such config file; available: {names}")


def _read(path: Path) -> dict[str, Any]:
    values = read_yaml(path)
    if not isinstance(values, dict):
        raise InputError(f"{path}: contains no keys and values")
    return values


def _replace(values: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise InputError(f"{override!r} is not of the form key=value")
    *sections, last = key.split(".")
    for section in sections:
        values = values.setdefault(section, {})
        if not isinstance(values, dict):
            raise InputError(f"{override!r}: {section} is a value, not a section")
    try:
        values[last] = parse_yaml(text)
    except ValueError as error:
        raise InputError(f"{override!r}: the value is not valid YAML") from error


def _message(error: ValidationError) -> str:
    problem = error.errors()[0]
    location = [str(part) for part in problem["loc"]]
    key = ".".join(location)
    if problem["type"] in UNKNOWN_KEY:
        return f"unknown key {key!r}{did_you_mean(location[-1], _keys(location[:-1]))}"
    if problem["type"] == "missing":
        return f"{key} is missing; give it in the file or as {key}=..."
    message = MESSAGES.get(problem["type"], problem["msg"].removeprefix("Value error, "))
    return f"{key}: {message}" if key else message


def _keys(location: Sequence[str]) -> Iterable[str]:
    """Return the keys of a section: of the config itself, or of a dataclass that it holds."""
    section: Any = TrainConfig
    for name in location:
        annotation = section.model_fields[name].annotation
        kinds = get_args(annotation) or (annotation,)  # an optional section is a union with None
        section = next(kind for kind in kinds if hasattr(kind, "model_fields") or is_dataclass(kind))
    return [key.name for key in fields(section)] if is_dataclass(section) else section.model_fields
