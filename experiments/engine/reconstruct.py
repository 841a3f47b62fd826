"""`recon reconstruct`: reconstruct files and folders with one method."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from recon.data.describe import describe_images
from recon.data.errors import InputError
from recon.data.masks.sampling import Sampling
from recon.data.open import Volume, find_files, open_volume
from recon.experiments.cluster.crew import ALONE, Crew
from recon.experiments.cluster.job import Advance, Task
from recon.experiments.console import Problems, console, progress, say
from recon.experiments.engine.method_warnings import RangeWarnings
from recon.experiments.engine.pipeline import WriteBehind
from recon.experiments.engine.results.image_files import ImageFiles
from recon.experiments.engine.results.image_formats import ImageFormat
from recon.experiments.engine.results.store import StoredResult
from recon.experiments.engine.run import G_FACTOR, INTERVAL, NOISE, UNCERTAINTY, Result, Runner
from recon.experiments.engine.sampled_volume import SampledVolume
from recon.preprocessing.steps import NO_STEPS, Steps, stepped

if TYPE_CHECKING:
    from recon.experiments.engine.tuning.settings import TunedSettings

MAP_OPTIONS = {UNCERTAINTY: "--uncertainty", INTERVAL: "--uncertainty", NOISE: "--noise-map", G_FACTOR: "--g-factor"}

WORTH_WORKERS = 4
"""Smallest number of files for which processes are started by default, which takes seconds."""

Write = Callable[[], None]


@dataclass(frozen=True, eq=False)
class ReconstructionWork:
    """Reconstructs files; images that were written before under the same protocol are not made again.

    Attributes
    ----------
    runner
        The method, and the maps to write beside the images.
    files
        Files to write.
    sampling
        How fully sampled scans are undersampled; None to leave them as they were acquired.
    tuned
        Settings by contrast and acceleration that replace those of the method.
    steps
        Preprocessing of every slice.
    opened
        Function that opens a file.
    """

    runner: Runner
    files: ImageFiles
    sampling: Sampling | None = None
    tuned: TunedSettings | None = None
    steps: Steps = NO_STEPS
    opened: Callable[[Path], Volume] = open_volume
    warnings: RangeWarnings = field(default_factory=RangeWarnings)

    def __call__(self, task: Task, advance: Advance) -> int:
        """Reconstruct a file and write its images; return the number of slices."""
        slices: list[int] = []
        write = self.compute(Path(task[0]), slices.append, advance)
        write()
        return sum(slices)

    def compute(self, path: Path, begin: Callable[[int], None], advance: Advance) -> Write:
        """Reconstruct a file, and return the function that writes the images.

        Parameters
        ----------
        path
            File of raw data.
        begin
            Function to call with the number of slices before the first of them.
        advance
            Function to call with numbers of finished slices.

        Raises
        ------
        InputError
            If the file cannot be read, or a slice cannot be reconstructed.
        """
        name = self.runner.name
        volume = stepped(self.opened(path), self.steps)
        begin(len(volume))
        scan = SampledVolume(volume, self.sampling if volume.mask is None else None)
        method = self.runner.method if self.tuned is None else self.tuned.adapt(name, self.runner.method, scan)
        stored = StoredResult(scan, replace(self.runner, method=method), self.files.path(path, ImageFormat.H5))
        self.warnings.check(name, method, partial(scan.read, 0))
        missing = self.files.missing(stored)
        if not missing:
            console.print(f"{path.name}: done before", markup=False)
            advance(len(scan))
            return _nothing
        whole = None if stored.is_cut else stored.load()
        result = whole or stored.run(lambda: advance(1))
        return partial(_write, self.files, stored, result, missing)


def usual_workers(inputs: Sequence[Path], device: torch.device) -> int:
    """Return the number of processes that reconstruct inputs by default: a core for each, if there is enough to do.

    Raises
    ------
    InputError
        If an input does not exist, or is a folder without raw data.
    """
    files = len(find_files(inputs))
    return torch.get_num_threads() if device.type == "cpu" and files >= WORTH_WORKERS else 1


def reconstruct(inputs: list[Path], work: ReconstructionWork, crew: Crew = ALONE) -> None:
    """Reconstruct raw-data files; images that were written before under the same protocol are not made again.

    Parameters
    ----------
    inputs
        Files and folders of raw data.
    work
        What is done with each file.
    crew
        Who does it.

    Raises
    ------
    InputError
        If several files, or several slices, would go to one name, or maps would go to DICOM.
    SystemExit
        At the end, if a file could not be reconstructed.
    """
    files, names = work.files, work.runner.map_names
    if names and {ImageFormat.DICOM, ImageFormat.ENHANCED_DICOM} & set(files.formats):
        option = MAP_OPTIONS[names[0]]
        raise InputError(f"a DICOM series holds images alone; give {option} another --format: h5, nifti or png")
    every = find_files(inputs)
    paths = crew.part.of(every)
    files.check(every, names)
    problems = Problems()
    done = (_alone if crew.workers is None else _together)(paths, work, crew, problems)
    if not crew.part.is_all:
        say(f"part {crew.part}: {done} of {len(every)} files")
    if done and len(problems.sentences) < len(paths):  # writing may fail after computing
        say(f"reconstructions: {files}{problems.remark}")
    problems.exit()


def _alone(paths: Sequence[Path], work: ReconstructionWork, _crew: Crew, problems: Problems) -> int:
    """Reconstruct files in this process, and write those before in the meantime; return how many succeeded."""
    done = total = 0
    with progress() as bar, WriteBehind(problems.collect) as writer:
        task = bar.add_task(work.runner.name)
        for path in paths:
            with problems.collect():

                def begin(slices: int, path: Path = path) -> None:
                    nonlocal total
                    total += slices
                    bar.update(task, total=total, description=f"{work.runner.name}: {path.name}")

                write = work.compute(path, begin, partial(bar.advance, task))
                writer.put(write)
                done += 1
    return done


def _together(paths: Sequence[Path], work: ReconstructionWork, crew: Crew, problems: Problems) -> int:
    """Let workers reconstruct files; return how many succeeded."""
    done = 0
    with progress() as bar:
        slices, files = bar.add_task("slices", total=None), bar.add_task("files", total=len(paths))
        for index, result in crew.run(work, [(str(path),) for path in paths], partial(bar.advance, slices)):
            bar.update(files, advance=1, description=f"{work.runner.name}: {paths[index].name}")
            with problems.collect():
                result()
                done += 1
    return done


def _nothing() -> None:
    """Write nothing."""


def _write(files: ImageFiles, stored: StoredResult, result: Result, formats: Sequence[ImageFormat]) -> None:
    files.write(stored, result, formats)
    volume = stored.scan.volume
    sentence = f"{volume.name}: {describe_images(volume.header, len(volume))} in {result.seconds:.1f} s"
    console.print(sentence, markup=False)
