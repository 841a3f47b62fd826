"""Run `recon denoise`: improve images without raw data by a post-processing stage."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from recon.data.errors import InputError
from recon.data.images.derived.series import Images, Series, find_series, open_series
from recon.data.storage.atomic import check_writable
from recon.experiments.console import Problems, log, progress, say
from recon.experiments.engine.run import check_finite
from recon.postprocessing.stage import Stage
from recon.quality.image_noise import image_noise
from recon.quality.interpolation import measured_size, resample


def denoise(
    inputs: list[Path], stage: Stage, output: Path, device: torch.device, overwrite: bool = False
) -> list[Path]:
    """Improve magnitude images, and write them in the format of their file.

    Parameters
    ----------
    inputs
        DICOM, NIfTI and HDF5 files, or folders of them.
    stage
        The stage; the noise is estimated from each image.
    output
        A folder, in which files keep their names; or, for one input, a file.
    device
        Device to compute on.
    overwrite
        Whether existing files may be replaced; inputs never are.

    Returns
    -------
    list of Path
        Files that were written.

    Raises
    ------
    InputError
        If a file to write exists already or is an input, or two inputs share a name.
    SystemExit
        At the end, if a file could not be read or improved.
    """
    if not stage.takes_magnitude:
        raise InputError(f"{stage.name} needs the raw data, so it cannot improve images alone")
    paths = find_series(inputs)
    targets = _targets(paths, output, overwrite)
    problems, written = Problems(), []
    note = f"{stage.name} {', '.join(f'{key} {value}' for key, value in stage.settings().items())}"
    with progress() as bar:
        task = bar.add_task("denoise", total=len(paths))
        for path, target in zip(paths, targets, strict=True):
            with problems.collect():
                started = time.monotonic()
                series = open_series(path)
                series.write(target, _improve(series, stage, device), note)
                written.append(target)
                log(f"{path.name}: {len(series.images)} images in {time.monotonic() - started:.1f} s")
            bar.advance(task)
    if written:
        say(f"images: {output}{problems.remark}")
    problems.exit()
    return written


def _improve(series: Series, stage: Stage, device: torch.device) -> Images:
    """Apply a stage to every image."""
    improved = np.empty_like(series.images)
    for number, image in enumerate(series.images):
        where = f"{series.path}: image {number}"
        values = torch.from_numpy(np.ascontiguousarray(image)).to(device)
        check_finite(values, where)
        result = _at_measured_size(values, series.measured or measured_size(values), stage)
        check_finite(result, f"{where} behind {stage.name}")
        improved[number] = result.cpu().numpy()
    return improved


def _at_measured_size(image: Tensor, size: tuple[int, int], stage: Stage) -> Tensor:
    """Improve an image at its measured size, where its noise is white, and add the interpolated change to it."""
    if size == image.shape:
        return stage.magnitude(image, image_noise(image))
    small = resample(image, size)
    change = stage.magnitude(small, image_noise(small)) - small
    return (image + resample(change, (image.shape[0], image.shape[1]))).clamp(min=0)


def _targets(paths: list[Path], output: Path, overwrite: bool) -> list[Path]:
    """Return the file to write for each input."""
    one_file = len(paths) == 1 and output.suffix != "" and not output.is_dir()
    check_writable(output.parent if one_file else output)
    targets = [output] if one_file else [output / path.name for path in paths]
    if len(set(targets)) < len(targets):
        raise InputError(f"{output}: several inputs have the same name; give them in separate runs")
    sources = {path.resolve() for path in paths}
    for target in targets:
        if target.resolve() in sources:
            raise InputError(f"{target}: is an input of this run; give another --output")
        if target.exists() and not overwrite:
            raise InputError(f"{target}: exists already; give another --output, or --overwrite")
    return targets
