"""Where reconstructed images go: which formats, under which names, and whether they are there already."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np

from recon.data.errors import InputError, did_you_mean
from recon.data.extras import extra
from recon.data.formats.fastmri import write_reconstruction
from recon.data.images import WARNING
from recon.data.images.placement import Stack, stack
from recon.data.images.png import write_png
from recon.data.open import result_name
from recon.data.storage.atomic import atomic_path
from recon.data.storage.hdf5 import holds, open_hdf5
from recon.experiments.engine.job import Job, Result


class ImageFormat(StrEnum):
    """What images are written as."""

    H5 = "h5"
    NIFTI = "nifti"
    DICOM = "dicom"
    PNG = "png"


ENDINGS = {
    ".h5": ImageFormat.H5,
    ".hdf5": ImageFormat.H5,
    ".nii.gz": ImageFormat.NIFTI,
    ".nii": ImageFormat.NIFTI,
    ".dcm": ImageFormat.DICOM,
    ".png": ImageFormat.PNG,
}

UNCERTAINTY = "_uncertainty"
"""Appended to the names of maps of uncertainty."""

ONE_IMAGE = {ImageFormat.DICOM: ".dcm", ImageFormat.PNG: ".png"}
"""Formats of which a file holds one image only."""


@dataclass(frozen=True)
class Destination:
    """A folder for any number of volumes, or one file for one volume.

    In a folder, the volume `scan` becomes `scan.h5`, `scan.nii.gz`, `scan_dicom/0001.dcm`, `scan_png/0001.png`;
    all but the first have `scan.json` beside them, which says how they were made. Maps of uncertainty lie beside the
    images, their names end in `_uncertainty`; in HDF5 they are a data set.

    Attributes
    ----------
    folder
        Where the files lie.
    formats
        What to write.
    file
        Name of the only file; None to name files after the raw data.
    """

    folder: Path
    formats: tuple[ImageFormat, ...]
    file: str | None = None

    def __str__(self) -> str:
        return str(self.folder / (self.file or ""))

    def check(self, inputs: Sequence[Path]) -> None:
        """Refuse what would lose something: more than one volume for one file, or raw data in an image's place.

        Raises
        ------
        InputError
            If there are more, the names of two volumes differ in their ending only, or an HDF5 file to write is there
            already and holds no reconstruction.
        """
        if ImageFormat.H5 in self.formats:
            for path in inputs:
                _check_replaceable(self.path(path, ImageFormat.H5))
        if self.file is not None and len(inputs) > 1:
            raise InputError(f"{self}: is one file for {len(inputs)} inputs; name a folder, and --format")
        if self.formats != (ImageFormat.H5,):
            seen: dict[str, Path] = {}
            for path in inputs:
                other = seen.setdefault(split_ending(path.name)[0], path)
                if other is not path:
                    raise InputError(
                        f"{path}: differs from {other.name} in its ending only; give them in separate runs"
                    )

    def path(self, source: Path, kind: ImageFormat, what: str = "") -> Path:
        """Name the file of one format, or the folder where each image is a file; `what` is appended to the stem."""
        if self.file is not None:
            stem, _ = split_ending(self.file)
            return self.folder / f"{stem}{what}{self.file.removeprefix(stem)}"
        stem, _ = split_ending(source.name)
        if kind is ImageFormat.H5:
            return self.folder / result_name(source)
        return self.folder / (f"{stem}{what}.nii.gz" if kind is ImageFormat.NIFTI else f"{stem}{what}_{kind}")

    def missing(self, job: Job) -> list[ImageFormat]:
        """List the formats that were not written yet under the job's protocol."""
        there = self._read_sidecar(job.volume.path)
        same = there.get("protocol") == json.loads(json.dumps(job.protocol))
        files = there.get("files", {}) if same else {}
        return [kind for kind in self.formats if not self._is_there(job, kind, files.get(kind))]

    def write(self, job: Job, result: Result, formats: Sequence[ImageFormat]) -> None:
        """Write a result; each file appears whole or not at all.

        Raises
        ------
        InputError
            If a format cannot tell where the slices lie, or the file holds one image and there are more.
        """
        volume = job.volume
        numbers = [volume.number(index) for index in range(len(volume))]
        images = stack(result.images, volume.header, volume.shape[2:], numbers, job.name)
        stacks = {"": images}
        if result.uncertainty is not None:
            stacks[UNCERTAINTY] = replace(images, images=result.uncertainty)
        files: dict[str, list[str]] = {}
        if ImageFormat.H5 in formats:
            job.keep(result)
        for kind in formats:
            if kind is not ImageFormat.H5:
                written = [
                    path
                    for what, shown in stacks.items()
                    for path in write_images(self.path(volume.path, kind, what), kind, shown)
                ]
                files[kind] = [str(path.relative_to(self.folder)) for path in written]
        if files:
            self._write_sidecar(job, result, files)

    def deliver(self, source: Path, images: Stack) -> None:
        """Write images of which nothing else is known; each file appears whole or not at all.

        Raises
        ------
        InputError
            As `write`.
        """
        for kind in self.formats:
            if kind is ImageFormat.H5:
                magnitudes = np.abs(images.images).astype(np.float32)
                write_reconstruction(self.path(source, kind), magnitudes, use=WARNING)
            else:
                write_images(self.path(source, kind), kind, images)

    def _is_there(self, job: Job, kind: ImageFormat, files: list[str] | None) -> bool:
        if kind is ImageFormat.H5:
            return job.stored() is not None
        return files is not None and all((self.folder / name).is_file() for name in files)

    def _sidecar(self, source: Path) -> Path:
        return self.folder / f"{split_ending(self.file or source.name)[0]}.json"

    def _read_sidecar(self, source: Path) -> dict[str, Any]:
        try:
            found = json.loads(self._sidecar(source).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _write_sidecar(self, job: Job, result: Result, files: dict[str, list[str]]) -> None:
        before = self._read_sidecar(job.volume.path)
        protocol = json.loads(json.dumps(job.protocol))
        if before.get("protocol") == protocol:
            files = before.get("files", {}) | files
        said = {"protocol": protocol, "seconds": result.seconds, "files": files, "use": WARNING}
        with atomic_path(self._sidecar(job.volume.path)) as temporary:
            temporary.write_text(json.dumps(said, indent=2), encoding="utf-8")


def parse_destination(output: Path, formats: str | None) -> Destination:
    """Tell from the name of the output and the formats asked for what to write where.

    Raises
    ------
    InputError
        If a format is unknown, the name of a file says another, or the extra that writes it is not installed.
    """
    asked = tuple(dict.fromkeys(_format(word) for word in map(str.strip, (formats or "").split(",")) if word))
    _, ending = split_ending(output.name)
    if ending not in ENDINGS or output.is_dir():
        destination = Destination(output, asked or (ImageFormat.H5,))
    elif asked and asked != (ENDINGS[ending],):
        raise InputError(f"{output}: the name says {ENDINGS[ending]}, --format says {formats}; name a folder")
    else:
        destination = Destination(output.parent, (ENDINGS[ending],), output.name)
    for kind in destination.formats:  # before anything is reconstructed
        _writer(kind)
    return destination


def split_ending(name: str) -> tuple[str, str]:
    """Split a file's name into stem and ending, `.nii.gz` in one piece."""
    ending = next((ending for ending in ENDINGS if name.lower().endswith(ending)), Path(name).suffix)
    return name[: len(name) - len(ending)], ending.lower()


def write_images(path: Path, kind: ImageFormat, images: Stack) -> list[Path]:
    """Write images as NIfTI, or as DICOM or PNG: into a folder, or if the path has an ending, one image to a file.

    Returns
    -------
    list[Path]
        What was written.

    Raises
    ------
    InputError
        If the images do not fit the format.
    """
    if not np.isfinite(images.images).all():
        raise InputError(f"{path}: the images hold NaN or Inf, which {kind} cannot show")
    write = _writer(kind)
    if kind is ImageFormat.NIFTI:
        return write(path, images)
    ending = ONE_IMAGE[kind]
    count = len(images.images)
    if path.suffix.lower() == ending:
        if count > 1:
            raise InputError(
                f"{path}: is one image, and there are {count} slices; name a folder, and --format {kind}"
            )
        paths = [path]
    else:
        for old in path.glob(f"[0-9][0-9][0-9][0-9]{ending}"):  # of an earlier run: a folder is read as one series
            old.unlink()
        paths = [path / f"{number + 1:04d}{ending}" for number in range(count)]
    write(paths, images)
    return paths


def _writer(kind: ImageFormat) -> Callable[..., Any]:
    """Import what writes a format; two of the formats are an extra."""
    with extra("images", f"writing {kind}"):
        if kind is ImageFormat.DICOM:
            from recon.data.images.dicom import write_dicom  # noqa: PLC0415

            return write_dicom
        if kind is ImageFormat.NIFTI:
            from recon.data.images.nifti import write_nifti  # noqa: PLC0415

            return write_nifti
    return write_png if kind is ImageFormat.PNG else write_reconstruction


def _check_replaceable(path: Path) -> None:
    if not path.exists():
        return
    with open_hdf5(path) as file:
        if not holds(file, "reconstruction"):
            raise InputError(f"{path}: is there already and holds no reconstruction; give another --output")


def _format(word: str) -> ImageFormat:
    try:
        return ImageFormat(word)
    except ValueError as error:
        raise InputError(
            f"unknown format {word!r}{did_you_mean(word, [str(kind) for kind in ImageFormat])}"
        ) from error
