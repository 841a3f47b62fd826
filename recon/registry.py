"""Finds methods by name: ours, sigpy's and those of plugins alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from recon.contract import Reconstruction
from recon.data.errors import InputError, did_you_mean

PROVIDERS = ("recon.classical", "recon.models.learned")
"""Modules that register our methods, imported in this order until a name is found."""

PLUGINS = "recon.methods"
"""Entry-point group by which other packages add methods: `name = "package.module"`."""

T = TypeVar("T", bound=type[Reconstruction])

_registered: dict[str, type[Reconstruction]] = {}


def register(name: str) -> Callable[[T], T]:
    """Register a method under `name`, by which every command and `recon.method` find it."""

    def remember(cls: T) -> T:
        _registered[name] = cls
        return cls

    return remember


def method_names() -> list[str]:
    """Return the names of all methods."""
    for provider in PROVIDERS:
        import_module(provider)
    return list(dict.fromkeys([*_registered, *_plugins()]))


def find_method(name: str) -> type[Reconstruction]:
    """Return the class registered under `name`, importing the module that registers it if need be.

    Raises
    ------
    InputError
        If no method has this name, the nearest one is suggested; or if a plugin cannot be imported.
    """
    for provider in PROVIDERS:
        if name not in _registered:
            import_module(provider)
    if name not in _registered and name in _plugins():
        _load_plugin(_plugins()[name])
    if name not in _registered:
        raise InputError(f"unknown method {name!r}{did_you_mean(name, method_names())}")
    return _registered[name]


def setting_names(name: str) -> list[str]:
    """Return the names of a method's settings.

    Raises
    ------
    InputError
        If no method is called `name`.
    """
    return [field.name for field in fields(find_method(name))]


def create(name: str, settings: Mapping[str, Any] | None = None) -> Reconstruction:
    """Build the method called `name`.

    Parameters
    ----------
    name
        The registered name, for example `cs-wavelet`.
    settings
        Values for the fields of its dataclass; text is converted to the field's type.

    Raises
    ------
    InputError
        If the name, a setting's name or a setting's value is unknown; the nearest right one is suggested.
    """
    cls, settings, known = find_method(name), dict(settings or {}), setting_names(name)
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


@cache
def _plugins() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=PLUGINS)}


def _load_plugin(point: EntryPoint) -> None:
    try:
        point.load()
    except Exception as error:
        raise InputError(
            f"the plugin {point.value!r} of method {point.name!r} cannot be imported: {error}"
        ) from error
