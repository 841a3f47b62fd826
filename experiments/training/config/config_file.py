"""Reads a training config from a YAML file and overrides of the command line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, cast, get_args

import yaml
from pydantic import BaseModel, ValidationError

from recon.data.errors import InputError, did_you_mean, printable
from recon.experiments.training.config.train_config import TrainConfig

MESSAGES = {
    "model_type": "must be a section of keys and values",
    "dict_type": "must be a section of keys and values",
    "tuple_type": "must be a list; write it as [...]",
}
"""Replacements of pydantic's messages that speak of Python types."""

LARGEST_FILE, MOST_VALUES = 2**16, 10_000
"""Largest number of bytes and of values of a config."""

LONGEST_REASON = 300

MERGE = "tag:yaml.org,2002:merge"


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
    if path.stat().st_size > LARGEST_FILE:
        raise InputError(
            f"{path}: has {path.stat().st_size} bytes, more than the limit of {LARGEST_FILE} for a config"
        )
    try:
        values = _parse(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path}: not valid YAML ({printable(str(error), LONGEST_REASON)})") from error
    if not isinstance(values, dict):
        raise InputError(f"{path}: contains no keys and values")
    return values


class _Loader(yaml.SafeLoader):
    """Reads `1e-3` and `1.5e3` as numbers too, dates as text, and refuses a key that appears twice."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - never changed
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":timestamp", ":float"))]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """Build a mapping whose keys differ."""
        keys = [self.construct_object(key, deep=True) for key, _ in getattr(node, "value", ()) if key.tag != MERGE]
        twice = next((key for number, key in enumerate(keys) if key in keys[:number]), None)
        if twice is not None:
            raise ValueError(f"the key {twice!r} appears twice{node.start_mark}")
        return super().construct_mapping(node, deep)


# YAML 1.1 knows only 1.0e-3 and 1.5e+3; its pattern also accepts 1:30.5, a number to the base 60.
_FLOAT = re.compile(
    r"[-+]?((\d[\d_]*(\.[\d_]*)?|\.\d[\d_]*)[eE][-+]?\d+|\d[\d_]*\.[\d_]*|\.\d[\d_]*|\.(inf|Inf|INF))$"
    r"|\.(nan|NaN|NAN)$"
)
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+.0123456789"))


def _parse(text: str) -> Any:
    """Convert YAML to plain values.

    Raises
    ------
    ValueError
        If it is not valid YAML, or its aliases stand for too many values.
    """
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        if _size(node, {}) > MOST_VALUES:
            raise ValueError(f"it holds more than {MOST_VALUES} values")  # noqa: TRY301 - as the parser's own errors
        return loader.construct_document(node)
    except RecursionError as error:
        raise ValueError("its values are nested too deeply") from error
    except (yaml.YAMLError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
        raise ValueError(" ".join(str(error).split())) from error
    finally:
        loader.dispose()


def _size(node: Any, sizes: dict[int, int]) -> int:
    """Count the values under a node, each as often as aliases repeat it; a node within itself counts as infinite."""
    if id(node) not in sizes:
        sizes[id(node)] = MOST_VALUES + 1
        value = node.value if isinstance(node.value, list) else []
        parts = [part for item in value for part in (item if isinstance(item, tuple) else (item,))]
        sizes[id(node)] = 1 + sum(_size(part, sizes) for part in parts)
    return sizes[id(node)]


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
        values[last] = _parse(text)
    except ValueError as error:
        raise InputError(f"{override!r}: the value is not valid YAML") from error


def _message(error: ValidationError) -> str:
    problem = error.errors()[0]
    location = [str(part) for part in problem["loc"]]
    key = ".".join(location)
    if problem["type"] == "extra_forbidden":
        return f"unknown key {key!r}{did_you_mean(location[-1], _section(location[:-1]).model_fields)}"
    if problem["type"] == "missing":
        return f"{key} is missing; give it in the file or as {key}=..."
    message = MESSAGES.get(problem["type"], problem["msg"].removeprefix("Value error, "))
    return f"{key}: {message}" if key else message


def _section(location: Sequence[str]) -> type[BaseModel]:
    section: type[BaseModel] = TrainConfig
    for name in location:
        annotation = section.model_fields[name].annotation
        kinds = get_args(annotation) or (annotation,)  # an optional section is a union with None
        section = next(cast("type[BaseModel]", kind) for kind in kinds if hasattr(kind, "model_fields"))
    return section
