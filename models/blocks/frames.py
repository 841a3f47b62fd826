"""Lets networks see the neighbouring frames of a series."""

from __future__ import annotations

import torch
from torch import Tensor

from recon.models.blocks.refinement import SETS, Refinement, sets_to_channels


class FrameRefinement(Refinement):
    """A `Refinement` of the frames of a series that sees the frames before and after each of them.

    Parameters
    ----------
    chans, pools, memory
        As for the `Refinement`.
    neighbours
        Number of frames before, and after.
    circular
        Whether the first frame follows the last; otherwise there is nothing outside the series.
    """

    def __init__(self, chans: int, pools: int, memory: int, neighbours: int, circular: bool) -> None:
        super().__init__(chans, pools, memory, inputs=2 * SETS * (1 + 2 * neighbours))
        self.neighbours, self.circular = neighbours, circular

    def channels(self, images: Tensor) -> Tensor:
        """Split complex `(frames, sets, readout, phase)` into channels, neighbours after the frame itself."""
        steps = [0, *(step for distance in range(1, self.neighbours + 1) for step in (distance, -distance))]
        return torch.cat([sets_to_channels(shifted(images, step, self.circular)) for step in steps], dim=1)


def shifted(frames: Tensor, step: int, circular: bool) -> Tensor:
    """Return the frame `step` frames before each; outside the series it is zero, unless that is circular."""
    if circular:
        return frames.roll(step, 0)
    nothing = torch.zeros_like(frames[:1]).expand(min(abs(step), len(frames)), *frames.shape[1:])
    kept = max(len(frames) - abs(step), 0)
    return torch.cat([nothing, frames[:kept]] if step > 0 else [frames[len(frames) - kept :], nothing])
