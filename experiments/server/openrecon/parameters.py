"""Make the console's parameters of an OpenRecon image from the settings of its methods."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from recon.data.errors import InputError, did_you_mean
from recon.experiments.server.openrecon.schema import (
    INTEGERS,
    MOST_PARAMETERS,
    AnyParameter,
    BooleanParameter,
    ChoiceParameter,
    DoubleParameter,
    IntegerParameter,
    StringParameter,
    Value,
    Words,
    in_tenths,
)
from recon.experiments.server.openrecon.settings import Setting, settings_of
from recon.registry import create

METHOD = "method"
"""Identifier of the parameter that chooses the method."""

ACCELERATION = "acceleration"
"""Identifier of the parameter that leaves out measured lines."""

FASTEST = 16.0
"""Largest acceleration that the console offers."""

AUTO = "auto"
"""Value of a choice that leaves a setting to the method."""

REACH = 10
"""Multiple of its default up to which the console offers a number without a limit of its own."""

OWN_CHOICE = "Leave it empty for the method's own choice."


def parameters_of(methods: Sequence[str], settings: Iterable[str] | None = None) -> list[AnyParameter]:
    """Make the parameters: the method, the acceleration, and the settings of all methods and stages.

    Parameters
    ----------
    methods
        Names of the methods to choose from, perhaps with stages, as `sense+gain`; the first is the default.
    settings
        Settings to show, as `sense.lamda` or `gain.strength`; None to show all.

    Raises
    ------
    InputError
        If there is no method, a method or setting is unknown, or there are more parameters than a console shows.
    """
    if not methods:
        raise InputError("no method was given")
    shown = {f"{one.part}.{one.key}": one for name in methods for one in settings_of(name)}
    for name in methods:
        create(name)  # refuses stages behind a method that keeps no phase
    offered = {name: parameter for name, one in shown.items() if (parameter := parameter_of(one)) is not None}
    for name in settings if settings is not None else ():
        if name not in offered:
            raise InputError(f"setting {name!r} cannot be shown at the console{did_you_mean(name, offered)}")
    chosen = list(offered.values()) if settings is None else [offered[name] for name in dict.fromkeys(settings)]
    parameters = [_method(methods), _acceleration(), *chosen]
    if len(parameters) > MOST_PARAMETERS:
        raise InputError(
            f"the methods have {len(chosen)} settings, and the console shows {MOST_PARAMETERS - 2} besides method "
            f"and acceleration; choose them with --settings, or fewer methods; available: {', '.join(offered)}"
        )
    return parameters


def parameter_of(setting: Setting) -> AnyParameter | None:
    """Make the parameter of a setting; None for files, which are not chosen at the console.

    A number whose default or limits are no multiples of 0.1, which the console cannot show, becomes a text.
    """
    schema = setting.value_schema
    if schema is None:
        return None
    kind = "choice" if "enum" in schema else schema.get("type", "")
    if setting.optional:
        kind = "choice" if kind in ("choice", "boolean") else "string"
    make = MAKERS.get(kind)
    label = Words(en=f"{setting.part}: {setting.key.replace('_', ' ')}")
    return None if make is None else make(setting, {"id": setting.id, "label": label})


def _informed(setting: Setting, more: str = "") -> Words | None:
    text = " ".join(filter(None, (setting.text, more)))
    return Words(en=text) if text else None


def _boolean(setting: Setting, about: dict[str, Any]) -> AnyParameter:
    return BooleanParameter(**about, information=_informed(setting), default=setting.default)


def _integer(setting: Setting, about: dict[str, Any]) -> AnyParameter:
    low, high = map(int, _bounds(setting))
    return IntegerParameter(
        **about, information=_informed(setting), minimum=low, maximum=high, default=setting.default
    )


def _number(setting: Setting, about: dict[str, Any]) -> AnyParameter:
    low, high = _bounds(setting)
    if not all(map(in_tenths, (low, high, setting.default))):
        return StringParameter(**about, information=_informed(setting), default=f"{setting.default:g}")
    return DoubleParameter(
        **about, information=_informed(setting), minimum=low, maximum=high, default=setting.default
    )


def _string(setting: Setting, about: dict[str, Any]) -> AnyParameter:
    default = "" if setting.default is None else str(setting.default)
    return StringParameter(
        **about, information=_informed(setting, OWN_CHOICE if setting.optional else ""), default=default
    )


def _choice(setting: Setting, about: dict[str, Any]) -> AnyParameter:
    values = list(map(str, (setting.value_schema or {}).get("enum", ("true", "false"))))
    if setting.optional:
        values = [AUTO, *values]
    return ChoiceParameter(
        **about,
        information=_informed(setting, f"{AUTO}: the method's own choice." if setting.optional else ""),
        default=AUTO if setting.default is None else str(setting.default),
        values=[Value(id=value, name=Words(en=value)) for value in values],
    )


MAKERS: dict[str, Callable[[Setting, dict[str, Any]], AnyParameter]] = {
    "boolean": _boolean,
    "integer": _integer,
    "number": _number,
    "string": _string,
    "choice": _choice,
}
"""Function that makes the parameter of each kind of setting."""


def _bounds(setting: Setting) -> tuple[float, float]:
    """Return the limits of a number: its own, or up to `REACH` times the default, and not below 0."""
    schema = setting.value_schema or {}
    reach = REACH * max(1, abs(setting.default))
    low = schema.get("minimum", schema.get("exclusiveMinimum", -reach if setting.default < 0 else 0))
    high = schema.get("maximum", schema.get("exclusiveMaximum", reach))
    return max(float(low), INTEGERS[0]), min(float(high), INTEGERS[1])


def _method(methods: Sequence[str]) -> ChoiceParameter:
    return ChoiceParameter(
        id=METHOD,
        label=Words(en="Method"),
        information=Words(en="Reconstruction method, with the stages behind it."),
        default=methods[0],
        values=[Value(id=name, name=Words(en=name)) for name in dict.fromkeys(methods)],
    )


def _acceleration() -> DoubleParameter:
    return DoubleParameter(
        id=ACCELERATION,
        label=Words(en="Retrospective acceleration"),
        information=Words(
            en="1 uses every measured line. A larger number leaves lines out first, by the mask equispaced_fraction, "
            "to show what a faster scan would give."
        ),
        minimum=1.0,
        maximum=FASTEST,
        default=1.0,
    )
