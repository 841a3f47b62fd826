"""Run `recon info`: show what raw-data files contain."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.table import Table
from rich.text import Text

from recon.data.describe import describe_images, describe_interval
from recon.data.errors import printable
from recon.data.formats.numpy import ArrayVolume
from recon.data.masks.measured import center_lines
from recon.data.open import Volume, list_files, open_volume
from recon.experiments.console import Problems, console, say

BYTES_PER_SAMPLE = 8


def info(inputs: list[Path], axes: str | None = None, variable: str | None = None) -> None:
    """Print matrix, coils, slices, contrast, crop, sampling and memory of every file.

    Parameters
    ----------
    inputs
        Files and folders of raw data.
    axes
        Names of the axes of arrays without a header, in their order.
    variable
        Name of the array in files that hold several.

    Raises
    ------
    SystemExit
        At the end, if a file could not be read.
    """
    problems = Problems()
    for path in list_files(inputs):
        with problems.collect():
            volume = open_volume(path, axes=axes, variable=variable)
            say(printable(str(path)))
            console.print(_table(volume))
    problems.exit()


def _table(volume: Volume) -> Table:
    images, coils, readout, phase = volume.shape
    header = volume.header
    table = Table(show_header=False)
    if isinstance(volume, ArrayVolume):
        table.add_row("axes", Text(volume.axes.words + (" (assumed)" if volume.axes.assumed else "")))
    table.add_row("contrast", Text(header.contrast or "unknown"))
    table.add_row("dimensions", _dimensions(volume))
    image = "image" if header.frames else "position" if header.volumetric else "slice"
    table.add_row(f"{image}s x coils", f"{images} x {coils}")
    if header.frames:
        words = (describe_images(header, images), describe_interval(header))
        table.add_row("images", ", ".join(filter(None, words)))
    axes = "phase x phase" if header.volumetric else "readout x phase"
    table.add_row(f"matrix ({axes})", f"{readout} x {phase}")
    table.add_row("image", f"{header.crop[0]} x {header.crop[1]}{_millimetres(header.field_of_view)}")
    table.add_row("field strength", f"{header.field_strength:.3g} T" if header.field_strength else "unknown")
    table.add_row("acquired lines", f"{header.padding[0]} to {min(header.padding[1], phase) - 1} of {phase}")
    table.add_row("sampling", _sampling(volume))
    table.add_row("target", volume.target_name or "none")
    table.add_row(
        "memory",
        f"{_size(coils * readout * phase)} per {image}, {_size(images * coils * readout * phase)} in total",
    )
    return table


def _dimensions(volume: Volume) -> str:
    """Say in words along how many axes the file's images extend; positions along a readout are counted."""
    lengths = [len(series) for series in volume.header.series] or [1] * len(volume)
    time = " + time" if max(lengths) > 1 else ""
    return f"3-D{time}, {len(lengths)} positions along the readout" if volume.header.volumetric else f"2-D{time}"


def _sampling(volume: Volume) -> str:
    if volume.mask is None:
        return "fully sampled"
    lines = center_lines(volume.mask)
    separate = f", {volume.calibration_lines} separate calibration lines" if volume.calibration_lines else ""
    first, last = volume.header.padding
    acquirable = volume.mask[..., first:last]
    acceleration = acquirable.size / max(int(acquirable.sum()), 1)
    other = ", other lines in every frame" if _differs_by_frame(volume) else ""
    center = f"{lines.stop - lines.start} adjacent lines at the centre"
    if volume.mask.ndim > 1:
        center = "{} x {} samples at the centre".format(*_central_square(volume.mask))
    return f"undersampled {acceleration:.2f}x, {center}{separate}{other}"


def _differs_by_frame(volume: Volume) -> bool:
    """Return whether the first two frames of the first series were measured along different lines."""
    first = next((series[:2] for series in volume.header.series if len(series) > 1), ())
    if volume.header.volumetric:  # would transform two whole images
        return False
    masks = [volume.read(index).mask.numpy() for index in first]
    return any(not np.array_equal(masks[0], mask) for mask in masks)


def _central_square(mask: NDArray[np.bool_]) -> tuple[int, int]:
    """Return the size of the largest fully sampled square about the centre of `(readout, phase)`."""
    row, column = (size // 2 for size in mask.shape)
    half = 0
    while (
        half < min(row, column) and mask[row - half - 1 : row + half + 1, column - half - 1 : column + half + 1].all()
    ):
        half += 1
    return 2 * half, 2 * half


def _millimetres(field_of_view: tuple[float, float] | None) -> str:
    return f", {field_of_view[0]:g} x {field_of_view[1]:g} mm" if field_of_view else ""


def _size(samples: int) -> str:
    mebibytes = samples * BYTES_PER_SAMPLE / 2**20
    return f"{mebibytes:.1f} MiB" if mebibytes < 1024 else f"{mebibytes / 1024:.2f} GiB"
