"""Keep the result of a method on a scan in a file, and find it again under the same protocol."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from recon.data.acquisition import image_size
from recon.data.errors import InputError
from recon.data.formats.fastmri import write_reconstruction
from recon.data.storage.hdf5 import open_hdf5, read_dataset
from recon.experiments.engine.metrics import crop
from recon.experiments.engine.run import Result, Runner
from recon.experiments.engine.sampled_volume import SampledVolume
from recon.experiments.report.scores import versions
from recon.preprocessing.steps import SteppedVolume
from recon.quality.noise_map import REPLICAS


@dataclass(frozen=True, eq=False)
class StoredResult:
    """The result of one method on one scan, and the file that keeps it.

    Attributes
    ----------
    scan
        Raw data and its sampling.
    runner
        The method.
    path
        HDF5 file in fastMRI's submission layout.
    """

    scan: SampledVolume
    runner: Runner
    path: Path

    @cached_property
    def protocol(self) -> dict[str, Any]:
        """Everything on which the result depends; a file counts only if its protocol is the same."""
        volume, sampling, runner = self.scan.volume, self.scan.sampling, self.runner
        stat = volume.path.stat()
        return {
            "file": volume.name,
            "bytes": stat.st_size,
            "modified": stat.st_mtime_ns,
            "sampling": None if sampling is None else asdict(sampling),
            "method": runner.name,
            "settings": runner.method.settings(),
            "device": runner.device.type,
            "versions": versions(),
            **({"choices": dict(volume.choices)} if volume.choices else {}),
            **({"preprocessing": list(volume.steps.words)} if isinstance(volume, SteppedVolume) else {}),
            **({} if runner.uncertainty is None else {"uncertainty": asdict(runner.uncertainty)}),
            **({"noise_map": {"replicas": REPLICAS}} if runner.noise else {}),
        }

    @property
    def is_cut(self) -> bool:
        """Whether the file holds less than the image, because fastMRI's submissions have the size of its targets."""
        return self.scan.volume.header.fastmri and self._size != image_size(self.scan.volume.header, self._matrix)

    @property
    def _matrix(self) -> tuple[int, int]:
        return self.scan.volume.shape[2:]

    @property
    def _size(self) -> tuple[int, int]:
        return self.scan.volume.header.fastmri_size(self._matrix)

    def load(self) -> Result | None:
        """Return the result that is in the file; None if there is none, or it is damaged or of another protocol."""
        if not self.path.is_file():
            return None
        try:
            with open_hdf5(self.path) as file:
                if file.attrs.get("protocol") != json.dumps(self.protocol):
                    return None
                maps = {name: read_dataset(file, name)[()] for name in self.runner.map_names}
                return Result(read_dataset(file, "reconstruction")[()], float(file.attrs["seconds"]), maps)
        except InputError:
            return None

    def run(self, on_slice: Callable[[], None]) -> Result:
        """Reconstruct the scan, and call a function after every slice; see `Runner.volume`."""
        return self.runner.volume(self.scan, on_slice)

    def save(self, result: Result) -> None:
        """Write the result to the file, whole or not at all."""
        protocol = json.dumps(self.protocol)
        images, maps = result.images, result.maps
        if self.is_cut:
            images, *cut = (crop(values, *self._size) for values in (images, *maps.values()))
            maps = dict(zip(maps, cut, strict=True))
        write_reconstruction(self.path, images, maps, protocol=protocol, seconds=result.seconds)

    def load_or_make(self, on_slice: Callable[[], None]) -> Result:
        """Return the result that is in the file, or reconstruct the scan and save the result.

        Parameters
        ----------
        on_slice
            Function to call after every slice.

        Raises
        ------
        InputError
            If a slice cannot be read or reconstructed.
        """
        result = self.load()
        if result is None:
            result = self.run(on_slice)
            self.save(result)
        else:
            for _ in result.images:
                on_slice()
        return result
