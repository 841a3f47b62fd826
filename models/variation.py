"""Joins and varies what networks start from, so that one compressed-sensing solution serves several steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from recon.models.networks.general_varnet import Start

ROWS = -2
"""Axis of the readout."""


def join(starts: Sequence[Start]) -> Start:
    """Make a batch of starts of the same size and axes; sets and virtual coils that a slice lacks are zero."""
    problems = [start.problem for start in starts]
    sets, coils = (max(one.encoding.sens_maps.shape[axis] for one in problems) for axis in (1, 2))

    def full(values: Tensor, *axes: tuple[int, int]) -> Tensor:
        """Fill axes up to a size with zeros."""
        for axis, size in axes:
            values = torch.cat([values, values.new_zeros(_missing(values, axis, size))], dim=axis)
        return values

    first = problems[0]
    joined = replace(
        first,
        encoding=replace(
            first.encoding,
            sens_maps=torch.cat([full(one.encoding.sens_maps, (1, sets), (2, coils)) for one in problems]),
            mask=torch.cat([one.encoding.mask for one in problems]),
        ),
        measured=torch.cat([full(one.measured, (1, coils)) for one in problems]),
        sets_present=torch.cat([full(one.sets_present, (1, sets)) for one in problems]),
        brightness=torch.cat([one.brightness for one in problems]),
        kspace=torch.cat([one.kspace for one in problems]),
        compression=torch.cat([full(one.compression, (2, coils)) for one in problems]),
        scale=torch.cat([one.scale for one in problems]),
        acceleration=torch.cat([one.acceleration for one in problems]),
    )
    images, noise = (torch.cat(parts) for parts in zip(*((one.images, one.noise) for one in starts), strict=True))
    return Start(joined, images, noise)


def rotate_phase(start: Start, angle: float) -> Start:
    """Rotate the phase of image and samples by an angle in radians; maps, noise and magnitude stay."""
    problem = start.problem
    factor = torch.polar(torch.ones(()), torch.tensor(angle)).to(start.images)
    turned = replace(problem, measured=problem.measured * factor, kspace=problem.kspace * factor)
    return replace(start, problem=turned, images=start.images * factor)


def conjugate(start: Start) -> Start:
    """Replace the image by its complex conjugate: samples at k become the conjugates of those at -k.

    So do the maps; the magnitude stays.
    """
    problem, encoding = start.problem, start.problem.encoding
    mirrored = replace(
        problem,
        encoding=replace(
            encoding,
            sens_maps=encoding.sens_maps.conj().resolve_conj(),
            mask=_negative(encoding.mask, encoding.axes),
        ),
        measured=_negative(problem.measured, encoding.axes).conj().resolve_conj(),
        kspace=_negative(problem.kspace, encoding.axes).conj().resolve_conj(),
        compression=problem.compression.conj().resolve_conj(),
    )
    return replace(start, problem=mirrored, images=start.images.conj().resolve_conj())


def can_mirror(start: Start) -> bool:
    """Return whether the rows of the problem are independent, as with a mask of whole lines."""
    return ROWS not in start.problem.encoding.axes


def mirror(start: Start) -> Start:
    """Reverse the rows of image, maps and samples, of a problem whose rows are independent."""
    problem, encoding = start.problem, start.problem.encoding
    mirrored = replace(
        problem,
        encoding=replace(encoding, sens_maps=encoding.sens_maps.flip(ROWS)),
        measured=problem.measured.flip(ROWS),
        brightness=problem.brightness.flip(ROWS),
        kspace=problem.kspace.flip(ROWS),
    )
    return replace(start, problem=mirrored, images=start.images.flip(ROWS), noise=start.noise.flip(ROWS))


def _negative(kspace: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Move each sample from k to -k along axes in the order of the fast Fourier transform."""
    several = tuple(axis for axis in axes if kspace.shape[axis] > 1)
    return kspace.flip(several).roll([1] * len(several), several)


def _missing(values: Tensor, axis: int, size: int) -> list[int]:
    """Return the shape of the zeros that fill an axis up to a size."""
    shape = list(values.shape)
    shape[axis] = size - shape[axis]
    return shape
