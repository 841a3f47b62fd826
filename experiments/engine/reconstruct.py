"""`recon reconstruct`: reconstruct files and folders with one method."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from recon.data.describe import describe_images
from recon.data.errors import InputError
from recon.data.masks.sampling import Sampling
from recon.data.open import Volume, find_files, open_volume
from recon.experiments.console import Problems, console, progress
from recon.experiments.engine.method_warnings import RangeWarnings
from recon.experiments.engine.pipeline import WriteBehind
from recon.experiments.engine.results.image_files import ImageFiles, ImageFormat
from recon.experiments.engine.results.store import StoredResult
from recon.experiments.engine.run import G_FACTOR, INTERVAL, NOISE, UNCERTAINTY, Result, Runner
from recon.experiments.engine.sampled_volume import SampledVolume
from recon.preprocessing.steps import NO_STEPS, Steps, stepped

if TYPE_CHECKING:
    from recon.experiments.engine.tuning.settings import TunedSettings

MAP_OPTIONS = {UNCERTAINTY: "--uncertainty", INTERVAL: "--uncertainty", NOISE: "--noise-map", G_FACTOR: "--g-factor"}


def reconstruct(
    inputs: list[Path],
    runner: Runner,
    sampling: Sampling | None,
    files: ImageFiles,
    tuned: TunedSettings | None = None,
    steps: Steps = NO_STEPS,
    opened: Callable[[Path], Volume] = open_volume,
) -> None:
    """Reconstruct raw-data files; images that were written before under the same protocol are not made again.

    Parameters
    ----------
    inputs
        Files and folders of raw data.
    runner
        The method, and the maps to write beside the images.
    sampling
        How fully sampled scans are undersampled; None to leave them as they were acquired.
    files
        Files to write.
    tuned
        Settings by contrast and acceleration that replace those of the method.
    steps
        Preprocessing of every slice.
    opened
        Function that opens a file.

    Raises
    ------
    InputError
        If several files, or several slices, would go to one name, or maps would go to DICOM.
    SystemExit
        At the end, if a file could not be reconstructed.
    """
    if runner.map_names and {ImageFormat.DICOM, ImageFormat.ENHANCED_DICOM} & set(files.formats):
        option = MAP_OPTIONS[runner.map_names[0]]
        raise InputError(f"a DICOM series holds images alone; give {option} another --format: h5, nifti or png")
    problems, warnings, name = Problems(), RangeWarnings(), runner.name
    with progress() as bar, WriteBehind(problems.collect) as writer:
        paths = find_files(inputs)
        files.check(paths, runner.map_names)
        task = bar.add_task(name)
        total = done = 0
        for path in paths:
            with problems.collect():
                volume = stepped(opened(path), steps)
                total += len(volume)
                bar.update(task, total=total, description=f"{name}: {path.name}")
                scan = SampledVolume(volume, sampling if volume.mask is None else None)
                method = runner.method if tuned is None else tuned.adapt(name, runner.method, scan)
                stored = StoredResult(scan, replace(runner, method=method), files.path(path, ImageFormat.H5))
                warnings.check(name, method, partial(scan.read, 0))
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
    if done and not problems.sentences:
        console.print(f"reconstructions: {files}", markup=False)
    problems.exit()


def _write(files: ImageFiles, stored: StoredResult, result: Result, formats: Sequence[ImageFormat]) -> None:
    files.write(stored, result, formats)
    volume = stored.scan.volume
    sentence = f"{volume.name}: {describe_images(volume.header, len(volume))} in {result.seconds:.1f} s"
    console.print(sentence, markup=False)
