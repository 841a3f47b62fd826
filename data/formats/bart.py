"""Reads and writes BART's file pairs: dimensions as text in NAME.hdr, complex64 samples in NAME.cfl.

The first dimension varies fastest. Cartesian scans can be read: readout, phase 1 and phase 2, coils and slices, also
echoes, times and averages, each of which becomes an image of its own. A 3-D scan is transformed along its readout,
whose positions become images. With a readout of size 1 that was done before, and the image plane is that of the two
phase axes. Sets of maps and other dimensions are refused.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recon.data.acquisition import Acquisition, Header
from recon.data.errors import InputError, warn_of_input
from recon.data.formats.format import Format
from recon.data.formats.header.text import header_as_text, header_from_text
from recon.data.formats.hybrid import HybridSpace, image_of_readout, thinnest_mask
from recon.data.formats.unread import FULL_READOUT, GRID_FIRST
from recon.data.formats.whole_scan import WholeScan
from recon.data.masks.measured import check_center, measured_mask, prospective_mask
from recon.data.series import array_counts, counted_frames
from recon.data.storage.atomic import atomic_path
from recon.data.storage.finite import check_finite
from recon.data.storage.limits import check_header, check_size
from recon.data.volume import VolumeWithoutTarget

READOUT, PHASE, PHASE_2, COILS, ECHO, TIME, SLICE, AVERAGE = 0, 1, 2, 3, 5, 10, 13, 14
IMAGES = (AVERAGE, TIME, ECHO, SLICE)
"""Dimensions that number the images, the slowest first."""

DIMENSIONS = 16
NAMES = {4: "maps"}

PARTITIONS = 16
"""Number of partitions of a coil that are transformed at a time."""

FLATTEST = 4
"""Smallest ratio of the strongest Cartesian line's energy to the median; about 1 in radial scans, 100 in others."""

LARGEST_GLANCE = 2**20
"""Number of values that are looked at to see whether all are real."""

MOST_GAPS = 0.01
"""Largest share of zeros between the first and the last sample of readouts, which may be zero by chance."""

TRAJECTORY = 3
"""First dimension of BART's trajectories: the coordinates of a sample."""

Sizes = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class BartVolume(VolumeWithoutTarget):
    """An opened pair of files.

    Attributes
    ----------
    path
        Path of the `.cfl` file.
    shape
        `(images, coils, readout, phase)`.
    header
        Header of a file that this project wrote; otherwise only the matrix.
    dimensions
        Sizes of all 16 dimensions.
    """

    path: Path
    shape: tuple[int, int, int, int]
    header: Header
    dimensions: Sizes

    @cached_property
    def mask(self) -> NDArray[np.bool_] | None:
        """Sampling mask of the first image; None if it was fully sampled."""
        return prospective_mask(self._mask(self.kspace(0)), self.header.padding)

    def read(self, index: int) -> Acquisition:
        """Read one image.

        Raises
        ------
        InputError
            If it holds values that are not finite.
        """
        kspace = self.kspace(index)
        return Acquisition.from_numpy(kspace, self._mask(kspace), self.header, name=self.name, slice=index)

    def _mask(self, kspace: NDArray[np.complex64]) -> NDArray[np.bool_]:
        mask = measured_mask(kspace)
        check_center(self.path, mask)
        return mask

    def kspace(self, index: int) -> NDArray[np.complex64]:
        """Read the k-space `(coils, readout, phase)` of one image.

        Raises
        ------
        InputError
            If it holds values that are not finite.
        """
        stored = self._samples(index).reshape(*self.shape[2:], self.dimensions[COILS])
        kspace = np.array(np.moveaxis(stored, -1, 0), np.complex64, order="C")
        check_finite(self.path, kspace, f"k-space of image {index}")
        return kspace

    def _samples(self, image: int) -> NDArray[np.complex64]:
        """Return the samples `(readout, phase 1, phase 2, coils)` of one image in the file, and axes of size 1."""
        samples = np.memmap(self.path, "<c8", "r", shape=self.dimensions, order="F")
        position = dict(zip(IMAGES, np.unravel_index(image, [self.dimensions[axis] for axis in IMAGES]), strict=True))
        chosen: NDArray[np.complex64] = samples[tuple(position.get(axis, slice(None)) for axis in range(DIMENSIONS))]
        return chosen.reshape(chosen.shape[:4])


