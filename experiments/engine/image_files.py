"""Write reconstructed images in the formats asked for, and tell which of them have been written before."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
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
from recon.data.images.square_pixels import as_scanner
from recon.data.open import result_name
from recon.data.storage.atomic import atomic_path
from recon.data.storage.hdf5 import holds, open_hdf5
from recon.experiments.engine.run import Result
from recon.experiments.engine.store import StoredResult


class ImageFormat(StrEnum):
    """File format of images."""

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

ONE_IMAGE = {ImageFormat.DICOM: ".dcm", ImageFormat.PNG: ".png"}
"""Formats whose files hold a single image."""


@dataclass(frozen=True)
class ImageFiles:
    """The files to which images are written: in a folder for any number of volumes, or one file for one volume.

    In a folder, the volume `scan` becomes `scan.h5`, `scan.nii.gz`, `scan_dicom/0001.dcm`, `scan_png/0001.png`.
    Except for HDF5, `scan.json` beside them records how they were made. Maps lie beside the images as files whose
    stems end in the map's name, as `scan_uncertainty.nii.gz` or `scan_noise.nii.gz`; in HDF5 they are data sets.

    Attributes
    ----------
    folder
        Folder of the files.
    formats
        Formats to write.
    file
        Name of the only file; None to name files after the raw data.
    """

    folder: Path
    formats: tuple[ImageFormat, ...]
    file: str | None = None

    def __str__(self) -> str:
        return str(self.folder / (self.file or ""))

    def check(self, inputs: Sequence[Path]) -> None:
        """Refuse inputs whose images would overwrite each other or raw data.

        Raises
        ------
        InputError
            If several inputs would go to one file, the names of two inputs differ in their ending only, or an HDF5
            file to write exists already and holds no reconstruction.
        """
        if ImageFormat.H5 in self.formats:
            for path in inputs:
                _check_replaceable(self.path(path, ImageFormat.H5))
        if self.file is not None and len(inputs) > 1:
            raise InputError(f"{self}: is one file for {len(inputs)} inputs; name a folder, and --format")
        if self.formats != (ImageFormat.H5,):
            by_stem: dict[str, Path] = {}
            for path in inputs:
                other = by_stem.setdefault(split_ending(path.name)[0], path)
                if other is not path:
                    raise InputError(
                        f"{path}: differs from {other.name} in its ending only; give them in separate runs"
                    )

    def path(self, source: Path, kind: ImageFormat, suffix: str = "") -> Path:
        """Return the path of the images of a raw-data file in one format.

        Parameters
        ----------
        source
            Raw-data file.
        kind
            Format of the images.
        suffix
            Text to append to the stem of the name.

        Returns
        -------
        Path
            A file, or for a format of single images the folder of those files.
        """
        if self.file is not None:
            stem, _ = split_ending(self.file)
            return self.folder / f"{stem}{suffix}{self.file.removeprefix(stem)}"
        stem, _ = split_ending(source.name)
        if kind is ImageFormat.H5:
            return self.folder / result_name(source)
        return self.folder / (f"{stem}{suffix}.nii.gz" if kind is ImageFormat.NIFTI else f"{stem}{suffix}_{kind}")

    def missing(self, stored: StoredResult) -> list[ImageFormat]:
        """Return the formats in which a result has not been written yet under its protocol."""
        sidecar = self.read_record(stored.scan.volume.path)
        same = sidecar.get("protocol") == json.loads(json.dumps(stored.protocol))
        files = sidecar.get("files", {}) if same else {}
        return [kind for kind in self.formats if not self._is_written(stored, kind, files.get(kind))]

    def write(self, stored: StoredResult, result: Result, formats: Sequence[ImageFormat]) -> None:
        """Write a result in some formats, each file whole or not at all.

        Raises
        ------
        InputError
            If the images do not fit a format, or there are several for a file that holds a single one.
        """
        volume = stored.scan.volume
        numbers = [volume.number(index) for index in range(len(volume))]
        pictures = {"": result.images} | {f"_{name}": values for name, values in result.maps.items()}
        stacks = {
            suffix: stack(*as_scanner(values, volume.header, volume.shape[2:]), numbers, stored.runner.name)
            for suffix, values in pictures.items()
        }
        files: dict[str, list[str]] = {}
        if ImageFormat.H5 in formats:
            stored.save(result)
        for kind in formats:
            if kind is not ImageFormat.H5:
                written = [
                    path
                    for suffix, shown in stacks.items()
                    for path in write_images(self.path(volume.path, kind, suffix), kind, shown)
                ]
                files[kind] = [str(path.relative_to(self.folder)) for path in written]
        if files:
            self._write_sidecar(stored, result, files)

    def write_stack(self, source: Path, images: Stack) -> None:
        """Write images without a protocol, each file whole or not at all.

        Raises
        ------
        InputError
            For the reasons of `write`.
        """
        for kind in self.formats:
            if kind is ImageFormat.H5:
                magnitudes = np.abs(images.images).astype(np.float32)
                write_reconstruction(self.path(source, kind), magnitudes, use=WARNING)
            else:
                write_images(self.path(source, kind), kind, images)

    def _is_written(self, stored: StoredResult, kind: ImageFormat, files: list[str] | None) -> bool:
        if kind is ImageFormat.H5:
            return stored.load() is not None
        return files is not None and all((self.folder / name).is_file() for name in files)

    def _sidecar(self, source: Path) -> Path:
        return self.folder / f"{split_ending(self.file or source.name)[0]}.json"

    def read_record(self, source: Path) -> dict[str, Any]:
        """Return the record of earlier images; it is empty if it is missing, damaged or not of this program."""
        try:
            content = json.loads(self._sidecar(source).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return {}
        files = content.get("files") if isinstance(content, dict) else None
        lists = files.values() if isinstance(files, dict) else [None]
        valid = all(isinstance(names, list) and all(isinstance(name, str) for name in names) for names in lists)
        return content if valid else {}

    def _write_sidecar(self, stored: StoredResult, result: Result, files: dict[str, list[str]]) -> None:
        source = stored.scan.volume.path
        before = self.read_record(source)
        protocol = json.loads(json.dumps(stored.protocol))
        if before.get("protocol") == protocol:
            files = before.get("files", {}) | files
        content = {"protocol": protocol, "seconds": result.seconds, "files": files, "use": WARNING}
        with atomic_path(self._sidecar(source)) as temporary:
            temporary.write_text(json.dumps(content, indent=2), encoding="utf-8")


def parse_image_files(output: Path, formats: str | None) -> ImageFiles:
    """Read where to write images, and in which formats, from the options of a command.

    Parameters
    ----------
    output
        A folder, or a file whose ending names the format.
    formats
        Comma-separated formats; None for that of the file, or for HDF5 in a folder.

    Raises
    ------
    InputError
        If a format is unknown or contradicts the ending of the file, or the extra that writes it is not installed.
    """
    asked = tuple(dict.fromkeys(_format(word) for word in map(str.strip, (formats or "").split(",")) if word))
    _, ending = split_ending(output.name)
    if ending not in ENDINGS or output.is_dir():
        files = ImageFiles(output, asked or (ImageFormat.H5,))
    elif asked and asked != (ENDINGS[ending],):
        raise InputError(f"{output}: the name says {ENDINGS[ending]}, --format says {formats}; name a folder")
    else:
        files = ImageFiles(output.parent, (ENDINGS[ending],), output.name)
    for kind in files.formats:  # before anything is reconstructed
        _writer(kind)
    return files


def split_ending(name: str) -> tuple[str, str]:
    """Split a file's name into stem and ending, with `.nii.gz` in one piece."""
    ending = next((ending for ending in ENDINGS if name.lower().endswith(ending)), Path(name).suffix)
    return name[: len(name) - len(ending)], ending.lower()


def write_images(path: Path, kind: ImageFormat, images: Stack) -> list[Path]:
    """Write images as NIfTI, DICOM or PNG.

    Parameters
    ----------
    path
        A file; or for DICOM and PNG a folder, in which every image becomes a file.
    kind
        Format of the images.
    images
        Images and their place in the patient.

    Returns
    -------
    list of Path
        Files that were written.

    Raises
    ------
    InputError
        If the images do not fit the format, or there are several for one file of DICOM or PNG.
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
            raise InputError(f"{path}: can hold only one of the {count} slices; name a folder, and --format {kind}")
        paths = [path]
    else:
        for old in path.glob(f"[0-9][0-9][0-9][0-9]{ending}"):  # a folder is read as one series
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
            raise InputError(f"{path}: exists already and holds no reconstruction; give another --output")


def _format(word: str) -> ImageFormat:
    try:
        return ImageFormat(word)
    except ValueError as error:
        raise InputError(f"unknown format {word!r}{did_you_mean(word, map(str, ImageFormat))}") from error
