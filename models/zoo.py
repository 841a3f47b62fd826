"""Lists the networks that can be trained and loaded, by the names that configs and checkpoints use.

A network maps `(masked_kspace, mask, num_low_frequencies=None, calibration=None, acceleration=None)` to an image;
shapes are those of `UndersampledBatch`. Networks that predict k-space have a method `coil_images` with the same
arguments, which self-supervised training needs. Every network is also a method of the same name, except variants: a
network named after another plus a hyphen, such as `varnet-general`, shares the method `varnet`. A network with
`takes_series = True` reconstructs all frames of one series together, which are its batch, in the order of time; it
always has a method of its own. One that needs nothing but calibration lines to learn the coils may do it before the
other lines have come, in a method `prepare_coils(batch)`; `recon.calibration.ahead` keeps the result for the image.

A denoiser maps images and the standard deviation of their noise to images, `forward(images, sigma)`: it is no method
but a stage after one. So is an enlarger, which maps them to images of a larger size, `forward(images, sigma, size)`.

A new network is a class in `networks/`, a line in `NETWORKS`, `DENOISERS` or `ENLARGERS`, a file in
`experiments/configs/` and a test. Its blocks that compute with real numbers alone may set `compilable = True`, so
that training compiles them on request; `torch.compile` does not support complex numbers.
"""

import inspect
import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from recon.data.errors import InputError, did_you_mean, printable
from recon.models.networks.deep_cascade import DeepCascade
from recon.models.networks.general_varnet import GeneralVarNet
from recon.models.networks.image_unet import ImageUnet
from recon.models.networks.modl import Modl
from recon.models.networks.postprocessing.dlr import Dlr
from recon.models.networks.postprocessing.mfcn import Mfcn
from recon.models.networks.postprocessing.sharp import Sharp
from recon.models.networks.series.crnn import ConvolutionalRecurrentNetwork
from recon.models.networks.series.deep_cascade_series import DeepCascadeSeries
from recon.models.networks.series.series_network import takes_series
from recon.models.networks.series.varnet_series import VarNetSeries
from recon.models.networks.variational_network import VariationalNetwork
from recon.models.networks.varnet import VarNet

NETWORKS: dict[str, type[nn.Module]] = {
    "varnet": VarNet,
    "varnet-general": GeneralVarNet,
    "varnet-series": VarNetSeries,
    "unet": ImageUnet,
    "deep-cascade": DeepCascade,
    "deep-cascade-series": DeepCascadeSeries,
    "crnn": ConvolutionalRecurrentNetwork,
    "variational-network": VariationalNetwork,
    "modl": Modl,
}

DENOISERS: dict[str, type[nn.Module]] = {"dlr": Dlr}

ENLARGERS: dict[str, type[nn.Module]] = {"sharp": Sharp, "mfcn": Mfcn}

LARGEST_SIZES = {"num_cascades": 128, "layers": 128, "blocks": 128, "pools": 8, "sens_pools": 8}
"""Largest value of the arguments that multiply the number of layers."""

LARGEST_SIZE = 4096
"""Largest value of every other argument that counts something."""

LONGEST_QUOTE = 300
"""Number of characters of wrong arguments that a message quotes."""

MOST_PARAMETERS = 2**30
"""Largest number of weights of a network, 4 GiB."""


def all_networks() -> dict[str, type[nn.Module]]:
    """Return the networks of every kind by name."""
    return {**NETWORKS, **DENOISERS, **ENLARGERS}


def method_of(name: str) -> str:
    """Return the name of the method that runs the network `name`; networks that take series have their own."""
    if name in NETWORKS and takes_series(NETWORKS[name]):
        return name
    return next((original for original in NETWORKS if name.startswith(f"{original}-")), name)


def build(name: str, arguments: Mapping[str, Any]) -> nn.Module:
    """Construct the network called `name`, with fresh weights.

    Raises
    ------
    InputError
        If no network has this name, it does not take these arguments, or it would be too large.
    """
    if name not in all_networks():
        raise InputError(f"unknown network {printable(name, LONGEST_QUOTE)!r}{did_you_mean(name, all_networks())}")
    quoted = printable(str(dict(arguments)), LONGEST_QUOTE)
    try:
        for key, value in arguments.items():
            if isinstance(value, float) and not math.isfinite(value):
                raise ValueError(f"{key} is not a finite number")  # noqa: TRY301 - reported like the network's own errors
        for size in _sizes(name) & arguments.keys():
            most = LARGEST_SIZES.get(size, LARGEST_SIZE)
            if not 1 <= arguments[size] <= most:
                raise ValueError(f"{size} must be at least 1 and at most {most}")  # noqa: TRY301 - likewise
        with torch.device("meta"):  # nothing is allocated
            weights = sum(weight.numel() for weight in all_networks()[name](**arguments).parameters())
        if weights > MOST_PARAMETERS:
            raise ValueError(f"it would have {weights} weights, more than {MOST_PARAMETERS}")  # noqa: TRY301
        return all_networks()[name](**arguments)
    except (TypeError, ValueError, LookupError, RuntimeError, ArithmeticError) as error:
        reason = printable(str(error), LONGEST_QUOTE)
        raise InputError(f"network {name} cannot be built with {quoted}: {reason}") from error


def _sizes(name: str) -> set[str]:
    """Return the names of the integer arguments, which all count something."""
    parameters = inspect.signature(all_networks()[name]).parameters
    return {key for key, parameter in parameters.items() if type(parameter.default) is int}
