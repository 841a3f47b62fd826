"""A small 3-D object seen by smooth coils, its positions along the readout, and files of its scan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import ismrmrd
import numpy as np
import torch
from numpy.typing import NDArray

from helpers.files import ismrmrd_files
from helpers.scans.objects import discs, smooth_maps
from helpers.scans.stacks import oblique_geometry
from recon.coils import rss
from recon.data.acquisition import Acquisition, Geometry, Header
from recon.fourier import fft, ifft

Complex = NDArray[np.complex64]
Size = tuple[int, int, int]

SPACE = (
    "<matrixSize><x>{}</x><y>{}</y><z>{}</z></matrixSize><fieldOfView_mm><x>{}</x><y>{}</y><z>{}</z></fieldOfView_mm>"
)
HEADER = """<?xml version="1.0"?>
<ismrmrdHeader xmlns="http://www.ismrm.org/ISMRMRD">
  <experimentalConditions><H1resonanceFrequency_Hz>127700000</H1resonanceFrequency_Hz></experimentalConditions>
  <encoding>
    <encodedSpace>{encoded}</encodedSpace><reconSpace>{shown}</reconSpace>
    <encodingLimits>
      <kspace_encoding_step_1><minimum>0</minimum><maximum>{y}</maximum><center>{cy}</center></kspace_encoding_step_1>
      <kspace_encoding_step_2><minimum>0</minimum><maximum>{z}</maximum><center>{cz}</center></kspace_encoding_step_2>
    </encodingLimits>
    <trajectory>cartesian</trajectory>{parallel}
  </encoding>
</ismrmrdHeader>
"""


def object_3d(matrix: Size, occupied: Size | None = None) -> NDArray[np.float32]:
    """Draw blobs at places that tell all axes and directions apart, within the occupied middle of the matrix."""
    axes = [np.arange(size) - size // 2 for size in matrix]
    x, y, z = np.meshgrid(*axes, indexing="ij")
    image = np.zeros(matrix, np.float32)
    half = [size / 2 for size in occupied or matrix]
    for place, width, value in (((0.4, 0, 0), 2.5, 1.0), ((0, -0.5, 0.1), 2.0, 0.7), ((-0.3, 0.2, 0.5), 2.2, 0.5)):
        center = [part * size for part, size in zip(place, half, strict=True)]
        distance = (x - center[0]) ** 2 + (y - center[1]) ** 2 + (z - center[2]) ** 2
        image += np.float32(value) * np.exp(-distance / width**2).astype(np.float32)
    return image


def kspace_3d(image: NDArray[np.float32], coils: int) -> tuple[Complex, NDArray[np.float32]]:
    """Return k-space `(coils, x, y, z)` of an object, and its root-sum-of-squares image."""
    grids = np.meshgrid(*[np.linspace(-1, 1, size) for size in image.shape], indexing="ij")
    angles = 2 * np.pi * np.arange(coils) / coils
    maps = np.stack(
        [
            np.exp(1j * angle)
            / (1.0 + (grids[0] - np.cos(angle)) ** 2 + (grids[1] - np.sin(angle)) ** 2 + grids[2] / 3)
            for angle in angles
        ]
    )
    coil_images = (maps * image).astype(np.complex64)
    axes = (1, 2, 3)
    kspace = np.fft.fftshift(
        np.fft.fftn(np.fft.ifftshift(coil_images, axes=axes), axes=axes, norm="ortho"), axes=axes
    )
    return kspace.astype(np.complex64), np.sqrt((np.abs(coil_images) ** 2).sum(0)).astype(np.float32)


def header_3d(encoded: Size, shown: Size, voxel: tuple[float, float, float], parallel: str = "") -> str:
    """Write an ISMRMRD header whose image has the voxels of the encoded matrix."""
    spaces = (
        SPACE.format(*size, *(count * step for count, step in zip(size, voxel, strict=True)))
        for size in (encoded, shown)
    )
    _, y, z = encoded
    return HEADER.format(
        encoded=next(spaces), shown=next(spaces), y=y - 1, z=z - 1, cy=y // 2, cz=z // 2, parallel=parallel
    )


def readouts_3d(
    kspace: Complex, mask: NDArray[np.bool_], geometry: Geometry, flags: Iterable[int] = (), **head: Any
) -> Iterator[ismrmrd.Acquisition]:
    """Yield the readouts of the measured pairs of steps `(y, z)`."""
    for y, z in np.argwhere(mask).tolist():
        yield ismrmrd_files.readout(
            np.ascontiguousarray(kspace[:, :, y, z]),
            y,
            flags,
            kspace_encode_step_2=z,
            position=geometry.position,
            read_dir=geometry.read_dir,
            phase_dir=geometry.phase_dir,
            slice_dir=geometry.slice_dir,
            **head,
        )


def write_3d(
    path: Path,
    kspace: Complex,
    shown: Size,
    voxel: tuple[float, float, float] = (1.0, 1.5, 2.0),
    mask: NDArray[np.bool_] | None = None,
    seed: int = 0,
) -> tuple[Path, Geometry]:
    """Write a 3-D scan in an oblique direction."""
    encoded = kspace.shape[1], kspace.shape[2], kspace.shape[3]
    geometry = oblique_geometry(1, seed)[0]
    measured = np.ones(encoded[1:], bool) if mask is None else mask
    header = header_3d(encoded, shown, voxel)
    return ismrmrd_files.write(path, header, readouts_3d(kspace, measured, geometry)), geometry


def positions_3d(matrix: Size, coils: int = 6, noise: float = 0.0, seed: int = 0) -> list[Acquisition]:
    """Return the fully sampled positions along the readout of a rounded stack of discs, with their targets."""
    gain = 1 - torch.linspace(-1, 1, matrix[0]).pow(4)
    coil_images = (gain[:, None, None] * discs(*matrix[1:]))[:, None] * smooth_maps(coils, *matrix[1:])
    generator = torch.Generator().manual_seed(seed)
    kspace = fft(coil_images) + noise * torch.randn(coil_images.shape, dtype=coil_images.dtype, generator=generator)
    header = Header(crop=matrix[1:], padding=(0, matrix[2]), volumetric=True)
    full = torch.ones(matrix[2], dtype=torch.bool)
    return [
        Acquisition(one, full, header, rss(ifft(one)), name="discs", slice=number)
        for number, one in enumerate(kspace)
    ]
