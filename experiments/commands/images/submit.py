"""Run `recon submit`: check a folder of reconstructions against the layout that a leaderboard requires."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np

from recon.data.errors import InputError
from recon.data.open import Volume, list_files, open_volume
from recon.data.storage.hdf5 import open_hdf5, read_dataset
from recon.experiments.console import Problems, console, errors

LEADERBOARDS = ("fastmri",)


def submit(predictions: Path, test: Path | None) -> None:
    """Check a folder against fastMRI's layout: one file for each file of the test set, with images of the same size.

    Every problem is reported in one sentence.

    Parameters
    ----------
    predictions
        Folder of files with the data set `reconstruction`.
    test
        Folder of the raw data of the test set; None to skip the checks of names and sizes.

    Raises
    ------
    InputError
        If a folder is missing or empty.
    SystemExit
        At the end, if there was a problem.
    """
    if not predictions.is_dir():
        raise InputError(f"{predictions}: no such folder")
    files = {path.name: path for path in list_files([predictions])}
    scans = {} if test is None else {path.name: path for path in list_files([test])}
    problems = Problems()
    for sentence in _wrong_names(predictions, set(files), set(scans) or None):
        problems.add(sentence)
    for name, path in files.items():
        with problems.collect():
            scan = open_volume(scans[name]) if name in scans else None
            for sentence in _wrong_content(path, scan):
                problems.add(sentence)
    if test is None:
        errors.print(
            "names and sizes were not checked; give the raw data of the test set with --test to check them",
            style="yellow",
        )
    problems.exit()
    console.print(f"{predictions} fits fastMRI's leaderboard; files: {len(files)}", markup=False)


def _wrong_names(folder: Path, present: set[str], expected: set[str] | None) -> Iterator[str]:
    for path in sorted(folder.iterdir()):
        if path.name not in present:
            yield f"{path}: is not a reconstruction; remove it from the folder"
        elif expected is not None and path.name not in expected:
            yield f"{path}: the test set has no file of this name"
        elif path.suffix != ".h5":
            yield f"{path}: the name must end in .h5"
    for name in sorted((expected or set()) - present):
        yield f"{folder / name}: is missing; the test set has a file of this name"


def _wrong_content(path: Path, scan: Volume | None) -> Iterator[str]:
    """Yield what is wrong with the images of one file.

    Raises
    ------
    InputError
        If the file has no images or cannot be read.
    """
    with open_hdf5(path) as file:
        images = read_dataset(file, "reconstruction")
        if images.dtype != np.float32:
            yield f"{path}: the reconstruction has type {images.dtype}; expected float32"
        if images.ndim != 3:
            yield f"{path}: the reconstruction has shape {images.shape}; expected (slices, rows, columns)"
            return
        if scan is not None:
            yield from _wrong_shape(path, images.shape, scan)
        if images.dtype.kind in "fc":
            yield from _not_finite(path, images)


def _wrong_shape(path: Path, shape: tuple[int, int, int], scan: Volume) -> Iterator[str]:
    slices, _, readout, phase = scan.shape
    if shape[0] != slices:
        yield f"{path}: the reconstruction has {shape[0]} slices; the scan has {slices}"
    rows, columns = min(scan.header.crop[0], readout), min(scan.header.crop[1], phase)
    # Where the scan is narrower than the image, fastMRI's own networks write squares of the scan's width.
    if shape[1:] not in {(rows, columns), (min(rows, columns), columns)}:
        rows, columns = scan.header.fastmri_size((readout, phase))
        yield f"{path}: the images are {shape[1]}x{shape[2]}; the scan requires {rows}x{columns}"


def _not_finite(path: Path, images: h5py.Dataset) -> Iterator[str]:
    bad = [str(index) for index in range(len(images)) if not np.isfinite(images[index]).all()]
    if bad:
        yield f"{path}: NaN or Inf in slice{'s' if len(bad) > 1 else ''} {', '.join(bad)}"
