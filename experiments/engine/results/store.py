"""Keep the result of a method on a scan in a file, and find it again under the same protocol."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from recon.data.acquisition import image_size
from recon.data.errors import InputError
from recon.data.formats.fastmri.layout import write_reconstruction
from recon.data.open import parts_of
from recon.data.storage.fingerprint import code_sha256, fingerprint
from recon.data.storage.hdf5 import attribute, holds, open_hdf5, read_dataset
from recon.data.storage.new_hdf5 import CREATOR
from recon.data.versions import versions
from recon.experiments.engine.results.machine import machine
from recon.experiments.engine.run import Result, Runner
from recon.experiments.engine.sampled_volume import SampledVolume
from recon.experiments.engine.scores.metrics import crop
from recon.preprocessing.steps import steps_of
from recon.quality.noise_floor import RULE


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
        steps = steps_of(volume).words
        return {
            "file": volume.name,
            "inputs": [fingerprint(path) for path in parts_of(volume.path)],
            "sampling": None if sampling is None else asdict(sampling),
            "method": runner.name,
            "settings": runner.method.settings(),
            "device": runner.device.type,
            "versions": versions(),
            "code": code_sha256(runner.method),
            **({"choices": dict(volume.choices)} if volume.choices else {}),
            **({"preprocessing": list(steps)} if steps else {}),
            **({} if runner.uncertainty is None else {"uncertainty": asdict(runner.uncertainty)}),
            **({} if runner.coverage is None else {"coverage": runner.coverage}),
            **({"noise_map": {"replicas": runner.replicas}} if runner.noise else {}),
            **({"g_factor": {"replicas": runner.replicas}} if runner.g_factor else {}),
            "noise floor": RULE if runner.floor else "none",
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
                result = Result(read_dataset(file, "reconstruction")[()], float(file.attrs["seconds"]), maps)
                return result if file.attrs.get("sha256") == result_sha256(result) else None
        except (InputError, LookupError, TypeError, ValueError):  # whatever somebody has written into the file
            return None

    def run(self, on_slice: Callable[[], None]) -> Result:
        """Reconstruct the scan, and call a function after every slice; see `Runner.volume`."""
        return self.runner.volume(self.scan, on_slice)

    def cut(self, result: Result) -> Result:
        """Return the result in the size in which the file holds it, see `is_cut`."""
        usual = image_size(self.scan.volume.header, self._matrix)
        if not self.is_cut or result.images.shape[1:] != usual:
            return result
        images, *maps = (crop(values, *self._size) for values in (result.images, *result.maps.values()))
        return Result(images, result.seconds, dict(zip(result.maps, maps, strict=True)))

    def save(self, result: Result) -> None:
        """Write the result to the file, whole or not at all, with what it takes to verify it elsewhere."""
        result = self.cut(result)
        write_reconstruction(
            self.path,
            result.images,
            result.maps,
            protocol=json.dumps(self.protocol),
            seconds=result.seconds,
            sha256=result_sha256(result),
            masks=self.scan.masks_sha256,
            machine=json.dumps(machine(self.runner.device)),
            source=json.dumps(os.path.relpath(self.scan.volume.path.resolve(), self.path.parent.resolve())),
        )

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


def check_replaceable(path: Path, damaged: bool = False) -> None:
    """Refuse to replace an HDF5 file that this program has not written.

    Parameters
    ----------
    path
        File to write; nothing is checked if it does not exist.
    damaged
        Whether a file that cannot be opened may be replaced.

    Raises
    ------
    InputError
        If the file holds no reconstruction, or one of another program.
    """
    if not os.path.lexists(path):
        return
    try:
        with open_hdf5(path) as file:
            images, own = holds(file, "reconstruction"), attribute(file, "creator") == CREATOR
    except InputError:
        if damaged:
            return
        raise
    if not images or not own:
        reason = "was not written by this program" if images else "holds no reconstruction"
        raise InputError(f"{path}: exists already and {reason}; give another --output, or --overwrite")


def result_sha256(result: Result) -> str:
    """Hash the images and maps with their types and shapes."""
    digest = hashlib.sha256()
    for name, values in {"": result.images, **result.maps}.items():
        digest.update(f"{name} {values.dtype} {values.shape}".encode())
        digest.update(np.ascontiguousarray(values).data)
    return digest.hexdigest()
