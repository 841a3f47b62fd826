"""One reconstruction of one volume by one method: done once, kept on disk, found again."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recon.contract import Reconstruction, UncertaintyCalibration
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.data.formats.fastmri import write_reconstruction
from recon.data.masks import Sampling
from recon.data.open import Volume
from recon.data.storage.hdf5 import open_hdf5, read_dataset
from recon.experiments.engine.batches import reconstruct_slices
from recon.experiments.report.scores import versions
from recon.preprocessing.steps import SteppedVolume
from recon.quality.uncertainty import noise_level, spread, views


@dataclass(frozen=True)
class Result:
    """Images `(slices, rows, columns)`, the seconds they took, and if asked for how uncertain they are.

    Attributes
    ----------
    uncertainty
        One standard deviation of the error that is expected, in the images' units; of the images' shape.
    """

    images: NDArray[np.float32]
    seconds: float
    uncertainty: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class Job:
    """A volume, how it is undersampled, who reconstructs it, and where the result is kept.

    Attributes
    ----------
    volume
        Raw data.
    sampling
        None to take the scan as it was acquired.
    name, method
        The method and what it is registered as.
    output
        File in fastMRI's submission layout.
    uncertainty
        How deviations become standard deviations; None to leave that out.
    device
        Where to compute.
    """

    volume: Volume
    sampling: Sampling | None
    name: str
    method: Reconstruction
    output: Path
    uncertainty: UncertaintyCalibration | None = None
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @cached_property
    def protocol(self) -> dict[str, Any]:
        """Everything the result depends on; a stored result counts if its protocol is the same."""
        stat = self.volume.path.stat()
        return {
            "file": self.volume.name,
            "bytes": stat.st_size,
            "modified": stat.st_mtime_ns,
            "sampling": None if self.sampling is None else asdict(self.sampling),
            "method": self.name,
            "settings": self.method.settings(),
            "device": self.device.type,
            "versions": versions(),
            **_preprocessing(self.volume),
            **({} if self.uncertainty is None else {"uncertainty": asdict(self.uncertainty)}),
        }

    def stored(self) -> Result | None:
        """Give the result of an earlier run, if it was made under this protocol and is not damaged."""
        if not self.output.is_file():
            return None
        try:
            with open_hdf5(self.output) as file:
                if file.attrs.get("protocol") != json.dumps(self.protocol):
                    return None
                images, seconds = read_dataset(file, "reconstruction")[()], float(file.attrs["seconds"])
                maps = None if self.uncertainty is None else read_dataset(file, "uncertainty")[()]
                return Result(images, seconds, maps)
        except InputError:
            return None

    def finish(self, on_slice: Callable[[], None]) -> Result:
        """Give the stored result, or make it."""
        stored = self.stored()
        if stored is None:
            return self.run(on_slice)
        for _ in stored.images:
            on_slice()
        return stored

    def run(self, on_slice: Callable[[], None]) -> Result:
        """Reconstruct, and keep the result; as `compute` does."""
        result = self.compute(on_slice)
        self.keep(result)
        return result

    def compute(self, on_slice: Callable[[], None]) -> Result:
        """Reconstruct batch by batch.

        Parameters
        ----------
        on_slice
            Called after every slice.

        Raises
        ------
        InputError
            If a slice cannot be read or the method cannot reconstruct it.
        """
        images: list[NDArray[np.float32]] = []
        maps: list[NDArray[np.float32]] = []
        seconds = 0.0
        size = self.method.batch_size(self.device)
        for first in range(0, len(self.volume), size):
            acquisitions = [self.read(index) for index in range(first, min(first + size, len(self.volume)))]
            start = time.perf_counter()
            found = list(reconstruct_slices(self.method, acquisitions, self.device))
            seconds += time.perf_counter() - start
            for acquisition, image in zip(acquisitions, found, strict=True):
                images.append(image.numpy())
                if self.uncertainty is not None:
                    maps.append(self._uncertainty(self.uncertainty, acquisition, image))
                on_slice()
        return Result(np.stack(images), seconds, np.stack(maps) if maps else None)

    def _uncertainty(
        self, calibration: UncertaintyCalibration, acquisition: Acquisition, image: Tensor
    ) -> NDArray[np.float32]:
        try:
            seen = views(acquisition)
            others = reconstruct_slices(self.method, [view.acquisition for view in seen], self.device)
            sigma = calibration(spread(image, seen, others), noise_level(acquisition))
        except InputError as error:
            raise InputError(f"{error} (without some of its samples, to tell the uncertainty)") from error
        found: NDArray[np.float32] = sigma.numpy()
        return found

    def keep(self, result: Result) -> None:
        """Write the result, so that it is found again."""
        protocol = json.dumps(self.protocol)
        write_reconstruction(
            self.output, result.images, result.uncertainty, protocol=protocol, seconds=result.seconds
        )

    def read(self, index: int) -> Acquisition:
        """Read a slice as the method gets it."""
        acquisition = self.volume.read(index)
        return acquisition if self.sampling is None else self.sampling(acquisition)


def _preprocessing(volume: Volume) -> dict[str, Any]:
    return {"preprocessing": list(volume.steps.words)} if isinstance(volume, SteppedVolume) else {}
