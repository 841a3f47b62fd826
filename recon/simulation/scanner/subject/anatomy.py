"""Reads magnitude images of real anatomy and coil maps from files, and draws heads of the built-in phantom."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from recon.data.errors import InputError
from recon.data.images.derived.series import is_series, open_series
from recon.simulation.phantom.contrast import draw_protocol
from recon.simulation.phantom.head import head

KEY = "image"
MAPS_KEY = "maps"
SUFFIX = ".npz"

BRIGHTEST = 99.8
"""Percentile of a volume that is scaled to 1; a few pixels stay brighter."""

FEWEST_BRIGHT = 0.05
"""Smallest share of the pixels of a slice that exceed 0.1 after scaling; emptier slices are left out."""

HEAD_MATRIX, HEAD_SLICES = (300, 250), 3


@dataclass(frozen=True, eq=False)
class Anatomy:
    """A volume of magnitude images.

    Attributes
    ----------
    path
        File that holds the volume, or a name for a drawn one.
    image
        Real `(slices, rows, columns)`, in any unit.
    unit
        Brightness that is scaled to 1.
    used
        Indices of the slices that are not empty.
    """

    path: Path
    image: npt.NDArray[np.generic]
    unit: float
    used: tuple[int, ...]

    @property
    def name(self) -> str:
        """Name of the file."""
        return self.path.name

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the volume `(slices, rows, columns)`."""
        return self.image.shape

    def __len__(self) -> int:
        return len(self.used)

    def slice(self, number: int) -> npt.NDArray[np.float32]:
        """Return one of the slices that are not empty, float32 `(rows, columns)`, roughly between 0 and 1."""
        scaled: npt.NDArray[np.float32] = self.image[self.used[number]].astype(np.float32) / np.float32(self.unit)
        return scaled


def load_anatomies(places: Sequence[Path]) -> list[Anatomy]:
    """Read the `image` of every `.npz` file, real `(slices, rows, columns)`, and DICOM, NIfTI and HDF5 images.

    Parameters
    ----------
    places
        Files, and folders of files; of a folder with `.npz` files these alone are read.

    Raises
    ------
    InputError
        If there is no file, or a file holds no such image.
    """
    paths = [path for place in places for path in _files(place) or _series(place)]
    if not paths:
        names = ", ".join(map(str, places))
        raise InputError(f"{names}: holds no {SUFFIX} file with an {KEY!r} to simulate from, and no other images")
    return [
        _anatomy(path, _array(path, KEY) if path.suffix == SUFFIX else open_series(path).images) for path in paths
    ]


def load_maps(places: Sequence[Path]) -> list[npt.NDArray[np.complex64]]:
    """Read measured coil sensitivities: the `maps` of every `.npz` file, complex `(coils, rows, columns)`.

    Raises
    ------
    InputError
        If a file holds no such maps.
    """
    measured = []
    for path in (path for place in places for path in _files(place)):
        maps = _array(path, MAPS_KEY)
        if maps.ndim != 3 or not np.iscomplexobj(maps) or not np.isfinite(maps).all():
            raise InputError(f"{path}: its {MAPS_KEY!r} are not finite complex (coils, rows, columns)")
        measured.append(maps.astype(np.complex64))
    return measured


def draw_heads(count: int, seed: int) -> list[Anatomy]:
    """Draw heads of the built-in phantom, three slices of each; the same seed gives the same heads."""
    heads = []
    for number in range(count):
        rng = np.random.default_rng((seed, number))
        volume = head(HEAD_MATRIX, HEAD_SLICES, draw_protocol(rng), rng).astype(np.float16)
        heads.append(_anatomy(Path(f"head_{number}"), volume))
    return heads


def _files(place: Path) -> list[Path]:
    if not place.exists():
        raise InputError(f"{place}: there is no such file or folder")
    return sorted(place.glob(f"*{SUFFIX}")) if place.is_dir() else [place]


def _series(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.iterdir()) if is_series(path)]


def _array(path: Path, key: str) -> npt.NDArray[np.generic]:
    try:
        with np.load(path, allow_pickle=False) as stored:
            values: npt.NDArray[np.generic] = stored[key]
    except (OSError, ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"{path}: holds no readable array {key!r}") from error
    return values


def _anatomy(path: Path, image: npt.NDArray[np.generic]) -> Anatomy:
    if image.ndim != 3 or image.dtype.kind not in "uif" or not np.isfinite(image.astype(np.float32)).all():
        raise InputError(f"{path}: its {KEY!r} is not finite and real with axes (slices, rows, columns)")
    unit = float(np.percentile(image.astype(np.float32), BRIGHTEST))
    used = tuple(index for index, plane in enumerate(image) if (plane > unit / 10).mean() > FEWEST_BRIGHT)
    if unit <= 0 or not used:
        raise InputError(f"{path}: its {KEY!r} is empty")
    return Anatomy(path, image, unit, used)
