"""Run `recon convert`: convert raw data from one file format to another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch

from recon.coils import rss
from recon.crop import fastmri_crop
from recon.data.describe import describe_images
from recon.data.errors import InputError, did_you_mean
from recon.data.formats.bart import BART, is_bart
from recon.data.formats.whole_scan import WholeScan
from recon.data.open import FORMATS, Format, find_files, open_volume, parts_of
from recon.data.storage.atomic import atomic_files
from recon.data.storage.new_hdf5 import CREATOR, is_own_hdf5
from recon.experiments.cluster.crew import Crew
from recon.experiments.cluster.job import Advance, Task, Work
from recon.experiments.console import Problems, console, errors, progress
from recon.fourier import ifft

DESCRIPTIONS = {
    "header": "the header",
    "calibration": "the separate calibration lines",
    "noise": "the noise scan",
    "target": "the reference images",
}


@dataclass(frozen=True)
class ConvertJob:
    """The options of `recon convert` for a folder, named as there."""

    output: Path
    to: str
    axes: str | None
    variable: str | None
    overwrite: bool

    def work(self) -> Work:
        """Return the function that converts one file into the folder."""
        return partial(_convert_into, self)


def convert(
    source: Path,
    output: Path,
    to: str | None = None,
    axes: str | None = None,
    variable: str | None = None,
    overwrite: bool = False,
) -> None:
    """Write a raw-data file in another format, with the samples unchanged bit for bit.

    A fully sampled scan without reference images gets them if the format stores them, as fastMRI's files do.

    Parameters
    ----------
    source
        File in any supported format.
    output
        File to write; its suffix sets the format unless `to` does.
    to
        Name of the format.
    axes
        Names of the axes of an array without a header, for example "readout phase coils slices".
    variable
        Name of the array in a file that holds several.
    overwrite
        Whether existing files of other programs may be replaced, except for the input.

    Raises
    ------
    InputError
        If the file cannot be read, the format cannot be written, or the output exists already and is different.
    """
    chosen = _format(output, to)
    inputs = {part.resolve() for part in parts_of(source)}
    for path in (output, *(output.with_suffix(suffix) for suffix in (".cfl", ".hdr") if chosen is BART)):
        if path.resolve() in inputs:
            raise InputError(f"{path}: is also the input; give another output")
    if chosen.write is None:
        raise InputError(f"the format {chosen.name} can be read but not written")
    scan = WholeScan.of(open_volume(source, axes=axes, variable=variable))
    if "target" in chosen.keeps and scan.target is None and scan.mask is None:
        scan = _with_target(scan)
    with atomic_files(output, overwrite or _is_own(output)) as temporary:
        chosen.write(temporary, scan)
    lost = [
        description
        for name, description in DESCRIPTIONS.items()
        if getattr(scan, name) is not None and name not in chosen.keeps
    ]
    if lost:
        errors.print(
            f"{output}: the format {chosen.name} cannot store {', '.join(lost)} of {source.name}",
            style="yellow",
            markup=False,
            soft_wrap=True,
        )
    images, coils, readout, phase = scan.kspace.shape
    words = describe_images(scan.header, images)
    console.print(
        f"{output}: {chosen.name}, {words}, {coils} coils, {readout} x {phase}", markup=False, soft_wrap=True
    )


def convert_all(sources: Sequence[Path], options: ConvertJob, crew: Crew) -> None:
    """Convert files into a folder, each for itself.

    Parameters
    ----------
    sources
        Files and folders of raw data.
    options
        The folder, and how to convert.
    crew
        Who converts.

    Raises
    ------
    InputError
        If two files would get one name, or no format is named.
    SystemExit
        At the end, if a file could not be converted.
    """
    every = find_files(sources)
    names: dict[Path, Path] = {}
    for path in every:
        other = names.setdefault(_in_folder(path, options), path)
        if other is not path:
            raise InputError(f"{path}: would get the same name as {other.name}; convert them into different folders")
    files = crew.part.of(every)
    problems = Problems()
    with progress() as bar:
        task = bar.add_task("convert", total=len(files))
        for _, result in crew.run(options.work(), [(str(path),) for path in files]):
            with problems.collect():
                result()
            bar.advance(task)
    problems.exit()


def _convert_into(options: ConvertJob, task: Task, _advance: Advance) -> None:
    source = Path(task[0])
    output = _in_folder(source, options)
    convert(source, output, options.to, options.axes, options.variable, options.overwrite)


def _in_folder(source: Path, options: ConvertJob) -> Path:
    return options.output / f"{source.stem}{_format(options.output, options.to).suffixes[0]}"


def _format(output: Path, to: str | None) -> Format:
    if to is not None:
        by_name = {known.name.lower(): known for known in FORMATS}
        if to.lower() not in by_name:
            raise InputError(f"unknown format {to!r}{did_you_mean(to.lower(), by_name)}")
        return by_name[to.lower()]
    for known in FORMATS:
        if output.suffix.lower() in known.suffixes:
            return known
    available = ", ".join(f"{known.suffixes[0]} ({known.name})" for known in FORMATS if known.write)
    raise InputError(f"{output}: the suffix does not name a format; give --to, or a suffix; available: {available}")


def _is_own(path: Path) -> bool:
    """Return whether this program wrote a file; NumPy's formats cannot say it."""
    if is_bart(path):
        return CREATOR.encode() in path.with_suffix(".hdr").read_bytes().splitlines()
    return path.suffix.lower() not in {".cfl", ".hdr"} and is_own_hdf5(path)


def _with_target(scan: WholeScan) -> WholeScan:
    """Add the root sum of squares of the fully sampled coil images as the target, cropped as fastMRI does."""
    _, _, readout, phase = scan.kspace.shape
    crop = scan.header.fastmri_size((readout, phase))
    images = torch.stack([fastmri_crop(rss(ifft(torch.from_numpy(slice_))), crop) for slice_ in scan.kspace])
    return replace(scan, target=images.numpy())
