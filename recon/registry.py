"""Finds methods by name: ours, sigpy's and those of plugins alike."""

from __future__ import annotations

import hashlib
import math
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import cache
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.metadata import EntryPoint, entry_points
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
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
    """Register a method under `name`, by which every command and `recon.method` find it.

    Raises
    ------
    InputError
        If the class is not derived from `Reconstruction`, or the name belongs to another method.
    """

    def remember(cls: T) -> T:
        if not (isinstance(cls, type) and issubclass(cls, Reconstruction)):
            raise InputError(f"method {name}: {cls!r} is not a class derived from recon.contract.Reconstruction")
        other = _registered.get(name, cls)
        if (other.__module__, other.__qualname__) != (cls.__module__, cls.__qualname__):
            raise InputError(f"method {name}: the name belongs to {other.__module__}.{other.__qualname__} already")
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
        _load_entry_point(_plugins()[name])
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
    for key in settings:
        value = getattr(method, key)
        if isinstance(value, float) and not math.isfinite(value):
            raise InputError(f"method {name}, setting {key}: {value} is not a finite number")
    return method


def load_plugin(path: str | Path) -> None:
    """Import a Python file that registers methods by `@register("name")`; a file is imported only once.

    Parameters
    ----------
    path
        The file. Its code runs as a module of its own; its folder is not added to the import path.

    Raises
    ------
    InputError
        If the file does not exist, cannot be imported, or registers no method.
    """
    file = Path(path).resolve()
    name = f"recon_plugin_{hashlib.sha256(str(file).encode()).hexdigest()[:16]}"
    if name in sys.modules:
        return
    spec = spec_from_file_location(name, file) if file.is_file() else None
    if spec is None:
        raise InputError(f"{path}: the plugin is not a Python file, whose name ends in .py")
    for provider in PROVIDERS:  # first, so that a plugin cannot take the name of one of our methods
        import_module(provider)
    before = dict(_registered)
    sys.modules[name] = module = module_from_spec(spec)
    try:
        _execute(spec, module, before)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        _registered.clear()
        _registered.update(before)
        raise InputError(f"{path}{_line(error, file)}: the plugin cannot be loaded: {_reason(error)}") from error


def _execute(spec: ModuleSpec, module: ModuleType, before: Mapping[str, object]) -> None:
    if spec.loader is not None:
        spec.loader.exec_module(module)
    if _registered == before:
        raise InputError('it registers no method; decorate a class with @register("name")')


def _line(error: BaseException, file: Path) -> str:
    """Name the last line of a file that had a part in an error, as the tail of the file's name."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
    if isinstance(error, SyntaxError) and error.filename == str(file):
        lines.append(error.lineno)
    return f", line {lines[-1]}" if lines else ""


def _reason(error: BaseException) -> str:
    if isinstance(error, InputError):
        return str(error)
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


@cache
def _plugins() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=PLUGINS)}


def _load_entry_point(point: EntryPoint) -> None:
    try:
        point.load()
    except Exception as error:
        raise InputError(
            f"the plugin {point.value!r} of method {point.name!r} cannot be imported: {error}"
        ) from error
