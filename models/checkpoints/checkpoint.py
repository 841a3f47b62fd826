"""Reads and writes trained weights: safetensors files whose header names the network and records the training."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from recon.data.errors import InputError, printable
from recon.data.storage.atomic import atomic_path
from recon.models.checkpoints.card import Card, card_path, read_card
from recon.models.checkpoints.fastmri import find_unet, find_varnet
from recon.models.checkpoints.numpy_file import is_numpy_archive, read_numpy_file
from recon.models.checkpoints.recognised import Recognised, instead
from recon.models.checkpoints.schlemper import find_deep_cascade, find_recurrent_network
from recon.models.checkpoints.torch_file import LONGEST_KEY, checked_bytes, read_torch_file
from recon.models.zoo import LONGEST_QUOTE, build

LARGEST_HEADER = 16 * 2**20
"""Largest number of bytes of the header of a safetensors file."""

RECOGNISERS: tuple[Callable[[Mapping[str, Tensor]], Recognised | None], ...] = (
    find_varnet,
    find_unet,
    find_deep_cascade,
    find_recurrent_network,
)
"""Functions that recognise weights which no header of this program describes."""

NUMBERS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
"""Types of weights that are converted to float32."""


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A network with trained weights, and where they come from.

    Attributes
    ----------
    network
        Network on the CPU, in evaluation mode.
    name
        Name of the network in the zoo.
    arguments
        Arguments of its constructor.
    protocol
        Record of the training; empty for weights of other programs, which hold none.
    path, sha256
        Path and SHA-256 of the file.
    card
        Card beside the file; None if there is none.
    """

    network: nn.Module
    name: str
    arguments: dict[str, Any]
    protocol: dict[str, Any]
    path: Path
    sha256: str
    card: Card | None

    @property
    def preprocessing(self) -> dict[str, Any]:
        """Settings of the preprocessing that training applied to raw data, which the network therefore expects."""
        section: Any = self.protocol
        for name in ("training", "data", "preprocessing"):
            section = section.get(name) if isinstance(section, dict) else None
        return section if isinstance(section, dict) else {}


def save_weights(
    path: Path, network: nn.Module, name: str, arguments: Mapping[str, Any], protocol: Mapping[str, Any]
) -> None:
    """Write the weights of `network` atomically.

    Parameters
    ----------
    path
        File to write, usually with the suffix `.safetensors`.
    network
        Network whose weights are written.
    name, arguments
        Arguments with which `recon.models.zoo.build` constructs the network again.
    protocol
        Record of the training, of values that JSON can hold.

    Raises
    ------
    DiskFullError
        If the disk is full; the file then keeps its previous content.
    """
    metadata = {"network": name, "arguments": json.dumps(dict(arguments)), "protocol": json.dumps(dict(protocol))}
    write_tensors(path, network.state_dict(), metadata)


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str]) -> None:
    """Write tensors as a safetensors file atomically.

    Raises
    ------
    DiskFullError
        If the disk is full or the quota is used up; the file then keeps its previous content.
    """
    on_cpu = {key: value.detach().cpu().contiguous() for key, value in tensors.items()}
    with atomic_path(path) as temporary:
        save_file(on_cpu, temporary, metadata)


def load_model(path: Path) -> Checkpoint:
    """Read weights written by `save_weights`, or those of another program that one of `RECOGNISERS` recognises.

    Raises
    ------
    InputError
        If the file is missing, is neither of the two, does not match its card, or holds weights that do not fit the
        network it names.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such checkpoint file")
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    card = read_card(path)
    if card is not None and card.sha256 != sha256:
        raise InputError(
            f"{path}: is damaged, or not the file that {card_path(path).name} describes: its SHA-256 is "
            f"{sha256[:12]}..., not {card.sha256[:12]}..."
        )
    if _is_safetensors(path):
        name, arguments, protocol, weights = _read_safetensors(path)
    else:
        protocol = {}
        name, arguments, weights = _recognise(path)
    network = _assemble(path, name, arguments, weights)
    return Checkpoint(network, name, arguments, protocol, path, sha256, card)


def _recognise(path: Path) -> Recognised:
    weights = read_numpy_file(path) if is_numpy_archive(path) else read_torch_file(path)
    for recognise in RECOGNISERS:
        found = recognise(weights)
        if found is not None:
            return found
    raise InputError(
        f"{path}: holds neither a VarNet nor a U-Net, of this program or of fastMRI, nor the authors' deep cascade "
        f"or recurrent network{instead(weights)}"
    )


def _is_safetensors(path: Path) -> bool:
    """Return whether the name or the content is safetensors: eight bytes of length, then a JSON object."""
    with path.open("rb") as file:
        return path.suffix == ".safetensors" or file.read(9)[8:] == b"{"


def _read_safetensors(path: Path) -> tuple[str, dict[str, Any], dict[str, Any], dict[str, Tensor]]:
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
    if length > LARGEST_HEADER:
        raise InputError(f"{path}: its header has {length} bytes, more than the limit of {LARGEST_HEADER}")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            weights = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a mapping
    except (SafetensorError, RuntimeError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise InputError(f"{path}: not a readable safetensors file ({printable(str(error), 200)})") from error
    try:
        arguments, protocol = json.loads(metadata["arguments"]), json.loads(metadata["protocol"])
        if not isinstance(arguments, dict) or not isinstance(protocol, dict):
            raise TypeError("not JSON objects")  # noqa: TRY301 - as any other JSON
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: its header does not say which network the weights are for") from error
    return metadata.get("network", ""), arguments, protocol, weights


def _assemble(path: Path, name: str, arguments: dict[str, Any], weights: dict[str, Tensor]) -> nn.Module:
    for key, weight in weights.items():
        _check_weight(path, key, weight)
    try:
        # On the meta device, no weights are allocated and initialised only to be overwritten.
        with torch.device("meta"):
            network = build(name, arguments)
        network.load_state_dict({key: weight.float() for key, weight in weights.items()}, assign=True)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except RuntimeError as error:
        quoted = printable(str(arguments), LONGEST_QUOTE)
        raise InputError(f"{path}: the weights do not fit the network {name} with {quoted}") from error
    return network.eval()


def _check_weight(path: Path, key: str, weight: Tensor) -> None:
    checked_bytes(path, key, weight)
    if weight.dtype not in NUMBERS:
        raise InputError(
            f"{path}: the weight {printable(key, LONGEST_KEY)} has the type {weight.dtype}; convert it to float32"
        )
    if not torch.isfinite(weight).all():
        raise InputError(f"{path}: the weight {printable(key, LONGEST_KEY)} holds NaN or Inf")
