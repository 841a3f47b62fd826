from typing import Any

import pytest
import torch

from helpers.files.runaway import no_runaway
from recon.data.errors import InputError
from recon.models.networks.varnet import VarNet
from recon.models.zoo import NETWORKS, build, method_of


def test_network_is_built_by_its_name() -> None:
    network = build("varnet", {"num_cascades": 1, "chans": 2, "sens_chans": 2, "pools": 2, "sens_pools": 2})
    assert isinstance(network, VarNet)


def test_mistyped_name_gets_a_suggestion() -> None:
    with pytest.raises(InputError, match="did you mean 'varnet'"):
        build("varnett", {})


WRONG = [
    {"chanels": 3},
    {"mask_center": float("inf")},
    {"chans": -1},
    {"chans": 0},
    {"pools": 0},
    {"num_cascades": 0},
    {"chans": "many"},
]


@pytest.mark.parametrize("arguments", WRONG)
def test_wrong_arguments_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="network varnet cannot be built with"):
        build("varnet", arguments)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("varnet", {"num_cascades": 10**8}),
        ("varnet", {"pools": 10**6}),
        ("varnet", {"sens_pools": 9}),
        ("varnet", {"chans": 4096, "pools": 8}),
        ("unet", {"chans": 10**30}),
        ("unet", {"pools": 10**400}),
        ("deep-cascade", {"layers": 10**7}),
        ("variational-network", {"kernel": 4096, "filters": 4096}),
        ("modl", {"num_cascades": "9" * 100_000}),
        ("varnet-general", {"memory": 1e300}),
        ("varnet", {"x" * 100_000: 1}),
    ],
)
def test_a_network_too_large_is_refused_before_it_is_built(name: str, arguments: dict[str, Any]) -> None:
    with no_runaway(), pytest.raises(InputError, match="cannot be built") as error:
        build(name, arguments)
    assert len(str(error.value)) < 1000


@pytest.mark.parametrize("name", NETWORKS)
def test_checking_the_size_changes_no_random_number(name: str) -> None:
    torch.manual_seed(0)
    built = build(name, {}).state_dict()
    torch.manual_seed(0)
    for key, value in NETWORKS[name]().state_dict().items():
        assert torch.equal(built[key], value)


def test_a_name_that_extends_another_by_a_hyphen_is_a_variant() -> None:
    assert method_of("varnet-anything") == "varnet"
    assert {method_of(name) for name in NETWORKS} <= set(NETWORKS)
    assert method_of("deep-cascade") == "deep-cascade"
    assert method_of("varnetlike") == "varnetlike"
