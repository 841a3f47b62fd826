"""A small object that moves: fully sampled series of frames."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from helpers.scans.objects import object_acquisition, smooth_maps
from recon.coils import coil_expand, rss
from recon.data.acquisition import Acquisition, Header
from recon.data.series import counted_frames
from recon.data.volume import VolumeWithoutTarget
from recon.fourier import fft


def moving_object(frames: int = 5, coils: int = 3, matrix: tuple[int, int] = (32, 24)) -> list[Acquisition]:
    """Frames of the discs, each a pixel further along phase, with targets."""
    still = object_acquisition(coils, *matrix)
    assert still.target is not None
    maps = smooth_maps(coils, *matrix)
    header = replace(still.header, frames=counted_frames(1, frames, 1, 1))
    series = []
    for frame in range(frames):
        images = coil_expand(still.target.roll(frame - frames // 2, -1).to(torch.complex64), maps)
        series.append(Acquisition(fft(images), still.mask, header, target=rss(images), name="moving.h5", slice=frame))
    return series


@dataclass(frozen=True, eq=False)
class MovingVolume(VolumeWithoutTarget):
    """A file of one series, in memory."""

    frames: list[Acquisition]
    path: Path = Path("moving.h5")

    @property
    def shape(self) -> tuple[int, int, int, int]:  # type: ignore[override]
        return len(self.frames), *self.frames[0].kspace.shape

    @property
    def header(self) -> Header:
        return self.frames[0].header

    @property
    def mask(self) -> None:
        return None

    @property
    def target_name(self) -> str | None:
        return "reconstruction_rss"

    def read(self, index: int) -> Acquisition:
        frame = self.frames[index]
        return replace(frame, kspace=frame.kspace.clone())

    def read_target(self) -> NDArray[np.float32]:
        return torch.stack([frame.target for frame in self.frames if frame.target is not None]).numpy()
