"""Read what was chosen at the scanner's console, which arrives as JSON text in the stream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from recon.data.errors import InputError, printable
from recon.data.masks.kind import MaskKind
from recon.data.masks.sampling import Sampling, default_center_fraction
from recon.experiments.server.openrecon.parameters import ACCELERATION, AUTO, FASTEST, parameter_of
from recon.experiments.server.openrecon.schema import DoubleParameter, IntegerParameter
from recon.experiments.server.openrecon.settings import Setting, settings_of

MASK = MaskKind.EQUISPACED_FRACTION


@dataclass(frozen=True)
class Chosen:
    """What was chosen at the console besides the method.

    Attributes
    ----------
    settings
        Values of settings that differ from the method's own, by the names that `recon.registry.create` takes.
    sampling
        How to leave out measured lines; None to use all of them.
    """

    settings: dict[str, Any] = field(default_factory=dict)
    sampling: Sampling | None = None

    def __str__(self) -> str:
        words = [f"{name}={value}" for name, value in self.settings.items()]
        return ", ".join(
            words if self.sampling is None else [*words, f"{ACCELERATION}={self.sampling.acceleration:g}"]
        )


def read_console(parameters: Mapping[str, Any], method: str) -> Chosen:
    """Read the console's parameters for a method.

    Parameters
    ----------
    parameters
        Values from an untrusted client, by the identifiers of the label: text, numbers, or true and false. Those of
        other methods than the chosen one are left out, as are unknown ones.
    method
        Name of the method.

    Raises
    ------
    InputError
        If a value does not fit its parameter.
    """
    settings = {}
    for setting in settings_of(method):
        value = parameters.get(setting.id)
        if value is not None and not _is_default(setting, value):
            settings[setting.path] = _checked(setting, value)
    return Chosen(settings, _sampling(parameters.get(ACCELERATION, 1)))


def _is_default(setting: Setting, value: Any) -> bool:
    """Return whether a value leaves the setting to the method."""
    if setting.optional and value in ("", AUTO):
        return True
    if setting.default is None or isinstance(setting.default, bool):
        return str(value).lower() == str(setting.default).lower()
    try:
        return type(setting.default)(value) == setting.default
    except (TypeError, ValueError):
        return False


def _checked(setting: Setting, value: Any) -> Any:
    """Return a value; refuse files, other types than text and numbers, and numbers beyond the console's limits."""
    parameter = parameter_of(setting)
    if parameter is None or not isinstance(value, str | int | float):
        raise InputError(f"the console cannot choose {setting.id}")
    if isinstance(parameter, IntegerParameter | DoubleParameter):
        _number(setting.id, value, parameter.minimum, parameter.maximum)
    return value


def _sampling(value: Any) -> Sampling | None:
    acceleration = _number(ACCELERATION, value, 1, FASTEST)
    if acceleration == 1:
        return None
    return Sampling(MASK, acceleration, default_center_fraction(acceleration, MASK))


def _number(name: str, value: Any, low: float, high: float) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} is {printable(str(value), 80)!r}, not a number") from error
    if not low <= number <= high:
        raise InputError(f"{name} is {number:g}, not between {low:g} and {high:g}")
    return number
