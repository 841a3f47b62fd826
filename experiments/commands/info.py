"""Run `recon info`: show what raw-data files contain."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.table import Table
from rich.text import Text

from recon.data.errors import printable
from recon.data.formats.numpy import ArrayVolume
from recon.data.masks.measured import center_lines
from recon.data.open import Volume, list_files, open_volume
from recon.experiments.console import Problems, console

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
            console.print(_table(open_volume(path, axes=axes, variable=variable)))
    problems.exit()


def _table(volume: Volume) -> Table:
    slices, coils, readout, phase = volume.shape
    header = volume.header
    table = Table(title=Text(printable(str(volume.path))), title_justify="left", show_header=False)
    if isinstance(volume, ArrayVolume):
        table.add_row("axes", Text(volume.axes.words + (" (assumed)" if volume.axes.assumed else "")))
    table.add_row("contrast", Text(header.contrast or "unknown"))
    table.add_row("dimensions", _dimensions(volume))
    table.add_row("slices x coils", f"{slices} x {coils}")
    axes = "phase x phase" if header.volumetric else "readout x phase"
    table.add_row(f"matrix ({axes})", f"{readout} x {phase}")
    table.add_row("image", f"{header.crop[0]} x {header.crop[1]}{_millimetres(header.field_of_view)}")
    table.add_row("field strength", f"{header.field_strength:.3g} T" if header.field_strength else "unknown")
    table.add_row("acquired lines", f"{header.padding[0]} to {min(header.padding[1], phase) - 1} of {phase}")
    table.add_row("sampling", _sampling(volume))
    table.add_row("target", volume.target_name or "none")
    table.add_row(
        "memory", f"{_size(coils * readout * phase)} per slice, {_size(slices * coils * readout * phase)} in total"
    )
    return table


def _dimensions(volume: Volume) -> str:
    """Say in words what the file's images are: slices or positions along the readout, their contrasts and frames."""
    header = volume.header
    frames = [len(indices) for indices in header.series] or [1] * len(volume)
    kinds = len({(frame.contrast, frame.set) for frame in header.frames or ()}) or 1
    places = len(frames) // kinds
    words = f"{places} positions along the readout" if header.volumetric else _plural(places, "slice")
    if kinds > 1:
        words += f", {kinds} contrasts or sets"
    if max(frames) > 1:
        words += f", {min(frames)}{'' if min(frames) == max(frames) else f' to {max(frames)}'} frames"
    return f"{3 if header.volumetric else 2}-D{' + time' if max(frames) > 1 else ''}: {words}"


def _plural(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def _sampling(volume: Volume) -> str:
    if volume.mask is None:
        return "fully sampled"
    lines = center_lines(volume.mask)
    separate = f", {volume.calibration_lines} separate calibration lines" if volume.calibration_lines else ""
    first, last = volume.header.padding
    acquirable = volume.mask[..., first:last]
    acceleration = acquirable.size / max(int(acquirable.sum()), 1)
    center = f"{lines.stop - lines.start} adjacent lines at the centre"
    if volume.mask.ndim > 1:
        center = "{} x {} samples at the centre".format(*_central_square(volume.mask))
    return f"undersampled {acceleration:.2f}x, {center}{separate}"


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
