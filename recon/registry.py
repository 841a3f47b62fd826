"""The contract every method fulfils, and the one place where methods are found by name.

A reconstruction is a callable `Acquisition -> image`: float32 `(rows, columns)`, cropped to the header's size, on
the scale of the root-sum-of-squares target. Its parameters are the fields of a frozen dataclass.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, Protocol, TypeVar

from pydantic import TypeAdapter, ValidationError
from torch import Tensor

from recon.data.acquisition import Acquisition
from recon.data.errors import InputError, did_you_mean


class Reconstruction(Protocol):
    """Turns the k-space of one slice into its image."""

    def __call__(self, acquisition: Acquisition) -> Tensor:
        """Reconstruct `(coils, readout, phase)` to `(rows, columns)`."""


METHODS: dict[str, type[Any]] = {}

T = TypeVar("T", bound=type[Any])


def register(name: str) -> Callable[[T], T]:
    """Make a method known by `name` to every command."""

    def remember(cls: T) -> T:
        METHODS[name] = cls
        return cls

    return remember


def create(name: str, settings: Mapping[str, Any] | None = None) -> Reconstruction:
    """Build the method called `name`.

    Parameters
    ----------
    name
        As registered, for example `cs-wavelet`.
    settings
        Values for the fields of its dataclass; text is converted to the field's type.

    Raises
    ------
    InputError
        If the name, a setting's name or a setting's value is unknown; the nearest right one is named.
    """
    if name not in METHODS:
        raise InputError(f"unknown method {name!r}{did_you_mean(name, METHODS)}")
    cls, settings = METHODS[name], dict(settings or {})
    known = [field.name for field in fields(cls)]
    for key in settings:
        if key not in known:
            raise InputError(f"method {name} has no setting {key!r}{did_you_mean(key, known)}")
    try:
        method: Reconstruction = TypeAdapter(cls).validate_python(settings)
    except ValidationError as error:
        problem = error.errors()[0]
        key = ".".join(map(str, problem["loc"]))
        raise InputError(f"method {name}, setting {key}: {problem['msg']}") from error
    return method
