"""Lists real multi-coil scans that anyone may use: where they are, under which licence, and what to cite."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recon.data.sources.originals import coil_images, ismrmrd_scan, matlab_images

Candidates = Callable[[Path], Iterator[NDArray[np.complexfloating]]]


@dataclass(frozen=True)
class Source:
    """A scan, and how its original file becomes a file in fastMRI's layout.

    Attributes
    ----------
    file
        Name of the file that is written; masks are drawn by names, so that the name is part of every score.
    about
        What the scan shows.
    contrast
        Contrast, as fastMRI names it.
    shape
        `(slices, coils, readout, phase)` of the k-space.
    urls
        Addresses of the original, each with the commit; the first whose content is the scan counts.
    megabytes
        Size of the original, roughly.
    licence
        Licence of the repository.
    cite
        What to name wherever the scan or an image of it is shown.
    candidates
        Function that reads the original and returns its k-space, in each way in which it may be stored.
    fingerprint
        Projections of the k-space, see `recon.data.sources.fingerprint`.
    """

    file: str
    about: str
    contrast: str
    shape: tuple[int, int, int, int]
    urls: tuple[str, ...]
    megabytes: float
    licence: str
    cite: str
    candidates: Candidates
    fingerprint: tuple[complex, ...]


def _at(repository: str, commit: str, path: str) -> str:
    return f"https://github.com/{repository}/raw/{commit}/{path}"


SOURCES = {
    "brain-t1": Source(
        file="brain_t1_7ch.h5",
        about="T1 brain, one axial slice, 7 coils, 256 x 216",
        contrast="AXT1",
        shape=(1, 7, 256, 216),
        urls=(
            _at("lab-midas/ismrm-moco-workshop", "efcd153b1236c1c15bf16c25c3f85d3d465a97df", "data/brain_slice.npz"),
        ),
        megabytes=3,
        licence="MIT",
        cite="Cruz, Küstner: Hands-on motion estimation and correction, ISMRM Workshop on Motion Detection and "
        "Correction 2022, github.com/lab-midas/ismrm-moco-workshop",
        candidates=coil_images,
        fingerprint=(0.355364 + 0.060123j, -0.204214 + 0.892943j, -0.444060 + 2.084139j, 0.434587 + 0.601141j),
    ),
    "brain-t2": Source(
        file="brain_t2_4ch.h5",
        about="T2 brain, one axial slice of a turbo spin echo, 4 coils, 256 x 256",
        contrast="AXT2",
        shape=(1, 4, 256, 256),
        urls=(_at("andyschwarzl/gpuNUFFT", "c49e7d6d73a2b8bdd6030e6adc8ff046fb6a7cf6", "matlab/img_brain_4ch.mat"),),
        megabytes=4,
        licence="MIT",
        cite="Knoll, Schwarzl, Diwoky, Sodickson: gpuNUFFT - An Open-Source GPU Library for 3D Gridding with Direct "
        "Matlab Interface, Proc. ISMRM 2014, 4297",
        candidates=matlab_images,
        fingerprint=(-0.508339 + 0.315021j, 0.301242 + 1.275461j, -0.742167 + 0.489234j, 0.301288 + 0.101525j),
    ),
    "fruit": Source(
        file="fruit_8ch.h5",
        about="a fruit and phantoms, 3 slices, 8 coils, 128 x 128",
        contrast="GE_GRE",
        shape=(3, 8, 128, 128),
        urls=tuple(
            _at("ismrmrd/ge_to_ismrmrd", commit, f"sampleData/notebooks/ScanArchive_20190529_{time}_converted.h5")
            for commit, time in (
                ("22fc170c14abdf337e80f51e65479acecd5038f2", "090902358"),
                ("22fc170c14abdf337e80f51e65479acecd5038f2", "090502374"),
                ("21c2e50d80ec0664efbcf2df1ebf265e9cdd0a09", "090622648"),
            )
        ),
        megabytes=4,
        licence="permissive licence of the National Institute of Mental Health, in the repository",
        cite="ge_to_ismrmrd, National Institute of Mental Health, github.com/ismrmrd/ge_to_ismrmrd",
        candidates=ismrmrd_scan,
        fingerprint=(-0.057133 - 0.440442j, 0.608599 - 1.297521j, -0.815128 + 1.376851j, 1.313656 + 2.282610j),
    ),
}
"""All scans by the name that `recon fetch` takes."""
