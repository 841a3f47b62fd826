"""`recon convert`: raw data from one file format to another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from recon.coils import rss
from recon.crop import center_crop
from recon.data.errors import InputError, did_you_mean
from recon.data.formats.numpy import open_npy, open_npz
from recon.data.formats.whole_scan import WholeScan
from recon.data.open import FORMATS, NPY, NPZ, Format, Volume, open_volume, recognise
from recon.experiments.console import console, errors
from recon.fourier import ifft

WORDS = {
    "header": "the header",
    "calibration": "the separate calibration lines",
    "noise": "the noise scan",
    "target": "the reference images",
}


def convert(source: Path, output: Path, to: str | None = None, axes: str | None = None) -> None:
    """Write a raw-data file in another format; samples stay as they are, bit for bit.

    A fully sampled scan gets the reference images that fastMRI's files have, if it has none.

    Parameters
    ----------
    source
        File of any known format.
    output
        File to write; its suffix says the format if `to` does not.
    to
        Name of the format.
    axes
        The order of the axes of NumPy's files, for example "readout phase coils slices".

    Raises
    ------
    InputError
        If the file cannot be read, or the format has no place for what it holds.
    """
    if output.exists() and output.samefile(source):
        raise InputError(f"{output}: is the file to read; give another name to write to")
    chosen = _format(output, to)
    if chosen.write is None:
        raise InputError(f"the format {chosen.name} is only read, not written")
    contents = WholeScan.of(_open(source, axes))
    if "target" in chosen.keeps and contents.target is None and contents.mask is None:
        contents = _with_target(contents)
    chosen.write(output, contents)
    lost = [
        words for name, words in WORDS.items() if getattr(contents, name) is not None and name not in chosen.keeps
    ]
    if lost:
        errors.print(
            f"{output}: the format {chosen.name} has no place for {', '.join(lost)} of {source.name}",
            style="yellow",
            markup=False,
            soft_wrap=True,
        )
    slices, coils, readout, phase = contents.kspace.shape
    console.print(
        f"{output}: {chosen.name}, {slices} slices, {coils} coils, {readout} x {phase}", markup=False, soft_wrap=True
    )


def _format(output: Path, to: str | None) -> Format:
    if to is not None:
        by_name = {known.name.lower(): known for known in FORMATS}
        if to.lower() not in by_name:
            raise InputError(f"unknown format {to!r}{did_you_mean(to.lower(), by_name)}")
        return by_name[to.lower()]
    for known in FORMATS:
        if output.suffix.lower() in known.suffixes:
            return known
    listed = ", ".join(f"{known.suffixes[0]} ({known.name})" for known in FORMATS if known.write)
    raise InputError(f"{output}: the suffix names no format; give one of {listed}, or --to")


def _open(source: Path, axes: str | None) -> Volume:
    if axes is None:
        return open_volume(source)
    found = recognise(source)
    if found is NPY:
        return open_npy(source, axes)
    if found is NPZ:
        return open_npz(source, axes)
    raise InputError(f"{source}: is {found.name}, which has its own order of axes; --axes is for npy and npz")


def _with_target(contents: WholeScan) -> WholeScan:
    """Add the root sum of squares of the fully sampled coil images, cropped."""
    _, _, readout, phase = contents.kspace.shape
    crop = min(contents.header.crop[0], readout), min(contents.header.crop[1], phase)
    images = torch.stack([center_crop(rss(ifft(torch.from_numpy(slice_))), crop) for slice_ in contents.kspace])
    return replace(contents, target=images.numpy())