@dataclass(frozen=True, eq=False)
class BartSlabVolume(BartVolume):
    """An opened pair of files of a 3-D scan; positions along the readout vary fastest among its images.

    Its shape is `(images, coils, first phase encoding, second phase encoding)`.
    """

    _hybrid: HybridSpace = field(default_factory=HybridSpace, init=False, repr=False)

    def read(self, index: int) -> Acquisition:
        """Read one position along the readout; the first one of an image transforms the whole image.

        Raises
        ------
        InputError
            If it holds values that are not finite.
        """
        kspace = self.kspace(index)
        mask = thinnest_mask((kspace != 0).any(axis=0))
        return Acquisition.from_numpy(kspace, mask, self.header, name=self.name, slice=index)

    def _mask(self, kspace: NDArray[np.complex64]) -> NDArray[np.bool_]:
        return thinnest_mask((kspace != 0).any(axis=0))

    def kspace(self, index: int) -> NDArray[np.complex64]:
        """Read the k-space `(coils, first, second phase encoding)` of one position."""
        image, position = divmod(index, self.dimensions[READOUT])
        shape = (self.dimensions[READOUT], *self.shape[1:])
        kspace = np.array(self._hybrid.of(image, shape, lambda out: self._fill(image, out))[position])
        check_finite(self.path, kspace, f"k-space of position {index}")
        return kspace

    def _fill(self, image: int, out: NDArray[np.complex64]) -> None:
        """Transform an image into `out`, `(positions, coils, phase 1, phase 2)`, by coils and partitions.

        Raises
        ------
        InputError
            If there are gaps along the readout.
        """
        chosen = self._samples(image)
        for coil in range(self.shape[1]):
            for first in range(0, self.shape[3], PARTITIONS):
                block = slice(first, first + PARTITIONS)
                if coil == 0:
                    self._check_readout(chosen[:, :, block])
                with np.errstate(over="ignore", invalid="ignore"):  # checked when a position is read
                    out[:, coil, :, block] = image_of_readout(np.array(chosen[:, :, block, coil]), 0, len(out))

    def _check_readout(self, samples: NDArray[np.complex64]) -> None:
        """Refuse gaps of zeros along the readout of samples `(readout, phase 1, phase 2, coils)`."""
        measured = (samples[..., 0] != 0).reshape(len(samples), -1)
        lines = measured[:, measured.any(axis=0)]
        first, last = lines.argmax(axis=0), len(lines) - 1 - lines[::-1].argmax(axis=0)
        gaps = 1 - lines.sum() / max(int((last - first + 1).sum()), 1)
        if gaps > MOST_GAPS:
            raise InputError(f"{self.path}: {gaps:.0%} of the samples along the readout are missing; {FULL_READOUT}")


def open_bart(path: Path) -> BartVolume:
    """Read the header of a pair of files, of which `path` is either one.

    Raises
    ------
    InputError
        If a file is missing, the files contradict each other, or dimensions that cannot be read.
    """
    samples = path.with_suffix(".cfl")
    dimensions, text = _read_header(path.with_suffix(".hdr"))
    for axis, size in enumerate(dimensions):
        if size > 1 and axis not in {READOUT, PHASE, PHASE_2, COILS, *IMAGES}:
            raise InputError(
                f"{path}: dimension {axis}{f' ({NAMES[axis]})' if axis in NAMES else ''} has size {size}; only "
                "readout, phase 1, phase 2, coils, echoes, times, slices and averages can be read"
            )
    check_size(path, "the k-space", dimensions, 8)
    if not samples.is_file():
        raise InputError(f"{samples}: there is no such file beside its header")
    if samples.stat().st_size != 8 * math.prod(dimensions):
        raise InputError(
            f"{samples}: has {samples.stat().st_size} bytes, its header says {8 * math.prod(dimensions)} "
            f"for {' x '.join(map(str, dimensions))}"
        )
    if dimensions[READOUT] == TRAJECTORY and not np.memmap(samples, "<f4", "r")[1:LARGEST_GLANCE:2].any():
        raise InputError(
            f"{samples}: holds real coordinates of samples (a trajectory), not k-space; give the k-space of a "
            f"Cartesian scan; {GRID_FIRST}"
        )
    matrix, positions = _matrix(dimensions)
    averages, times, echoes, slices = (dimensions[axis] for axis in IMAGES)
    images = averages * times * echoes * slices * positions
    plain = Header(
        crop=matrix,
        padding=(0, matrix[1]),
        frames=counted_frames(averages, times, echoes, slices * positions),
        volumetric=matrix == (dimensions[PHASE], dimensions[PHASE_2]) and dimensions[PHASE_2] > 1,
    )
    header = plain if text is None else header_from_text(path, text, matrix, images)
    kind = BartSlabVolume if positions > 1 else BartVolume
    volume = kind(samples, (images, dimensions[COILS], *matrix), header, dimensions)
    if dimensions[PHASE_2] > 1 and positions == 1:
        _doubt_spokes(volume)
    return volume


