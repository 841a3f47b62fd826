"""Gives fully sampled scans whose files hold no reference images a target: the image of their full k-space."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from recon.coils import rss
from recon.crop import center_crop
from recon.data.acquisition import Acquisition, image_size
from recon.data.masks.measured import prospective_mask
from recon.data.volume import Volume, WrappedVolume
from recon.fourier import ifft
from recon.preprocessing.steps import NO_STEPS, Steps, stepped

NAME = "root sum of squares of the full scan"


@dataclass(frozen=True)
class FullScan(WrappedVolume):
    """A volume whose target is the root sum of squares of its coil images, if every sample was measured.

    The target is that of the slices as they are read, so steps such as prewhitening are part of it.
    """

    @cached_property
    def _is_full(self) -> bool:
        return self.volume.mask is None

    @property
    def target_name(self) -> str | None:
        """A description of the target; None if the scan was undersampled."""
        return NAME if self._is_full else None

    @property
    def target_size(self) -> tuple[int, int] | None:
        """Size of the target `(rows, columns)`; None if the scan was undersampled."""
        return image_size(self.header, self.shape[2:]) if self._is_full else None

    @property
    def target_max(self) -> float | None:
        """Always None: it takes reading the whole scan."""
        return None

    def read(self, index: int) -> Acquisition:
        """Read one slice with its target."""
        acquisition = self.volume.read(index)
        if not self._is_full or prospective_mask(acquisition.mask.numpy(), acquisition.header.padding) is not None:
            return acquisition
        return replace(acquisition, target=center_crop(rss(ifft(acquisition.kspace)), acquisition.crop))

    def read_target(self) -> NDArray[np.float32] | None:
        """Compute the targets `(slices, rows, columns)`; return None if an image was undersampled."""
        return self._target

    @cached_property
    def _target(self) -> NDArray[np.float32] | None:
        if not self._is_full:
            return None
        targets = [self.read(index).target for index in range(len(self))]
        known = [target.numpy() for target in targets if target is not None]
        return np.stack(known) if len(known) == len(targets) else None


def with_target(volume: Volume, steps: Steps = NO_STEPS) -> Volume:
    """Apply steps to a volume, and let it compute its target if its format has none.

    A target in the file that no longer fits after the steps is not replaced, nor is one that a 2-D file of fastMRI's
    layout leaves out.

    Parameters
    ----------
    volume
        Opened file.
    steps
        Preprocessing of each slice.
    """
    prepared = stepped(volume, steps)
    expected = volume.header.fastmri and not volume.header.volumetric
    return prepared if expected or volume.target_name is not None else FullScan(prepared)
