"""Lists the networks that can be trained and loaded, by the names that configs and checkpoints use.

A network maps `(masked_kspace, mask, num_low_frequencies=None, calibration=None, acceleration=None)` to an image;
shapes are those of `UndersampledBatch`. Networks that predict k-space have a method `coil_images` with the same
arguments, which self-supervised training needs. Every network is also a method of the same name, except variants: a
network named after another plus a hyphen, such as `varnet-general`, shares the method `varnet`.

A new network is a class in `networks/`, a line in `NETWORKS`, a file in `experiments/configs/` and a test. Its
blocks that compute with real numbers alone may set `compilable = True`, so that training compiles them on request;
`torch.compile` does not support complex numbers.
"""

import inspect
from collections.abc import Mapping
from typing import Any

from torch import nn

from recon.data.errors import InputError, did_you_mean
from recon.models.networks.deep_cascade import DeepCascade
from recon.models.networks.general_varnet import GeneralVarNet
from recon.models.networks.image_unet import ImageUnet
from recon.models.networks.modl import Modl
from recon.models.networks.variational_network import VariationalNetwork
from recon.models.networks.varnet import VarNet

NETWORKS: dict[str, type[nn.Module]] = {
    "varnet": VarNet,
    "varnet-general": GeneralVarNet,
    "unet": ImageUnet,
    "deep-cascade": DeepCascade,
    "variational-network": VariationalNetwork,
    "modl": Modl,
}


def method_of(name: str) -> str:
    """Return the name of the method that runs the network `name`."""
    return next((original for original in NETWORKS if name.startswith(f"{original}-")), name)


def build(name: str, arguments: Mapping[str, Any]) -> nn.Module:
    """Construct the network called `name`, with fresh weights.

    Raises
    ------
    InputError
        If no network has this name, or it does not take these arguments.
    """
    if name not in NETWORKS:
        raise InputError(f"unknown network {name!r}{did_you_mean(name, NETWORKS)}")
    try:
        for size in _sizes(name) & arguments.keys():
            if arguments[size] < 1:
                raise ValueError(f"{size} must be at least 1")  # noqa: TRY301 - reported like the network's own errors
        return NETWORKS[name](**arguments)
    except (TypeError, ValueError, IndexError, RuntimeError) as error:
        raise InputError(f"network {name} cannot be built with {dict(arguments)}: {error}") from error


def _sizes(name: str) -> set[str]:
    """Return the names of the integer arguments, which all count something."""
    parameters = inspect.signature(NETWORKS[name]).parameters
    return {key for key, parameter in parameters.items() if type(parameter.default) is int}
