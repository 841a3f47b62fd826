"""The networks that can be trained and loaded, by the name that configs and checkpoints use.

Each maps `(masked_kspace, mask, num_low_frequencies=None, calibration=None, acceleration=None)` to an image, shapes
as in `VarNet`; those that predict k-space also return their `coil_images` for the same arguments. A network whose
name continues that of another after a hyphen, as `varnet-general` does, is a variant of it: the method `varnet` takes
weights of both.
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
    """Name the method that takes the weights of the network `name`."""
    return next((original for original in NETWORKS if name.startswith(f"{original}-")), name)


def build(name: str, arguments: Mapping[str, Any]) -> nn.Module:
    """Construct the network called `name`, with fresh weights.

    Raises
    ------
    InputError
        If there is no such network or it does not take these arguments.
    """
    if name not in NETWORKS:
        raise InputError(f"unknown network {name!r}{did_you_mean(name, NETWORKS)}")
    try:
        for size in _sizes(name) & arguments.keys():
            if arguments[size] < 1:
                raise ValueError(f"{size} must be at least 1")  # noqa: TRY301 - told like what the network finds
        return NETWORKS[name](**arguments)
    except (TypeError, ValueError, IndexError, RuntimeError) as error:
        raise InputError(f"network {name} cannot be built with {dict(arguments)}: {error}") from error


def _sizes(name: str) -> set[str]:
    """Find the arguments that count something."""
    parameters = inspect.signature(NETWORKS[name]).parameters
    return {key for key, parameter in parameters.items() if type(parameter.default) is int}
