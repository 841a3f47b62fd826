"""Reads a training config from a YAML file and overrides of the command line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from recon.data.errors import InputError
from recon.data.storage.yaml_file import parse_yaml
from recon.experiments.sections import find_config, read_values, validated
from recon.experiments.training.config.data_config import DataConfig, as_tuple
from recon.experiments.training.config.train_config import TrainConfig


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
    values = read_values(find_config(path))
    for override in overrides:
        _replace(values, override)
    return validated(TrainConfig, values, path, override=" or as {key}=...")


def check_places(data: DataConfig) -> None:
    """Refuse a config whose files are not there, as a shipped one's are not until they are named.

    Raises
    ------
    InputError
        If a file or folder for training or validation does not exist; the message names its key.
    """
    for key, places in (("data.train", data.train), ("data.val", data.val)):
        for place in as_tuple(places):
            if not place.exists():
                raise InputError(f"{key}: there is no file or folder {place}; give {key}=FOLDER")


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
