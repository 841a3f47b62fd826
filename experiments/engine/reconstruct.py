"""`recon reconstruct`: reconstruct files and folders with one method."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from recon.contract import Reconstruction
from recon.data.errors import InputError
from recon.data.masks import Sampling
from recon.data.open import Volume, find_files, open_volume
from recon.experiments.console import Problems, console, progress
from recon.experiments.engine.image_files import ImageFiles, ImageFormat
from recon.experiments.engine.method_warnings import RangeWarnings, calibration_or_warning
from recon.experiments.engine.pipeline import WriteBehind
from recon.experiments.engine.run import Result, Runner
from recon.experiments.engine.sampled_volume import SampledVolume
from recon.experiments.engine.store import StoredResult
from recon.preprocessing.steps import NO_STEPS, Steps, stepped

if TYPE_CHECKING:
    from recon.experiments.engine.tuning.settings import TunedSettings


def reconstruct(
    inputs: list[Path],
    name: str,
    method: Reconstruction,
    sampling: Sampling | None,
    files: ImageFiles,
    device: torch.device,
    tuned: TunedSettings | None = None,
    steps: Steps = NO_STEPS,
    uncertainty: bool = False,
    noise: bool = False,
    opened: Callable[[Path], Volume] = open_volume,
    floor: bool = False,
) -> None:
    """Reconstruct raw-data files; images that were written before under the same protocol are not made again.

    Parameters
    ----------
    inputs
        Files and folders of raw data.
    name, method
        The method, and the name under which it is registered.
    sampling
        How fully sampled scans are undersampled; None to leave them as they were acquired.
    files
        Files to write.
    device
        Device on which the method runs.
    tuned
        Settings by contrast and acceleration that replace those of the method.
    steps
        Preprocessing of every slice.
    uncertainty, noise
        Whether to write maps of the uncertainty, and of the noise, beside the images.
    opened
        Function that opens a file.
    floor
        Whether to bring every image to the noise floor of a full scan.

    Raises
    ------
    InputError
        If several files, or several slices, would go to one name, or maps would go to DICOM.
    SystemExit
        At the end, if a file could not be reconstructed.
    """
    if (uncertainty or noise) and ImageFormat.DICOM in files.formats:
        option = "--uncertainty" if uncertainty else "--noise-map"
        raise InputError(f"a DICOM series holds images alone; give {option} another --format: h5, nifti or png")
    problems, warnings = Problems(), RangeWarnings()
    calibration = calibration_or_warning(name, method) if uncertainty else None
    with progress() as bar, WriteBehind(problems.collect) as writer:
        paths = find_files(inputs)
        maps = Runner(name, method, device, calibration, noise).map_names
        files.check(paths, maps)
        task = bar.add_task(name)
        total = done = 0
        for path in paths:
            with problems.collect():
                volume = stepped(opened(path), steps)
                total += len(volume)
                bar.update(task, total=total, description=f"{name}: {path.name}")
                scan = SampledVolume(volume, sampling if volume.mask is None else None)
                adapted = method if tuned is None else tuned.adapt(name, method, scan)
                runner = Runner(name, adapted, device, calibration, noise, floor)
                stored = StoredResult(scan, runner, files.path(path, ImageFormat.H5))
                warnings.check(name, adapted, partial(scan.read, 0))
                missing = files.missing(stored)
                if not missing:
                    done += 1
                    console.print(f"{path.name}: done before", markup=False)
                    bar.advance(task, len(scan))
                    continue
                whole = None if stored.is_cut else stored.load()
                result = whole or stored.run(lambda: bar.advance(task))
                writer.put(partial(_write, files, stored, result, missing))
                done += 1
    if done:
        console.print(f"reconstructions: {files}", markup=False)
    problems.exit()


def _write(files: ImageFiles, stored: StoredResult, result: Result, formats: Sequence[ImageFormat]) -> None:
    files.write(stored, result, formats)
    sentence = f"{stored.scan.volume.name}: {len(stored.scan)} slices in {result.seconds:.1f} s"
    console.print(sentence, markup=False)
