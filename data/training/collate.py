"""Makes batches of slices, which may have different numbers of coils, and of patches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor
from torch.nn.functional import pad

from recon.data.masks.measured import center_lines
from recon.data.training.datasets import Slice
from recon.data.training.patches import NoisyPatches
from recon.data.training.split_slices import SplitSlice

Example = Slice | SplitSlice | NoisyPatches
"""Input of a training step: one example, or a batch of them."""

SLICE_AXES = 3
"""Number of axes of the k-space of one slice; a series has one more."""

AnyExample = TypeVar("AnyExample", Slice, SplitSlice, NoisyPatches)


def pad_coils(kspace: Tensor, coils: int) -> Tensor:
    """Pad complex `(coils, readout, phase)` with coils of zeros, which change no root sum of squares.

    A network whose maps are zero where a coil has no signal gives the same image with and without them.

    Raises
    ------
    ValueError
        If `kspace` has more than `coils` coils.
    """
    missing = coils - kspace.shape[-3]
    if missing < 0:
        raise ValueError(f"cannot pad {kspace.shape[-3]} coils to {coils}")
    return pad(kspace, (0, 0, 0, 0, 0, missing)) if missing else kspace


def collate(slices: Sequence[AnyExample]) -> AnyExample:
    """Make a batch of slices or patches of one matrix, padding slices to the same number of coils.

    A single slice is not copied. A series is a batch already.

    Raises
    ------
    ValueError
        If the matrices or the sizes of the targets differ, which cannot be padded without changing the result, or
        there are several series.
    """
    if isinstance(slices[0], NoisyPatches):
        return NoisyPatches(*map(torch.stack, zip(*slices, strict=True)))
    if slices[0].kspace.ndim > SLICE_AXES:
        if len(slices) > 1:
            raise ValueError(f"{len(slices)} series cannot share a batch, which is one series")
        return slices[0]
    coils = max(slice_.kspace.shape[0] for slice_ in slices)
    padded = [slice_._replace(kspace=pad_coils(slice_.kspace, coils)) for slice_ in slices]
    fields = [list(field) for field in zip(*padded, strict=True) if any(value is not None for value in field)]
    if isinstance(slices[0], Slice) and len(fields) == len(Slice._fields):
        fields[-1] = [pad_coils(_reference(slice_), coils) for slice_ in padded]
    if any(len({tensor.shape for tensor in field}) > 1 for field in fields):
        matrices = sorted({tuple(slice_.kspace.shape[1:]) for slice_ in slices})
        raise ValueError(f"slices of different matrices or targets cannot share a batch: {matrices}")
    batched = (field[0].unsqueeze(0) if len(field) == 1 else torch.stack(field) for field in fields)
    return type(slices[0])(*batched)


def _reference(slice_: Slice) -> Tensor:
    """Return the reference scan; of a slice without one, the calibration lines of its own k-space."""
    if slice_.calibration is not None:
        return slice_.calibration
    lines = center_lines(slice_.mask[0])
    reference = torch.zeros_like(slice_.kspace)
    reference[..., lines] = slice_.kspace[..., lines]
    return reference
