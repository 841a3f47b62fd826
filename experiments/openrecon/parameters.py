"""Make the console's parameters of an OpenRecon image from the settings of its methods."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from recon.data.errors import InputError, did_you_mean
from recon.experiments.openrecon.schema import (
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
from recon.experiments.openrecon.settings import Setting, settings_of
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
            f"the methods have {len(chosen)} settings, and the console shows {MOST_PARAMETERS - 2} besides method and "
            f"acceleration; choose them with --settings, or fewer methods; available: {', '.join(offered)}"
        )
    return parameters


def parameter_of(setting: Setting) -> AnyParameter | None:
    """Make the parameter of a setting; None for files, which are not chosen at the console.

    A number whose default or limits are no multiples of 0.1, which the console cannot show, becomes a text.
    """
    schema = setting.value_schema
    if schema is None:
        return None
    about = {"id": setting.id, "label": Words(en=f"{setting.part}: {setting.key.replace('_', ' ')}")}
    if setting.text and not setting.optional:
        about["information"] = Words(en=setting.text)
    if "enum" in schema:
        return _choice(about, list(map(str, schema["enum"])), setting)
    kind = schema.get("type")
    if kind == "boolean":
        if setting.optional:
            return _choice(about, ["true", "false"], setting)
        return BooleanParameter(**about, default=setting.default)
    if setting.optional:
        information = Words(en=" ".join(filter(None, (setting.text, OWN_CHOICE))))
        default = "" if setting.default is None else str(setting.default)
        return StringParameter(**about | {"information": information}, default=default)
    if kind == "integer":
        low, high = (int(bound) for bound in _bounds(setting))
        return IntegerParameter(**about, minimum=low, maximum=high, default=setting.default)
    if kind == "number":
        low, high = _bounds(setting)
        if all(map(in_tenths, (low, high, setting.default))):
            return DoubleParameter(**about, minimum=low, maximum=high, default=setting.default)
        return StringParameter(**about, default=f"{setting.default:g}")
    return StringParameter(**about, default=str(setting.default)) if kind == "string" else None


def _bounds(setting: Setting) -> tuple[float, float]:
    """Return the limits of a number: its own, or up to `REACH` times the default, and not below 0."""
    schema = setting.value_schema or {}
    reach = REACH * max(1, abs(setting.default))
    low = schema.get("minimum", schema.get("exclusiveMinimum", -reach if setting.default < 0 else 0))
    high = schema.get("maximum", schema.get("exclusiveMaximum", reach))
    return max(float(low), INTEGERS[0]), min(float(high), INTEGERS[1])


def _choice(about: dict[str, Any], values: list[str], setting: Setting) -> ChoiceParameter:
    if setting.optional:
        values = [AUTO, *values]
        text = " ".join(filter(None, (setting.text, f"{AUTO}: the method's own choice.")))
        about = about | {"information": Words(en=text)}
    default = AUTO if setting.default is None else str(setting.default)
    listed = [Value(id=value, name=Words(en=value)) for value in values]
    return ChoiceParameter(**about, default=default, values=listed)


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
