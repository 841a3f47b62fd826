"""Slices that are preprocessed once and kept in a local folder, so that later epochs read less."""

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
    """What is done to a fully sampled or undersampled slice before anything else."""

    @property
    def key(self) -> str:
        """Names the preprocessing and its settings; part of a folder's name."""

    def outline(self, header: Header, shape: Shape) -> tuple[Header, Shape]:
        """Tell header and `(coils, readout, phase)` of the result; a padding may differ from slice to slice."""

    def __call__(self, acquisition: Acquisition) -> Acquisition:
        """Preprocess."""


@dataclass(frozen=True)
class PreprocessedVolume(WrappedVolume):
    """A volume whose slices are preprocessed as they are read, or were so before.

    A kept slice is the file `CACHE/PREPROCESSING/NAME-IDENTITY/NUMBER.safetensors`. Its identity is a hash of the raw
    file's path, size and time of modification: when that changes, so does the place where its slices are looked for.

    Attributes
    ----------
    preprocessing
        What is done to each slice.
    folder
        Where slices of this volume are kept; None to preprocess each time.
    """

    preprocessing: Preprocessing
    folder: Path | None = None

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """`(slices, coils, readout, phase)` after preprocessing."""
        return self.volume.shape[0], *self._outline[1]

    @property
    def header(self) -> Header:
        """Header after preprocessing."""
        return self._outline[0]

    @cached_property
    def _outline(self) -> tuple[Header, Shape]:
        return self.preprocessing.outline(self.volume.header, self.volume.shape[1:])

    def read(self, index: int) -> Acquisition:
        """Take the slice that was kept; if there is none, read it, preprocess it and keep it.

        Raises
        ------
        InputError
            If the raw data cannot be read.
        """
        if self.folder is None:
            return self.preprocessing(self.volume.read(index))
        place = self.folder / f"{self.number(index):04d}.safetensors"
        kept = _load(place)
        if kept is not None:
            first, last = kept.pop("padding").tolist()
            header = replace(self.header, padding=(first, last))
            return Acquisition(**kept, header=header, name=self.name, slice=self.number(index))
        acquisition = self.preprocessing(self.volume.read(index))
        _keep(place, acquisition)
        return acquisition


def preprocessed(volumes: Sequence[Volume], preprocessing: Preprocessing, cache: Path | None) -> list[Volume]:
    """Have volumes preprocessed, their slices kept in the folder `cache` if it is given."""
    return [
        PreprocessedVolume(
            volume, preprocessing, None if cache is None else cache / preprocessing.key / _identity(volume.path)
        )
        for volume in volumes
    ]


def _identity(path: Path) -> str:
    stat = path.stat()
    told = f"{path.resolve()} {stat.st_size} {stat.st_mtime_ns}"
    return f"{path.stem}-{hashlib.sha256(told.encode()).hexdigest()[:12]}"


def _load(place: Path) -> dict[str, Tensor] | None:
    """Read a kept slice; None if there is none or it is damaged."""
    try:
        mapped = load_file(place)
        # Copied, because what is mapped from a file is slow to write to and would be copied again later.
        tensors = {name: empty(tensor.shape, tensor.dtype).copy_(tensor) for name, tensor in mapped.items()}
    except (OSError, SafetensorError):
        return None
    return tensors | {name: torch.view_as_complex(tensors[name]) for name in _complex(tensors)}


def _keep(place: Path, acquisition: Acquisition) -> None:
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
            f"{place}: the preprocessed slice cannot be kept ({reason}); it is made anew each time",
            RuntimeWarning,
            stacklevel=3,
        )


def _complex(tensors: dict[str, Tensor]) -> list[str]:
    return [name for name in ("kspace", "calibration") if name in tensors]
