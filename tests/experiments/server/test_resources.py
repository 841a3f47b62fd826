"""Methods that clients choose are built once, with their settings, and not kept for ever."""

import pytest

from recon.data.errors import InputError
from recon.experiments.engine.run import Runner
from recon.experiments.server.resources import METHODS, MethodCache
from recon.registry import create


def test_a_method_is_built_once_for_each_choice_of_settings() -> None:
    methods = MethodCache(Runner("zero-filled", create("zero-filled")))
    assert methods.get("sense") is methods.get("sense")
    few = methods.get("sense", {"iterations": 3})
    assert few is methods.get("sense", {"iterations": 3})
    assert few.method == create("sense", {"iterations": 3})
    assert methods.get("sense").method == create("sense")
    with pytest.raises(InputError, match="did you mean 'iterations'"):
        methods.get("sense", {"iteration": 3})


def test_the_settings_of_the_server_hold_until_a_client_chooses_others() -> None:
    given = {"lamda": "0.1", "iterations": "5"}
    methods = MethodCache(Runner("sense", create("sense", given)), given)
    assert methods.get("sense").method == create("sense", given)
    assert methods.get("sense", {"iterations": 3}).method == create("sense", {"lamda": 0.1, "iterations": 3})


def test_the_choices_of_clients_cannot_fill_the_memory() -> None:
    default = Runner("zero-filled", create("zero-filled"))
    methods = MethodCache(default)
    for iterations in range(1, 2 * METHODS):
        methods.get("sense", {"iterations": iterations})
    assert len(methods._runners) == METHODS + 1
    assert methods.get("zero-filled") is default
