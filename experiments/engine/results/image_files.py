"""Decides which files hold the images of a scan, writes them, and finds those that are written already."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from recon.data.errors import InputError
from recon.data.formats.fastmri.layout import write_reconstruction
from recon.data.images import WARNING
from recon.data.images.placement import Stack, stack
from recon.data.images.square_pixels import as_scanner
from recon.data.open import parts_of, result_name
from recon.data.storage.atomic import check_writable, clean_parts
from recon.experiments.engine.results.image_formats import (
    ENDINGS,
    ONE_FILE,
    ONE_IMAGE,
    ImageFormat,
    image_paths,
    is_file,
    numbered_files,
    parse_format,
    split_ending,
    write_images,
    writer_of,
)
from recon.experiments.engine.results.image_record import ImageRecord, read_record
from recon.experiments.engine.results.store import StoredResult, check_replaceable
from recon.experiments.engine.run import Result


@dataclass(frozen=True)
class ImageFiles:
    """The files to which images are written: in a folder for any number of volumes, or one file for one volume.

    In a folder, the volume `scan` becomes `scan.h5`, `scan.nii.gz`, `scan_dicom/0001.dcm`, `scan.dcm` (enhanced
    DICOM), `scan_png/0001.png`.
    Except for HDF5, `scan.json` beside them records how they were made, and what each file contains. Maps lie beside
    the images as files whose stems end in the map's name, as `scan_uncertainty.nii.gz` or `scan_noise.nii.gz`; in
    HDF5 they are data sets.

    Attributes
    ----------
    folder
        Folder of the files.
    formats
        Formats to write.
    file
        Name of the only file; None to name files after the raw data.
    overwrite
        Whether files that this program has not written may be replaced, unless they are inputs.
    """

    folder: Path
    formats: tuple[ImageFormat, ...]
    file: str | None = None
    overwrite: bool = False

    def __str__(self) -> str:
        return str(self.folder / (self.file or ""))

    def check(self, inputs: Sequence[Path], maps: Sequence[str] = ()) -> None:
        """Refuse inputs whose images would overwrite each other, raw data, or files of other programs.

        Temporary files of killed runs are removed.

        Parameters
        ----------
        inputs
            Raw-data files.
        maps
            Names of the maps to write beside the images.

        Raises
        ------
        InputError
            If several inputs would go to one file, the names of two inputs differ in their ending only, a file to
            write is an input, or it exists already and this program has not written it.
        """
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
        check_writable(self.folder)
        raw = {part.resolve() for source in inputs for part in parts_of(source)}
        for source in inputs:
            self._clean(source)
            record = self._record(source)
            for kind, path in self._existing(source, maps):
                if kind is ImageFormat.H5 and not self.overwrite:
                    check_replaceable(path)
                elif path.resolve() in raw:
                    raise InputError(f"{path}: is raw data of this run; give another --output")
                elif not self.overwrite and not record.owns(path):
                    raise InputError(
                        f"{path}: exists already and was not written by this program; "
                        "give another --output, or --overwrite"
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
        ending = ONE_FILE.get(kind, f"_{kind}")
        return self.folder / f"{stem}{suffix}{ending}"

    def missing(self, stored: StoredResult) -> list[ImageFormat]:
        """Return the formats in which a result has not been written yet under its protocol."""
        record, count = self._record(stored.scan.volume.path), len(stored.scan)
        missing = []
        for kind in self.formats:
            if kind is ImageFormat.H5:
                written = stored.load() is not None
            else:
                written = record.is_complete(stored.protocol, self._files(stored, kind, count))
            if not written:
                missing.append(kind)
        return missing

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
        if ImageFormat.H5 in formats:
            stored.save(result)
        others = [kind for kind in formats if kind is not ImageFormat.H5]
        files = {kind: self._files(stored, kind, len(result.images)) for kind in others}
        if others:
            record = self._record(volume.path)
            record.begin(stored.protocol, result.seconds, chain.from_iterable(files.values()))
        for kind in others:
            for suffix, shown in stacks.items():
                write_images(self.path(volume.path, kind, suffix), kind, shown)
            record.finish(files[kind])

    def write_stack(self, source: Path, images: Stack) -> None:
        """Write images without a protocol, each file whole or not at all.

        Raises
        ------
        InputError
            For the reasons of `write`.
        """
        for kind in self.formats:
            path = self.path(source, kind)
            if kind is ImageFormat.H5:
                magnitudes = np.abs(images.images).astype(np.float32)
                write_reconstruction(path, magnitudes, use=WARNING)
                continue
            files = image_paths(path, kind, len(images.images), np.iscomplexobj(images.images))
            record = self._record(source)
            record.begin(None, None, files)
            record.finish(write_images(path, kind, images))

    def _files(self, stored: StoredResult, kind: ImageFormat, count: int) -> list[Path]:
        """List the files of all images and maps of a result in one format."""
        suffixes = ("", *(f"_{name}" for name in stored.runner.map_names))
        paths = [self.path(stored.scan.volume.path, kind, suffix) for suffix in suffixes]
        return [file for path in paths for file in image_paths(path, kind, count)]

    def _clean(self, source: Path) -> None:
        """Remove temporary files of killed runs, which may have written other formats."""
        for folder in (self.folder, *(self.path(source, kind) for kind in ONE_IMAGE)):
            clean_parts(folder)

    def _existing(self, source: Path, maps: Sequence[str]) -> Iterator[tuple[ImageFormat, Path]]:
        """List the files that exist and may be replaced."""
        for kind in self.formats:
            for suffix in ("", *(f"_{name}" for name in maps)):
                path = self.path(source, kind, suffix)
                if kind in ONE_IMAGE and not is_file(path, kind):
                    files = numbered_files(path, kind)
                else:
                    files = image_paths(path, kind, 1) + image_paths(path, kind, 1, is_complex=True)
                yield from ((kind, file) for file in dict.fromkeys(files) if os.path.lexists(file))

    def _record_path(self, source: Path) -> Path:
        return self.folder / f"{split_ending(self.file or source.name)[0]}.json"

    def _record(self, source: Path) -> ImageRecord:
        path = self._record_path(source)
        if self.formats == (ImageFormat.H5,):
            return ImageRecord(path)
        try:
            return read_record(path)
        except InputError:
            if not self.overwrite:
                raise
            return ImageRecord(path)


def parse_image_files(output: Path, formats: str | None, overwrite: bool = False) -> ImageFiles:
    """Read where to write images, and in which formats, from the options of a command.

    Parameters
    ----------
    output
        A folder, or a file whose ending names the format.
    formats
        Comma-separated formats; None for that of the file, or for HDF5 in a folder.
    overwrite
        Whether files that this program has not written may be replaced.

    Raises
    ------
    InputError
        If a format is unknown or contradicts the ending of the file, or the extra that writes it is not installed.
    """
    asked = tuple(dict.fromkeys(parse_format(word) for word in map(str.strip, (formats or "").split(",")) if word))
    _, ending = split_ending(output.name)
    if ending not in ENDINGS or output.is_dir():
        files = ImageFiles(output, asked or (ImageFormat.H5,), None, overwrite)
    elif asked and asked != (ENDINGS[ending],) and (asked, ending) != ((ImageFormat.ENHANCED_DICOM,), ".dcm"):
        raise InputError(f"{output}: the name says {ENDINGS[ending]}, --format says {formats}; name a folder")
    else:
        files = ImageFiles(output.parent, asked or (ENDINGS[ending],), output.name, overwrite)
    for kind in files.formats:  # before anything is reconstructed
        writer_of(kind)
    return files
