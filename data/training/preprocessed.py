"""Preprocesses slices once and caches them in a local folder, so that later epochs read less."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Protocol

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from recon.data.acquisition import Acquisition, Header
from recon.data.errors import DiskFullError
from recon.data.open import Volume
from recon.data.storage.atomic import atomic_path
from recon.data.storage.shared_memory import empty
from recon.data.volume import WrappedVolume

Shape = tuple[int, int, int]


class Preprocessing(Protocol):
    """Preprocessing of fully sampled or undersampled slices, before anything else is done to them."""

    @property
    def key(self) -> str:
        """Name of the preprocessing and its settings, which is also the name of a folder."""

    def outline(self, header: Header, shape: Shape) -> tuple[Header, Shape]:
        """Return header and `(coils, readout, phase)` of the result, whose padding may differ from slice to slice."""

    def __call__(self, acquisition: Acquisition) -> Acquisition:
        """Preprocess one slice."""


@dataclass(frozen=True)
class PreprocessedVolume(WrappedVolume):
    """A volume whose slices are preprocessed when they are read first, and cached.

    A cached slice is the file `CACHE/PREPROCESSING/NAME-IDENTITY/NUMBER.safetensors`. The identity is a hash of path,
    size and modification time of the raw file, so that slices of a changed file are never taken from the cache.

    Attributes
    ----------
    preprocessing
        Preprocessing of each slice.
    folder
        Folder of the cached slices of this volume; None to preprocess them at every read.
    """

    preprocessing: Preprocessing
    folder: Path | None = None

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Shape of the k-space `(slices, coils, readout, phase)` after preprocessing."""
        return self.volume.shape[0], *self._outline[1]

    @property
    def header(self) -> Header:
        """Header after preprocessing."""
        return self._outline[0]

    @cached_property
    def _outline(self) -> tuple[Header, Shape]:
        return self.preprocessing.outline(self.volume.header, self.volume.shape[1:])

    def read(self, index: int) -> Acquisition:
        """Return the cached slice, or read, preprocess and cache it.

        Raises
        ------
        InputError
            If the raw data cannot be read.
        """
        if self.folder is None:
            return self.preprocessing(self.volume.read(index))
        place = self.folder / f"{self.number(index):04d}.safetensors"
        cached = _load(place)
        if cached is not None:
            first, last = cached.pop("padding").tolist()
            header = replace(self.header, padding=(first, last))
            return Acquisition(
                **cached, header=header, name=self.name, slice=self.number(index), calibration_in_phase=False
            )
        acquisition = self.preprocessing(self.volume.read(index))
        _store(place, acquisition)
        return acquisition


def preprocessed(volumes: Sequence[Volume], preprocessing: Preprocessing, cache: Path | None) -> list[Volume]:
    """Wrap volumes so that their slices are preprocessed, and cached in the folder `cache` if it is given."""
    return [
        PreprocessedVolume(
            volume, preprocessing, None if cache is None else cache / preprocessing.key / _identity(volume.path)
        )
        for volume in volumes
    ]


def _identity(path: Path) -> str:
    stat = path.stat()
    identity = f"{path.resolve()} {stat.st_size} {stat.st_mtime_ns}"
    return f"{path.stem}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"


def _load(place: Path) -> dict[str, Tensor] | None:
    """Read a cached slice; None if it is missing or damaged."""
    try:
        mapped = load_file(place)
        # Copied, because memory mapped from a file is slow to write to and would be copied again later.
        tensors = {name: empty(tensor.shape, tensor.dtype).copy_(tensor) for name, tensor in mapped.items()}
    except (OSError, SafetensorError):
        return None
    return tensors | {name: torch.view_as_complex(tensors[name]) for name in _complex(tensors)}


def _store(place: Path, acquisition: Acquisition) -> None:
    parts = {
        "kspace": acquisition.kspace,
        "mask": acquisition.mask,
        "target": acquisition.target,
        "calibration": acquisition.calibration,
        "padding": torch.tensor(acquisition.header.padding),
    }
    tensors = {name: tensor for name, tensor in parts.items() if tensor is not None}
    tensors |= {name: torch.view_as_real(tensors[name].resolve_conj()) for name in _complex(tensors)}
    try:
        with atomic_path(place) as temporary:
            save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, temporary)
    except (OSError, SafetensorError, DiskFullError) as error:
        full = isinstance(error, DiskFullError)
        reason = "the disk is full" if full else getattr(error, "strerror", None) or str(error)
        warnings.warn(
            f"{place}: the preprocessed slice cannot be cached ({reason}); it will be preprocessed at every read",
            RuntimeWarning,
            stacklevel=3,
        )


def _complex(tensors: dict[str, Tensor]) -> list[str]:
    return [name for name in ("kspace", "calibration") if name in tensors]
