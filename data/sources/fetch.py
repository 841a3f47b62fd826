"""Fetches a scan, checks that it is the one that is meant, and writes it in fastMRI's layout."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recon.data.acquisition import Header
from recon.data.errors import InputError
from recon.data.extras import extra
from recon.data.formats.fastmri.layout import write_volume
from recon.data.sources.fingerprint import agrees
from recon.data.sources.originals import to_images
from recon.data.sources.table import Source
from recon.data.storage.atomic import atomic_path, check_writable

SECONDS = 30
"""Longest time to wait for an answer of a server."""


def fetch(source: Source, folder: Path, original: Path | None = None) -> Path:
    """Fetch and convert a scan, unless its file is there; write its licence and citation beside it.

    Parameters
    ----------
    source
        The scan.
    folder
        Folder to write to.
    original
        The author's file, if it was downloaded before; None to download it.

    Returns
    -------
    Path
        The file in fastMRI's layout.

    Raises
    ------
    InputError
        If the original cannot be downloaded or read, or does not hold the scan.
    """
    path = folder / source.file
    if path.exists():
        return path
    check_writable(folder)
    write_scan(path, _kspace(source, original), source.contrast)
    with atomic_path(path.with_suffix(".txt")) as temporary:
        temporary.write_text(notice(source), encoding="utf-8")
    return path


def notice(source: Source) -> str:
    """Return licence, citation and origin of a scan in words."""
    return f"{source.about}\nlicence: {source.licence}\ncite: {source.cite}\norigin: {source.urls[0]}\n"


def write_scan(path: Path, kspace: NDArray[np.complexfloating], contrast: str) -> None:
    """Write k-space `(slices, coils, readout, phase)`, divided by its largest magnitude, with its RSS target."""
    kspace = (kspace / np.abs(kspace).max()).astype(np.complex64)
    target = np.sqrt(np.sum(np.abs(to_images(kspace)) ** 2, axis=1)).astype(np.float32)
    matrix = kspace.shape[-2], kspace.shape[-1]
    header = Header(matrix, (0, matrix[1]), contrast=contrast)
    write_volume(path, kspace, header, target, patient_id=path.stem.replace("_", "-"))


def _kspace(source: Source, original: Path | None) -> NDArray[np.complexfloating]:
    """Return the k-space with the known fingerprint, from the given file or the first address that has it."""
    with tempfile.TemporaryDirectory() as folder:
        failures: list[str] = []
        files = [original] if original is not None else _downloads(source, Path(folder), failures)
        for file in files:
            for kspace in source.candidates(file):
                if kspace.shape == source.shape and agrees(kspace, source.fingerprint):
                    return kspace
    if failures:
        raise InputError(f"{failures[0]}; give a copy of the file with --original")
    where = original or source.urls[0]
    raise InputError(
        f"{where}: does not hold the scan that is expected ({source.about}); its authors may have replaced the file"
    )


def _downloads(source: Source, folder: Path, failures: list[str]) -> Iterator[Path]:
    """Download the original from one address after the other, and note what cannot be downloaded."""
    with extra("fetch", "recon fetch"):
        import pooch  # noqa: PLC0415
        from requests import HTTPError, RequestException  # noqa: PLC0415
    pooch.get_logger().setLevel(logging.WARNING)
    downloader = pooch.HTTPDownloader(timeout=SECONDS)
    for number, url in enumerate(source.urls):
        try:
            name = f"{number}_{url.rpartition('/')[2]}"
            yield Path(pooch.retrieve(url, known_hash=None, fname=name, path=folder, downloader=downloader))
        except HTTPError as error:
            failures.append(f"{url}: cannot be downloaded ({str(error).partition(' for url')[0]})")
        except RequestException as error:
            kind = type(error).__name__
            failures.append(f"{url}: cannot be downloaded, because the server cannot be reached ({kind})")