def write_bart(path: Path, scan: WholeScan) -> None:
    """Write both files; a section that only this project reads holds the header."""
    images, coils, readout, phase = scan.kspace.shape
    dimensions = np.ones(DIMENSIONS, int)
    dimensions[[READOUT, PHASE, COILS]] = readout, phase, coils
    counts = array_counts(scan.header.frames or ()) or (1, 1, 1, images)
    dimensions[list(IMAGES)] = counts
    samples = scan.kspace.reshape(*counts, coils, readout, phase).transpose(
        0, 3, 1, 2, 4, 6, 5
    )  # slices before times
    with atomic_path(path.with_suffix(".cfl")) as temporary:
        np.ascontiguousarray(samples, "<c8").tofile(temporary)
    with atomic_path(path.with_suffix(".hdr")) as temporary:
        numbers, header = " ".join(map(str, dimensions)), header_as_text(scan.header)
        temporary.write_text(f"# Dimensions\n{numbers}\n# Creator\nunrolled-recon\n# Header\n{header}\n")


def samples_of(path: Path) -> Path:
    """Return the file of the samples if `path` is the header of a pair, `path` itself otherwise."""
    samples = path.with_suffix(".cfl")
    return samples if path.suffix.lower() == ".hdr" and samples.is_file() and is_bart(path) else path


def is_bart(path: Path) -> bool:
    """Return whether `path` is one of a pair of files whose header is BART's."""
    header = path.with_suffix(".hdr")
    if path.suffix.lower() not in {".cfl", ".hdr"} or not header.is_file():
        return False
    with header.open("rb") as file:
        return file.read(1) == b"#"


def _matrix(dimensions: Sizes) -> tuple[tuple[int, int], int]:
    """Return the sizes of the image plane, and the number of positions along the readout that are images.

    The plane is that of readout and phase 1; if one has size 1, phase 2 takes its place; if neither has, both phases.
    """
    readout, phase, phase_2 = dimensions[READOUT], dimensions[PHASE], dimensions[PHASE_2]
    if phase_2 == 1:
        return (readout, phase), 1
    if readout > 1 and phase > 1:
        return (phase, phase_2), readout
    return ((phase, phase_2) if readout == 1 else (readout, phase_2)), 1


def _doubt_spokes(volume: BartVolume) -> None:
    """Warn if the lines look like the spokes of a radial scan, which BART stores in the same dimensions."""
    energy = volume.read(0).kspace.abs().square().sum(dim=(0, 1))
    energy = energy[energy > 0]
    if energy.numel() and energy.max() <= FLATTEST * energy.median():
        warn_of_input(
            f"{volume.path}: all lines along phase 2 have similar energy, as the spokes of a radial scan do, not "
            "Cartesian lines; grid a radial scan first, for example by BART's nufft"
        )


def _read_header(path: Path) -> tuple[Sizes, str | None]:
    """Read all 16 dimensions, and the section that this project writes; None if there is none."""
    if not path.is_file():
        raise InputError(f"{path}: there is no such file beside its samples")
    check_header(path, path.stat().st_size)
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    sections = {line[1:].strip(): after for line, after in pairwise(lines) if line.startswith("#")}
    if "Dimensions" not in sections:
        raise InputError(f"{path}: has no section '# Dimensions'")
    words = sections["Dimensions"].split()
    if not 1 <= len(words) <= DIMENSIONS or not all(word.isascii() and word.isdigit() for word in words):
        raise InputError(f"{path}: the dimensions {sections['Dimensions'][:100]!r} are not 1 to 16 whole numbers")
    if any(len(word) > 18 or int(word) < 1 for word in words):
        raise InputError(f"{path}: the dimensions {sections['Dimensions'][:100]!r} are impossible")
    sizes = tuple(map(int, words)) + (1,) * (DIMENSIONS - len(words))
    return sizes, sections.get("Header")


BART = Format("BART", (".cfl",), is_bart, open_bart, write_bart, frozenset({"header"}))
