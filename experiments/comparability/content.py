"""Describes the content of raw data, slice by slice, so that copies and faults show whatever the files are called."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recon.coils import rss
from recon.crop import center_crop, center_pad
from recon.data.acquisition import Acquisition
from recon.data.masks.measured import center_lines
from recon.data.open import open_volume
from recon.data.storage.hdf5 import open_hdf5, read_dataset
from recon.data.volume import Volume
from recon.experiments.comparability.identity import Identity, read_identity
from recon.experiments.engine.scores.metrics import common_field
from recon.fourier import ifft

SIDE = 24
"""Side of the images of low resolution that identify anatomy."""

SMOOTHING = 1.0
"""Standard deviation in pixels of the Gaussian that is subtracted: all heads are alike in what remains in it."""


@dataclass(frozen=True, eq=False)
class SliceContent:
    """What is kept of one slice.

    Attributes
    ----------
    samples
        SHA-256 of the k-space samples.
    print
        Fingerprint of the anatomy, float32 `(SIDE, SIDE)` of mean 0 and norm 1; zeros where there is nothing.
    sizes
        Largest value and norm of the target and of the k-space; of the k-space alone if there is no target.
    factor
        Target over the root sum of squares of the k-space's images, on the average; None if either is missing.
    imaginary
        Share of the coil images' energy that is imaginary, after each is turned to be as real as it can.
    twin_lines
        Number of lines of k-space that are copies of another line.
    padded
        Share of the energy of k-space in lines that the header calls zero padding.
    """

    samples: str
    print: NDArray[np.float32]
    sizes: dict[str, float]
    factor: float | None
    imaginary: float
    twin_lines: int
    padded: float


@dataclass(frozen=True, eq=False)
class VolumeContent:
    """What is kept of one file.

    Attributes
    ----------
    path
        The file.
    volume
        Header and shape; samples are read no more.
    identity
        What the headers say.
    target_max
        Largest value of the target over the volume; None if there is none.
    slices
        The slices.
    """

    path: Path
    volume: Volume
    identity: Identity
    target_max: float | None
    slices: tuple[SliceContent, ...]

    @property
    def prints(self) -> NDArray[np.float32]:
        """Fingerprints of all slices `(slices, SIDE, SIDE)`."""
        return np.stack([one.print for one in self.slices])


def read_content(path: Path) -> VolumeContent:
    """Read a file once, slice by slice.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    volume = open_volume(path)
    targets = volume.read_target()
    slices = tuple(
        _slice_content(volume, index, None if targets is None else targets[index]) for index in range(len(volume))
    )
    largest = None if targets is None else float(targets.max())
    return VolumeContent(path, volume, read_identity(path), largest, slices)


def fingerprint_of(acquisition: Acquisition) -> NDArray[np.float32]:
    """Return the anatomy of a slice at low resolution, less its smooth part; see `SliceContent.print`.

    It comes from the centre of k-space and covers the field of view of the image, so that copies which are rescaled,
    stored in another format, without oversampling, with compressed coils, or undersampled outside their centre have
    the same one. `overlap` says where other people's anatomy begins.
    """
    from scipy import ndimage  # noqa: PLC0415 - slow to import

    lines = center_lines(acquisition.mask)
    kspace = acquisition.kspace
    if not acquisition.mask.all() and lines.stop > lines.start:
        kept = torch.zeros(kspace.shape[-1], dtype=torch.bool)
        kept[lines] = True
        kspace = torch.where(kept, kspace, 0)
    covered = acquisition.header.covered(acquisition.matrix)
    size = [max(round(SIDE * full / part), SIDE) for full, part in zip(acquisition.matrix, covered, strict=True)]
    central = center_crop(kspace, [min(pair) for pair in zip(size, acquisition.matrix, strict=True)])
    image = center_crop(rss(ifft(center_pad(central, size))), (SIDE, SIDE)).numpy()
    fine = image - ndimage.gaussian_filter(image, SMOOTHING)
    fine -= fine.mean()
    norm = float(np.linalg.norm(fine))
    return (fine / norm if norm > 1e-6 * float(np.linalg.norm(image)) else np.zeros_like(fine)).astype(np.float32)


def _slice_content(volume: Volume, index: int, target: NDArray[np.float32] | None) -> SliceContent:
    acquisition, complete = volume.read(index), volume.mask is None
    kspace = acquisition.kspace
    images = ifft(kspace)
    sizes = {"k-space maximum": float(kspace.abs().max()), "k-space norm": float(kspace.norm())}
    if target is not None:
        sizes |= {"target maximum": float(target.max()), "target norm": float(np.linalg.norm(target))}
    return SliceContent(
        samples=hashlib.sha256(kspace.contiguous().numpy().tobytes()).hexdigest(),
        print=fingerprint_of(acquisition),
        sizes=sizes,
        factor=None if target is None or not complete else _factor(rss(images).numpy(), target),
        imaginary=_imaginary(images) if complete else 1.0,
        twin_lines=_twin_lines(kspace),
        padded=_padded(volume, index),
    )


def _factor(image: NDArray[np.float32], target: NDArray[np.float32]) -> float | None:
    """Return the least-squares factor from image to target, over the field that they have in common."""
    truth, own = (one[0].astype(np.float64) for one in common_field(target[None], image[None]))
    energy = float(np.vdot(own, own))
    return float(np.vdot(own, truth)) / energy if energy else None


def _imaginary(images: Tensor) -> float:
    """Return the imaginary share of the energy of `(coils, readout, phase)`: 0 of k-space from magnitudes."""
    values = images.to(torch.complex128)
    turn = (values**2).sum((-2, -1)).angle() / 2  # the phase that leaves the least imaginary energy
    turned = values * torch.exp(-1j * turn)[:, None, None]
    return float(turned.imag.square().sum() / values.abs().square().sum().clamp_min(1e-300))


def _twin_lines(kspace: Tensor) -> int:
    """Count the lines along readout that are copies of another line, other than lines of zeros."""
    lines = kspace.movedim(-1, 0).contiguous().numpy()
    counts = Counter(line.tobytes() for line in lines if line.any())
    return sum(count - 1 for count in counts.values())


def _padded(volume: Volume, index: int) -> float:
    """Return the share of the energy in lines that the header of a file in fastMRI's layout calls zero padding."""
    first, last = volume.header.padding
    if not volume.header.fastmri or (first == 0 and last >= volume.shape[3]):
        return 0.0  # other readers place the lines themselves
    with open_hdf5(volume.path) as file:
        energy = np.square(np.abs(read_dataset(file, "kspace")[index]), dtype=np.float64)
    total = float(energy.sum())
    return float(energy[..., :first].sum() + energy[..., last:].sum()) / total if total else 0.0
