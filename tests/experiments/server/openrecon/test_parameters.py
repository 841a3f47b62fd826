"""The console's parameters are the methods' own settings, and what is chosen reaches the method."""

from typing import Any

import pytest

from recon.data.errors import InputError
from recon.experiments.server.openrecon.console import read_console
from recon.experiments.server.openrecon.parameters import ACCELERATION, parameter_of, parameters_of
from recon.experiments.server.openrecon.schema import (
    BooleanParameter,
    ChoiceParameter,
    DoubleParameter,
    IntegerParameter,
    StringParameter,
)
from recon.experiments.server.openrecon.settings import Setting, settings_of
from recon.registry import create, method_names

METHODS = [*method_names(), "sense+gain", "sense+dlr", "sense+sharp"]


def shown(name: str) -> dict[str, Any]:
    return {parameter.id: parameter for parameter in parameters_of([name])}


@pytest.mark.parametrize("name", METHODS)
def test_every_setting_but_files_is_shown_with_its_default(name: str) -> None:
    parameters = shown(name)
    for setting in settings_of(name):
        assert (setting.id in parameters) == (setting.key != "checkpoint")
    defaults = {parameter.id: parameter.default for parameter in parameters.values()}
    assert not read_console(defaults, name).settings
    assert not read_console({key: str(value) for key, value in defaults.items()}, name).settings


def test_types_follow_from_the_settings() -> None:
    parameters = shown("sense+gain") | shown("varnet")
    gain = parameters["gainStrength"]
    assert isinstance(gain, DoubleParameter)
    assert (gain.minimum, gain.maximum, gain.default) == (0, 2, 1)
    assert gain.information is not None
    assert gain.information.en.startswith("Factor of the noise map")
    iterations = parameters["senseIterations"]
    assert isinstance(iterations, IntegerParameter)
    assert (iterations.minimum, iterations.maximum) == (1, 400)
    assert parameters["senseTolerance"] == StringParameter(  # 0.0001 is no multiple of 0.1
        id="senseTolerance", label=parameters["senseTolerance"].label,
        information=parameters["senseTolerance"].information,
        default="0.0001",
    )  # fmt: skip
    precision, oversampling = parameters["varnetPrecision"], parameters["varnetRemoveOversampling"]
    assert isinstance(precision, ChoiceParameter)
    assert isinstance(oversampling, ChoiceParameter)
    assert [value.id for value in oversampling.values] == ["auto", "true", "false"]


def test_a_switch_is_a_check_box() -> None:
    switch = Setting("method", "fast_mode", "fast_mode", {"type": "boolean"}, default=False)
    assert switch.id == "methodFastMode"
    assert isinstance(parameter_of(switch), BooleanParameter)


@pytest.mark.parametrize(
    ("name", "chosen", "path", "value"),
    [
        ("sense+gain", {"gainStrength": 0.5}, "stages.0.strength", 0.5),
        ("sense+gain", {"gainStrength": "0.5"}, "stages.0.strength", 0.5),
        ("sense+gain", {"senseLamda": "0.01"}, "method.lamda", 0.01),
        ("varnet", {"varnetRemoveOversampling": "true"}, "remove_oversampling", True),
        ("varnet", {"varnetVirtualCoils": "6"}, "virtual_coils", 6),
        ("varnet", {"varnetPrecision": "tf32"}, "precision", "tf32"),
        ("cs-wavelet", {"csWaveletIterations": 10, "gainStrength": 0.3}, "iterations", 10),
    ],
)
def test_what_is_chosen_reaches_the_method(name: str, chosen: dict[str, Any], path: str, value: Any) -> None:
    found: Any = create(name, read_console(chosen, name).settings)
    for word in path.split("."):
        found = found[int(word)] if word.isdigit() else getattr(found, word)
    assert found == value


@pytest.mark.parametrize(
    "parameters",
    [
        {"senseIterations": 401},
        {"senseIterations": "many"},
        {"gainStrength": 2.1},
        {"gainStrength": float("nan")},
        {"senseLamda": ["0.1"]},
        {ACCELERATION: 17},
        {ACCELERATION: 0.5},
        {ACCELERATION: {"times": 4}},
    ],
)
def test_values_beyond_the_label_are_refused(parameters: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="console|not between|not a number"):
        read_console(parameters, "sense+gain")


def test_files_are_not_chosen_at_the_console() -> None:
    with pytest.raises(InputError, match="varnetCheckpoint"):
        read_console({"varnetCheckpoint": "/etc/passwd"}, "varnet")


def test_more_settings_than_the_console_shows_are_refused() -> None:
    methods = ["varnet", "sense", "cs-tv", "grappa", "unet"]
    with pytest.raises(InputError, match="15 settings, and the console shows 12"):
        parameters_of(methods)
    few = parameters_of(methods, ["sense.lamda", "grappa.samples"])
    assert [parameter.id for parameter in few] == ["method", "acceleration", "senseLamda", "grappaSamples"]


def test_unknown_settings_and_methods_are_refused() -> None:
    with pytest.raises(InputError, match=r"did you mean 'gain\.strength'"):
        parameters_of(["sense+gain"], ["gain.strenth"])
    with pytest.raises(InputError, match="zero-filled"):
        parameters_of(["zero-fild"])
