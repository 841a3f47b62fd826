"""Registers classes by name, and builds their objects from settings given as text."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from recon.data.errors import InputError, did_you_mean

JOINT = "+"
"""Separator between the names of a method and of its stages."""

T = TypeVar("T")
C = TypeVar("C", bound=type[Any])


@dataclass(eq=False)
class Catalogue(Generic[T]):
    """Classes derived from one base class, by name.

    Attributes
    ----------
    kind
        Word for one of the classes in messages: `method` or `stage`.
    base
        The base class, a dataclass.
    providers
        Modules that register our classes, imported in this order until a name is found.
    plugins
        Entry-point group by which other packages add classes: `name = "package.module"`.
    whole
        Names in which the joint is part of the name.
    registered
        The classes that are registered so far.
    """

    kind: str
    base: type[Any]
    providers: tuple[str, ...]
    plugins: str
    whole: tuple[str, ...] = ()
    registered: dict[str, type[T]] = field(default_factory=dict)

    def register(self, name: str) -> Callable[[C], C]:
        """Return the decorator that registers a class under `name`.

        Raises
        ------
        InputError
            If the class is not derived from the base class, or the name belongs to another one or holds a `+`.
        """

        def remember(cls: C) -> C:
            if not (isinstance(cls, type) and issubclass(cls, self.base)):
                base = f"{self.base.__module__}.{self.base.__qualname__}"
                raise InputError(f"{self.kind} {name}: {cls!r} is not a class derived from {base}")
            if JOINT in name and name not in self.whole:
                raise InputError(f"{self.kind} {name}: a name with {JOINT} stands for a method with stages")
            other = self.registered.get(name, cls)
            if (other.__module__, other.__qualname__) != (cls.__module__, cls.__qualname__):
                raise InputError(
                    f"{self.kind} {name}: the name belongs to {other.__module__}.{other.__qualname__} already"
                )
            self.registered[name] = cls
            return cls

        return remember

    def divide(self, name: str) -> tuple[str, list[str]]:
        """Divide a name at its joints: into the first one, which may be a whole one, and the others."""
        for whole in self.whole:
            if f"{name}{JOINT}".startswith(f"{whole}{JOINT}"):
                return whole, name.removeprefix(whole).split(JOINT)[1:]
        first, *others = name.split(JOINT)
        return first, others

    def names(self) -> list[str]:
        """Return the names of all classes."""
        self.load()
        return list(dict.fromkeys([*self.registered, *_entry_points(self.plugins)]))

    def load(self) -> None:
        """Import the modules that register our classes."""
        for provider in self.providers:
            import_module(provider)

    def find(self, name: str) -> type[T]:
        """Return the class registered under `name`, importing the module that registers it if need be.

        Raises
        ------
        InputError
            If no class has this name (the message suggests the nearest one), or a plugin cannot be imported.
        """
        for provider in self.providers:
            if name not in self.registered:
                import_module(provider)
        if name not in self.registered and name in _entry_points(self.plugins):
            self._load_entry_point(_entry_points(self.plugins)[name])
        if name not in self.registered:
            raise InputError(f"unknown {self.kind} {name!r}{did_you_mean(name, self.names())}")
        return self.registered[name]

    def setting_names(self, name: str) -> list[str]:
        """Return the names of the settings of a class.

        Raises
        ------
        InputError
            If no class is called `name`.
        """
        cls: Any = self.find(name)
        return [field.name for field in fields(cls)]

    def create(self, name: str, settings: Mapping[str, Any]) -> T:
        """Build an object of the class called `name`.

        Parameters
        ----------
        name
            The registered name.
        settings
            Values for the fields of its dataclass; text is converted to the field's type.

        Raises
        ------
        InputError
            If the name or a setting is unknown (the message suggests the nearest one), or a value does not fit.
        """
        cls, known = self.find(name), self.setting_names(name)
        for key in settings:
            if key not in known:
                raise InputError(f"{self.kind} {name} has no setting {key!r}{did_you_mean(key, known)}")
        try:
            built: T = TypeAdapter(cls).validate_python(dict(settings))
        except ValidationError as error:
            problem = error.errors()[0]
            key = ".".join(map(str, problem["loc"]))
            raise InputError(f"{self.kind} {name}, setting {key}: {problem['msg']}") from error
        for key in settings:
            value = getattr(built, key)
            if isinstance(value, float) and not math.isfinite(value):
                raise InputError(f"{self.kind} {name}, setting {key}: {value} is not a finite number")
        return built

    def _load_entry_point(self, point: EntryPoint) -> None:
        try:
            point.load()
        except Exception as error:
            raise InputError(
                f"the plugin {point.value!r} of {self.kind} {point.name!r} cannot be imported: {error}"
            ) from error


@cache
def _entry_points(group: str) -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=group)}
