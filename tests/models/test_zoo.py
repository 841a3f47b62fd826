from typing import Any

import pytest

from recon.data.errors import InputError
from recon.models.networks.varnet import VarNet
from recon.models.zoo import NETWORKS, build, method_of


def test_network_is_built_by_its_name() -> None:
    network = build("varnet", {"num_cascades": 1, "chans": 2, "sens_chans": 2, "pools": 2, "sens_pools": 2})
    assert isinstance(network, VarNet)


def test_mistyped_name_gets_a_suggestion() -> None:
    with pytest.raises(InputError, match="did you mean 'varnet'"):
        build("varnett", {})


WRONG = [{"chanels": 3}, {"chans": -1}, {"chans": 0}, {"pools": 0}, {"num_cascades": 0}, {"chans": "many"}]


@pytest.mark.parametrize("arguments", WRONG)
def test_wrong_arguments_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="network varnet cannot be built with"):
        build("varnet", arguments)


def test_a_name_that_extends_another_by_a_hyphen_is_a_variant() -> None:
    assert method_of("varnet-anything") == "varnet"
    assert {method_of(name) for name in NETWORKS} <= set(NETWORKS)
    assert method_of("deep-cascade") == "deep-cascade"
    assert method_of("varnetlike") == "varnetlike"
