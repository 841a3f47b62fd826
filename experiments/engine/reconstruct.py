"""`recon reconstruct`: one method over files and folders."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import torch

from recon.contract import Reconstruction
from recon.data.errors import InputError
from recon.data.masks import Sampling
from recon.data.open import find_files, open_volume
from recon.experiments.console import Problems, console, progress
from recon.experiments.engine.image_files import Destination, ImageFormat
from recon.experiments.engine.job import Job
from recon.experiments.engine.range_warnings import Doubts
from recon.experiments.engine.tuning.settings import Tuned
from recon.experiments.engine.uncertainty import calibration_of
from recon.preprocessing.steps import NO_STEPS, Steps, stepped


def reconstruct(
    inputs: list[Path],
    name: str,
    method: Reconstruction,
    sampling: Sampling | None,
    destination: Destination,
    device: torch.device,
    tuned: Tuned | None = None,
    steps: Steps = NO_STEPS,
    uncertain: bool = False,
) -> None:
    """Reconstruct files, each into files of the same name; finished ones are not done again.

    Parameters
    ----------
    inputs
        Files and folders.
    name, method
        The method and what it is registered as.
    sampling
        How to undersample fully sampled scans; None to take them as they are.
    destination
        Where the results go, and in which formats.
    device
        Where to compute.
    tuned
        Settings by contrast and acceleration that replace those of the method.
    steps
        What is done to every slice first.
    uncertain
        Whether to tell how uncertain the images are too.

    Raises
    ------
    InputError
        If several files, or several slices, would go to one name, or uncertainties are to go to DICOM.
    SystemExit
        At the end, if a file could not be reconstructed.
    """
    if uncertain and ImageFormat.DICOM in destination.formats:
        raise InputError("a DICOM series holds images alone; give --uncertainty another --format: h5, nifti or png")
    problems, doubts = Problems(), Doubts()
    calibration = calibration_of(name, method) if uncertain else None
    with progress() as bar:
        files = find_files(inputs)
        destination.check(files)
        task = bar.add_task(name)
        total = 0
        for path in files:
            with problems.collect():
                volume = stepped(open_volume(path), steps)
                total += len(volume)
                bar.update(task, total=total, description=f"{name}: {path.name}")
                applied = None if volume.mask is not None else sampling
                adapted = method if tuned is None else tuned.adapt(name, method, volume, applied)
                job = Job(volume, applied, name, adapted, destination.path(path, ImageFormat.H5), calibration, device)
                doubts.consider(name, adapted, partial(job.read, 0))
                missing = destination.missing(job)
                if not missing:
                    console.print(f"{path.name}: done before", markup=False)
                    bar.advance(task, len(volume))
                    continue
                result = job.stored() or job.compute(lambda: bar.advance(task))
                destination.write(job, result, missing)
                console.print(f"{path.name}: {len(volume)} slices in {result.seconds:.1f} s", markup=False)
    console.print(f"reconstructions: {destination}", markup=False)
    problems.exit()
