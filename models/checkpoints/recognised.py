"""Holds what a file of another program turned out to be, or says what it holds instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from torch import Tensor

from recon.models.checkpoints.torch_file import HOW_TO_STRIP

FOREIGN = {
    "prompt_level": "PromptMR, whose U-Nets take prompts and channel attention, and often adjacent slices",
    "regularizer_model.": "a network of DIRECT, whose U-Nets normalise neither their input nor their output",
    "block_list.": "a network of DIRECT",
    "cascades.0.reg_model": "a sigma-net",
    "grad_output.": "a recurrent inference machine",
}
"""Networks of other projects that cannot be loaded, by a part of a key in their state dict."""


class Recognised(NamedTuple):
    """A network that weights without a header of this program belong to.

    Attributes
    ----------
    name
        Name of the network in the zoo.
    arguments
        Arguments of its constructor.
    weights
        Its weights under our keys.
    """

    name: str
    arguments: dict[str, Any]
    weights: dict[str, Tensor]


def instead(weights: Mapping[str, Tensor]) -> str:
    """Return what weights of no known network are, as the end of a sentence; empty if that is unknown."""
    if not weights:
        return f"; {HOW_TO_STRIP}"
    found = next((name for part, name in FOREIGN.items() if any(part in key for key in weights)), None)
    if found is not None:
        return f", but {found}: it computes something else"
    if any(key.endswith("cascades.0.dc_weight") for key in weights):
        return (
            ", but a VarNet without its network of sensitivity maps (sens_net), as ATOMMIC writes it for given maps"
        )
    return ""
