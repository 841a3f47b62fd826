"""Varies what a network starts from, so that one compressed-sensing solution serves several training steps."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from recon.models.networks.general_varnet import Start

ROWS = -2
"""Axis of the readout."""


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
