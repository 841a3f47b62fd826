"""Opens scans, from files or from arrays, and undersamples them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from operator import index as as_index
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from einops import rearrange
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from recon.coils import rss
from recon.crop import center_crop
from recon.data.acquisition import Acquisition, Header
from recon.data.errors import InputError
from recon.data.masks.kind import MaskKind
from recon.data.masks.measured import measured_mask, prospective_mask
from recon.data.masks.sampling import Sampling
from recon.data.open import open_volume
from recon.data.volume import Volume, VolumeWithoutTarget
from recon.experiments.commands.arguments.samplings import parse_sampling
from recon.fourier import ifft
from recon.preprocessing.full_scan import with_target

AXES = ("slices", "coils", "readout", "phase")

NAMELESS = "array"
"""Name of a scan that has none; as the name of a file, it is the seed of the scan's sampling mask."""


@dataclass(frozen=True, eq=False, repr=False)
class Scan:
    """An opened scan: a sequence of slices, each read when it is asked for.

    Attributes
    ----------
    volume
        The opened file or arrays.
    sampling
        Undersampling that is applied to slices when they are read; None for none.
    """

    volume: Volume
    sampling: Sampling | None = None

    @property
    def name(self) -> str:
        """Name of the file without its folder."""
        return self.volume.name

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Shape of the k-space `(slices, coils, readout, phase)`."""
        return self.volume.shape

    @property
    def header(self) -> Header:
        """Matrix, padding, field of view, contrast, geometry."""
        return self.volume.header

    @property
    def target(self) -> NDArray[np.float32] | None:
        """Root-sum-of-squares images of the full k-space `(slices, rows, columns)`; None if unknown."""
        return self.volume.read_target()

    def __len__(self) -> int:
        return len(self.volume)

    def __getitem__(self, index: int) -> Acquisition:
        """Read one slice.

        Raises
        ------
        IndexError
            If the scan has no such slice.
        InputError
            If it cannot be read.
        """
        number = as_index(index)
        if not -len(self) <= number < len(self):
            raise IndexError(f"{self.name}: has no slice {number}, only {len(self)} slices")
        acquisition = self.volume.read(number % len(self))
        return acquisition if self.sampling is None else self.sampling(acquisition)

    def __iter__(self) -> Iterator[Acquisition]:
        return map(self.__getitem__, range(len(self)))

    def __repr__(self) -> str:
        sizes = ", ".join(f"{size} {axis}" for size, axis in zip(self.shape, AXES, strict=True))
        sampling = "" if self.sampling is None else f", {self.sampling.acceleration:g}x {self.sampling.kind}"
        return f"<Scan {self.name}: {sizes}{sampling}>"


ScanOrSlice = TypeVar("ScanOrSlice", Scan, Acquisition)


def open(path: str | Path, *, isolate: bool = False) -> Scan:  # noqa: A001 - called as `recon.open`
    """Open a raw-data file: fastMRI, ISMRMRD, Siemens twix, BART, NumPy.

    Parameters
    ----------
    path
        The file; its content decides on the format, not its name.
    isolate
        Whether to open an HDF5 file in a child process first, so that a damaged file cannot crash or hang this one:
        for files of strangers.

    Raises
    ------
    InputError
        If the file is missing, damaged, or of no known format.
    """
    return Scan(with_target(open_volume(path, isolate=isolate)))


def from_arrays(
    kspace: ArrayLike | Tensor,
    mask: ArrayLike | Tensor | None = None,
    axes: str | None = None,
    *,
    calibration: ArrayLike | Tensor | None = None,
    noise: ArrayLike | Tensor | None = None,
    header: Header | None = None,
    name: str = NAMELESS,
) -> Scan:
    """Make a scan from k-space in memory, NumPy's or torch's.

    Parameters
    ----------
    kspace
        Complex samples of a Cartesian 2-D scan, DC at index `N // 2`, zero where not measured.
    mask
        bool `(phase,)` or `(readout, phase)`, True where measured; None to find out from the zeros in `kspace`.
    axes
        Order of the axes of `kspace` in words, for example "readout phase coils slices". None for the last axes of
        "slices coils readout phase", so that two axes are one coil and three are one slice.
    calibration
        complex `(coils, readout, lines)`, or with slices in front: calibration lines scanned separately.
    noise
        complex `(coils, samples)`: a scan without excitation.
    header
        Size of the image, field of view, geometry; None for an image as large as the matrix.
    name
        Name of the scan, which is the seed of its sampling mask, as that of a file is.

    Returns
    -------
    Scan
        A fully sampled one has the root-sum-of-squares images as its target.

    Raises
    ------
    InputError
        If an array does not have the shape or the type that it should have.
    """
    values = _in_order(_as_complex("kspace", kspace), axes)
    slices, coils, readout, phase = values.shape
    sampled = None if mask is None else _as_mask(mask, (readout, phase))
    scanned = None if calibration is None else _as_complex("calibration", calibration)
    if scanned is not None and scanned.ndim == 3:
        scanned = scanned.expand(slices, *scanned.shape)
    if scanned is not None and (scanned.ndim != 4 or scanned.shape[:3] != values.shape[:3]):
        raise _misfit("calibration", scanned, f"({coils}, {readout}, lines), or with {slices} slices in front")
    silence = None if noise is None else _as_complex("noise", noise)
    if silence is not None and (silence.ndim != 2 or len(silence) != coils):
        raise _misfit("noise", silence, f"({coils}, samples)")
    head = header or Header(crop=(readout, phase), padding=(0, phase))
    if head.geometry is not None and len(head.geometry) != slices:
        raise InputError(f"the header places {len(head.geometry)} slices; kspace has {slices}")
    name = Path(name).name or NAMELESS
    acquisitions = tuple(
        _acquisition(
            values[number], sampled, head, None if scanned is None else scanned[number], silence, name, number
        )
        for number in range(slices)
    )
    return Scan(ArrayVolume(Path(name), (slices, coils, readout, phase), head, acquisitions))


def undersample(
    scan: ScanOrSlice,
    acceleration: float,
    mask: str = MaskKind.EQUISPACED_FRACTION,
    center_fraction: float | None = None,
    seed: int = 0,
) -> ScanOrSlice:
    """Keep only some lines of a fully sampled scan or slice, with fastMRI's masks, as the command does.

    Parameters
    ----------
    scan
        A scan, whose slices are undersampled when they are read, or one slice.
    acceleration
        Number of lines over number of measured lines.
    mask
        How the lines are chosen: random, equispaced, equispaced_fraction or magic.
    center_fraction
        Share of the lines, around DC, that are all measured; None for 0.32 / acceleration.
    seed
        0 for the mask that fastMRI draws for a file of the scan's name; any other number for another mask. A scan
        without a name gets the mask of a file called `array`.

    Raises
    ------
    InputError
        If there is no such mask, or the scan is undersampled already.
    """
    sampling = parse_sampling(mask, float(acceleration), center_fraction, seed)
    known = scan.volume.mask if isinstance(scan, Scan) else prospective_mask(scan.mask, scan.header.padding)
    if known is not None or (isinstance(scan, Scan) and scan.sampling is not None):
        raise InputError(f"{scan.name or NAMELESS}: is undersampled already")
    if isinstance(scan, Scan):
        return replace(scan, sampling=sampling)
    return replace(sampling(replace(scan, name=scan.name or NAMELESS)), name=scan.name)


@dataclass(frozen=True, eq=False)
class ArrayVolume(VolumeWithoutTarget):
    """A volume in memory.

    Attributes
    ----------
    path
        Name of the scan.
    shape
        `(slices, coils, readout, phase)`.
    header
        As given.
    acquisitions
        The slices.
    """

    path: Path
    shape: tuple[int, int, int, int]
    header: Header
    acquisitions: tuple[Acquisition, ...]

    @property
    def mask(self) -> NDArray[np.bool_] | None:
        """Sampling mask of the first slice; None if it was fully sampled."""
        return prospective_mask(self.acquisitions[0].mask.numpy(), self.header.padding)

    def read(self, index: int) -> Acquisition:
        """Return the slice at `index`."""
        return self.acquisitions[index]

    def read_target(self) -> NDArray[np.float32] | None:
        """Return the target images `(slices, rows, columns)`; None if the scan was not fully sampled."""
        targets = [acquisition.target for acquisition in self.acquisitions]
        known = [target.numpy() for target in targets if target is not None]
        return np.stack(known) if len(known) == len(targets) else None


def _acquisition(
    kspace: Tensor,
    mask: Tensor | None,
    header: Header,
    calibration: Tensor | None,
    noise: Tensor | None,
    name: str,
    number: int,
) -> Acquisition:
    sampled = measured_mask(kspace) if mask is None else mask
    acquisition = Acquisition(
        torch.where(sampled, kspace, 0), sampled, header, None, calibration, noise, name, slice=number
    )
    if prospective_mask(sampled, header.padding) is not None:
        return acquisition
    return replace(acquisition, target=center_crop(rss(ifft(acquisition.kspace)), acquisition.crop))


def _in_order(kspace: Tensor, axes: str | None) -> Tensor:
    """Bring k-space into the order slices, coils, readout, phase."""
    if axes is None and kspace.ndim not in (2, 3, 4):
        raise _misfit("kspace", kspace, "(coils, readout, phase); name the axes if they are others")
    words = tuple(AXES[-kspace.ndim :] if axes is None else axes.replace(",", " ").split())
    if unknown := set(words) - set(AXES):
        raise InputError(
            f"kspace has axes that are not read: {', '.join(sorted(unknown))}; available: {', '.join(AXES)}; give "
            "what has more axes scan by scan"
        )
    if len(words) != kspace.ndim or len(set(words)) != len(words) or not {"readout", "phase"} <= set(words):
        raise _misfit("kspace", kspace, f"the axes {' '.join(words)!r}, with readout and phase, each once")
    order = " ".join(axis if axis in words else "1" for axis in AXES)
    return rearrange(kspace, f"{' '.join(words)} -> {order}").contiguous()


def _as_complex(name: str, values: ArrayLike | Tensor) -> Tensor:
    tensor = _as_tensor(name, values)
    if not tensor.is_complex():
        raise InputError(f"{name} is of type {_type(tensor)}; expected complex numbers")
    if tensor.numel() == 0:
        raise _misfit(name, tensor, "at least one sample")
    if not tensor.isfinite().all():
        raise InputError(f"{name} holds values that are not finite")
    return tensor.to(torch.complex64)


def _as_mask(values: ArrayLike | Tensor, matrix: tuple[int, int]) -> Tensor:
    mask = _as_tensor("mask", values)
    if mask.is_complex() or mask.shape not in {matrix, matrix[1:]}:
        raise _misfit("mask", mask, f"({matrix[1]},) or {matrix}")
    return mask.bool()


def _as_tensor(name: str, values: ArrayLike | Tensor) -> Tensor:
    if isinstance(values, Tensor):
        return values.detach().cpu()
    array: NDArray[Any] = np.asarray(values)
    if array.dtype.kind not in "biufc":
        raise InputError(f"{name} is of type {array.dtype}; expected numbers")
    return torch.from_numpy(np.array(array, array.dtype.newbyteorder("="), order="C"))


def _misfit(name: str, tensor: Tensor, expected: str) -> InputError:
    return InputError(f"{name} has shape {tuple(tensor.shape)}; expected {expected}")


def _type(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
