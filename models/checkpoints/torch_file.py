"""Reads the tensors of a torch file that may be hostile: nothing in it is run, and every size is checked."""

from __future__ import annotations

import pickle
import warnings
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from recon.data.errors import InputError, printable
from recon.data.storage.trial_process import try_in_child

STATE_DICTS = ("state_dict", "model_state_dict", "model", "net", "network", "ema")
"""Keys under which trainers store the state dict, beside optimiser states and settings."""

NUMPY = [
    *(f"numpy.{core}.multiarray.{name}" for core in ("_core", "core") for name in ("scalar", "_reconstruct")),
    *("numpy.dtype", "numpy.ndarray"),
]
"""Types of the scores that trainers store beside the weights."""

OBJECTS = ["argparse.Namespace", *(f"pathlib.{part}PosixPath" for part in ("", "_local."))]
"""Types of settings and paths that trainers store, for older files, which do not list their types."""

LONGEST_KEY = 100

HOW_TO_STRIP = "save its weights alone, where it was made: torch.save(model.state_dict(), 'weights.pt')"


class InertNumber:
    """Stands for an object of NumPy; it takes what it is built from and does nothing."""

    def __init__(self, *_arguments: object) -> None:
        """Take the arguments of any constructor."""

    def __setstate__(self, _state: object) -> None:
        """Take any state."""


class InertObject:
    """Stands for any other type: an ordered mapping is built instead, which torch allows to be filled."""

    def __new__(cls, *_arguments: object) -> OrderedDict[object, object]:  # type: ignore[misc]
        """Take the arguments of any constructor."""
        return OrderedDict()


def read_torch_file(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a torch file; objects of other types are replaced by inert ones.

    Raises
    ------
    InputError
        If the file is not a torch file, is damaged, cannot be read without running code, or declares more
        numbers than it stores.
    """
    size = path.stat().st_size
    _check_archive(path, size)
    try_in_child(path, lambda: _load(path))
    stored = _load(path)
    weights = _state_dict(stored)
    # Storages may be shared by two tensors, which are then as many numbers without as many bytes.
    if sum(checked_bytes(path, key, weight) for key, weight in weights.items()) > 2 * size:
        raise InputError(f"{path}: its tensors declare more numbers than the file stores")
    return weights


def checked_bytes(path: Path, key: str, weight: Tensor) -> int:
    """Return the number of bytes of a tensor of plain numbers.

    Raises
    ------
    InputError
        If it is sparse, quantised, complex or of an unusual type, or declares more numbers than it stores.
    """
    name = printable(key, LONGEST_KEY)
    if weight.layout != torch.strided or weight.device.type != "cpu" or weight.is_quantized or weight.is_nested:
        raise InputError(f"{path}: the weight {name} is not a dense tensor; convert it by weight.to_dense()")
    size = weight.numel() * weight.element_size()
    if size > weight.untyped_storage().nbytes():
        raise InputError(f"{path}: the weight {name} declares {size} bytes, more than the file stores of it")
    return size


def _check_archive(path: Path, size: int) -> None:
    """Refuse an archive whose entries are larger than itself; torch stores them without compression."""
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            declared = sum(info.file_size for info in archive.infolist())
    except (zipfile.BadZipFile, ValueError, LookupError, OSError) as error:
        raise InputError(f"{path}: the checkpoint is damaged ({_first_line(error)})") from error
    if declared > size:
        raise InputError(f"{path}: the checkpoint of {size} bytes declares {declared} bytes; torch compresses none")


def _load(path: Path) -> Any:
    try:
        with warnings.catch_warnings():
            # Whatever torch warns about here is either read correctly or refused below.
            warnings.simplefilter("ignore")
            with torch.serialization.safe_globals(_inert(path)):
                return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise InputError(
            f"{path}: neither a checkpoint of this program nor a torch file of plain tensors; {HOW_TO_STRIP}"
        ) from error
    except MemoryError as error:
        raise InputError(f"{path}: the checkpoint asks for more memory than there is") from error
    except Exception as error:
        raise InputError(f"{path}: the checkpoint is damaged ({_first_line(error)})") from error


def _inert(path: Path) -> list[Any]:
    """Pair the names of all types in a file that torch does not know with inert types; none of them is imported."""
    try:
        found = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    except Exception:  # noqa: BLE001 - an older torch file, or one that is refused when it is loaded
        found = OBJECTS
    return [*((InertObject, name) for name in set(found) - set(NUMPY)), *((InertNumber, name) for name in NUMPY)]


def _state_dict(stored: object) -> dict[str, Tensor]:
    """Find the state dict in what a file holds: under a usual key, or the whole."""
    if not isinstance(stored, Mapping):
        return {}
    for candidate in (*(stored.get(key) for key in STATE_DICTS), stored):
        if isinstance(candidate, Mapping):
            weights = {str(key): weight for key, weight in candidate.items() if isinstance(weight, Tensor)}
            if weights:
                return weights
    return {}


def _first_line(error: Exception) -> str:
    return printable(str(error).strip().partition("\n")[0], 200)
