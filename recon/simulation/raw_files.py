"""Simulates raw data of the head phantom, with loop coils, phase and noise, and writes it in fastMRI's layout."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import astuple, dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
import numpy.typing as npt

from recon.data.acquisition import Header
from recon.data.errors import InputError
from recon.data.formats.fastmri.layout import write_volume
from recon.data.storage.new_hdf5 import is_own_hdf5
from recon.simulation.biot_savart import Maps
from recon.simulation.phantom.coil_maps import head_coil_maps
from recon.simulation.phantom.contrast import draw_protocol
from recon.simulation.phantom.fields import Array, smooth_field
from recon.simulation.phantom.grid import centred_axis, field_of_view, slice_heights
from recon.simulation.phantom.head import head
from recon.simulation.phantom.implants import Implant, draw_implants, paint_implants

Complex = npt.NDArray[np.complex64]

SMALLEST_MATRIX = 32
"""Smallest side of the matrix."""

OVERSAMPLING = 2
"""Factor by which the phantom is drawn finer than the image, so that k-space is truncated as by a scanner."""

RAW_SCALE = (2e-4, 8e-4)
"""Range of the largest value of the noiseless image, similar to that of fastMRI's raw data."""

TISSUE = 0.1
"""Fraction of the maximum above which a pixel counts as tissue; the SNR refers to the signal of tissue."""


LEAST_FOLD = 0.5
"""Smallest share of the field of view along phase that may be measured; nobody scans with less."""

IMPLANTS_FOLDER = "implants"
"""Folder of the files with implants, beside the same files without them."""


@dataclass(frozen=True)
class ScanVariant:
    """Deviations of a simulated scan from a plain one.

    Attributes
    ----------
    fold
        Share of the field of view along phase that is measured; below 1 what lies beyond it is folded in.
    echo_shift
        Samples along readout by which the echo lies behind the middle, index `N // 2`.
    implants
        Number of small details that are added to each slice, see `draw_implants`.
    """

    fold: float = 1.0
    echo_shift: int = 0
    implants: int = 0

    def measured(self, shape: tuple[int, int]) -> tuple[int, int]:
        """Return the part `(readout, phase)` of a matrix that is measured."""
        return shape[0], shape[1] - 2 * round(shape[1] * (1 - self.fold) / 2)


PLAIN = ScanVariant()
"""A centred head that fits into the field of view."""


@dataclass(frozen=True, eq=False)
class SimulatedVolume:
    """Raw data of one volume, with the ground truth it was computed from.

    Attributes
    ----------
    kspace
        complex64 `(slices, coils, readout, phase)`, noisy, DC at index `N // 2`.
    target
        float32 `(slices, readout, phase)`: root sum of squares of the *noisy*, fully sampled coil images, as in
        fastMRI's files; not cropped.
    header
        Matrix, field of view, field strength, and name of the contrast.
    image
        complex64 `(slices, readout, phase)`: the object without noise and coils, truncated in k-space; wider than
        k-space where the head is folded.
    sens_maps
        complex64 `(slices, coils, readout, phase)`, as wide: noiseless k-space is the transform of
        `sens_maps * image`, folded.
    noise
        Standard deviation of the real part, and of the imaginary part, of the noise in a sample.
    implants
        Details that were added, at their pixels in the target.
    """

    kspace: Complex
    target: Array
    header: Header
    image: Complex
    sens_maps: Maps
    noise: float
    implants: tuple[Implant, ...] = ()


def simulate_volume(
    shape: tuple[int, int],
    slices: int,
    coils: int,
    snr: float,
    rng: np.random.Generator,
    variant: ScanVariant = PLAIN,
    contrast: str | None = None,
) -> SimulatedVolume:
    """Draw a person, a sequence, a coil array and noise, and compute the raw data.

    Parameters
    ----------
    shape
        Matrix `(readout, phase)`, before it is folded.
    slices, coils
        Number of slices, and number of coils.
    snr
        Mean of the noiseless root-sum-of-squares image over tissue (where the object exceeds a tenth of its
        maximum) divided by the standard deviation of the real part of the noise in the image of one coil. The
        transform is unitary, so the noise is as large in k-space; it is white and independent between coils.
    rng
        Source of all random choices. Scans that differ in their implants alone have the same noise.
    variant
        Deviations of the scan from a plain one.
    contrast
        Name of the contrast; None to draw one.

    Raises
    ------
    InputError
        If there is no room for so many implants, or no such contrast.
    """
    protocol = draw_protocol(rng, contrast)
    fine = head((OVERSAMPLING * shape[0], OVERSAMPLING * shape[1]), slices, protocol, rng)
    truncated = np.stack([_truncate(image, shape, variant.echo_shift) for image in fine])
    image = truncated * np.exp(1j * image_phase(shape, slices, rng))
    sens_maps = head_coil_maps(shape, slices, coils, rng)

    coverage = np.linalg.norm(sens_maps, axis=1)
    image = (image * rng.uniform(*RAW_SCALE) / (np.abs(image) * coverage).max()).astype(np.complex64)
    tissue = np.abs(image) > TISSUE * np.abs(image).max()
    noise = float((np.abs(image) * coverage)[tissue].mean() / snr)
    measured = variant.measured(shape)
    implants: list[Implant] = []
    if variant.implants:
        brightness = np.abs(image) * coverage
        implants = draw_implants(brightness, variant.implants, rng.spawn(1)[0], measured[1])
        details = paint_implants(implants, image.shape) / np.maximum(coverage, np.finfo(np.float32).tiny)
        image += (details * np.exp(1j * np.angle(image))).astype(np.complex64)

    kspace = np.empty((slices, coils, *measured), np.complex64)
    target = np.empty((slices, *measured), np.float32)
    for index in range(slices):
        white = rng.standard_normal((2, *kspace.shape[1:]), dtype=np.float32)
        received = _fold(sens_maps[index] * image[index], measured[1])
        kspace[index] = _fft(received) + noise * (white[0] + 1j * white[1])
        target[index] = np.linalg.norm(_ifft(kspace[index]), axis=0)
    rows, columns = field_of_view(shape)
    header = Header(
        crop=measured,
        padding=(0, measured[1]),
        field_of_view=(rows, columns * measured[1] / shape[1]),
        field_strength=protocol.field_strength,
        contrast=protocol.contrast,
        slice_thickness=5.0,
    )
    surplus = (shape[1] - measured[1]) // 2
    folded = tuple(replace(one, column=(one.column - surplus) % measured[1]) for one in implants)
    return SimulatedVolume(kspace, target, header, image, sens_maps, noise, folded)


def simulate_folder(
    output: Path,
    volumes: int,
    slices: int,
    coils: int,
    size: tuple[int, int],
    seed: int,
    snr: float,
    progress: Callable[[], None] | None = None,
    overwrite: bool = False,
    variant: ScanVariant = PLAIN,
    name: str = "simulated",
    contrast: str | None = None,
) -> list[Path]:
    """Write simulated volumes as multi-coil files of fastMRI; volume i depends on the seed and i alone.

    With implants each volume is written twice: without them, and with them under the same name in the folder
    `implants`, together with a table `implants` of slice, row, column, width in pixels, and height.

    Parameters
    ----------
    output
        Folder; created if missing.
    volumes, slices, coils
        Number of volumes, of slices per volume, and of coils.
    size
        Matrix `(readout, phase)`, before it is folded.
    seed
        Random seed; the same seed gives the same samples, bit for bit.
    snr
        SNR as `simulate_volume` defines it.
    progress
        Called after each volume.
    overwrite
        Whether files that this program has not written may be replaced.
    variant
        Deviations of the scans from plain ones.
    name
        Beginning of the names of the files.
    contrast
        Name of the contrast of all volumes; None to draw one for each.

    Returns
    -------
    list of Path
        `simulated_0000.h5`, `simulated_0001.h5`, ..., then those with implants.

    Raises
    ------
    InputError
        If a number is out of range, there is no such contrast, there is no room for the implants, the output is a
        file, or a file to write exists already and this program has not written it.
    """
    check_numbers(size, seed, snr, volumes=volumes, slices=slices, coils=coils)
    _check_variant(variant, size)
    folders = {output: replace(variant, implants=0)}
    if variant.implants:
        folders[output / IMPLANTS_FOLDER] = variant
    paths = [folder / f"{name}_{index:04d}.h5" for folder, index in product(folders, range(volumes))]
    check_output(output, name, paths, overwrite)
    for index in range(volumes):
        for folder, of_folder in folders.items():
            volume = simulate_volume(
                size, slices, coils, snr, np.random.default_rng((seed, index)), of_folder, contrast
            )
            table = np.array([astuple(implant) for implant in volume.implants], np.float32)
            write_volume(
                folder / f"{name}_{index:04d}.h5",
                volume.kspace,
                volume.header,
                target=volume.target,
                patient_id=f"simulated_{seed}_{index:04d}",
                tables={IMPLANTS_FOLDER: table} if volume.implants else None,
            )
        if progress is not None:
            progress()
    return paths


def check_numbers(size: tuple[int, int], seed: int, snr: float, **counts: int) -> None:
    """Refuse a matrix `(readout, phase)`, a seed, an SNR or, by their names, counts that cannot be simulated.

    Raises
    ------
    InputError
        If a number is out of range.
    """
    for what, number in counts.items():
        if number < 1:
            raise InputError(f"cannot simulate {number} {what}; at least 1 is needed")
    if min(size) < SMALLEST_MATRIX:
        raise InputError(
            f"cannot simulate a matrix of {size[0]}x{size[1]}; at least {SMALLEST_MATRIX}x{SMALLEST_MATRIX} is needed"
        )
    if seed < 0:
        raise InputError(f"the seed {seed} is negative; give 0 or more")
    if not snr > 0:
        raise InputError(f"the SNR {snr} is not above 0")


def _check_variant(variant: ScanVariant, size: tuple[int, int]) -> None:
    if not LEAST_FOLD <= variant.fold <= 1:
        raise InputError(f"cannot fold the field of view to {variant.fold:g} of it; give {LEAST_FOLD} to 1")
    if abs(variant.echo_shift) > size[0] // 4:
        raise InputError(f"the echo cannot lie {variant.echo_shift} samples off; at most {size[0] // 4} are possible")
    if variant.implants < 0:
        raise InputError(f"cannot add {variant.implants} implants; give 0 or more")


def check_output(output: Path, name: str, paths: Iterable[Path], overwrite: bool) -> None:
    """Refuse a folder to write to, the beginning of the files' names, or files that must not be replaced.

    Raises
    ------
    InputError
        If the output is a file, the name is no part of one, or a file exists that this program has not written.
    """
    if not name or Path(name).name != name:
        raise InputError(f"{name!r} cannot begin the name of a file")
    if output.exists() and not output.is_dir():
        raise InputError(f"{output} is a file; give a folder to write the volumes to")
    for path in paths if not overwrite else ():
        if os.path.lexists(path) and not is_own_hdf5(path):
            raise InputError(
                f"{path}: exists already and was not written by this program; give another output, or --overwrite"
            )


def image_phase(shape: tuple[int, int], slices: int, rng: np.random.Generator) -> Array:
    """Draw a smooth phase `(slices, readout, phase)` in radians: a polynomial of low order plus waves."""
    size = field_of_view(shape)
    y, x = np.meshgrid(*(centred_axis(n, mm) for n, mm in zip(shape, size, strict=True)), indexing="ij")
    constant, tilt = rng.uniform(-np.pi, np.pi), rng.normal(0, 1.0, 3)
    bowl = rng.normal(0, 0.7, 3)
    wavy = smooth_field(rng, 25.0)
    phase = np.empty((slices, *shape), np.float32)
    for image, z in zip(phase, slice_heights(slices), strict=True):
        points = np.stack([x.ravel(), y.ravel(), np.full(x.size, z)]).astype(np.float32)
        low_order = tilt @ (points / 100) + bowl @ (points / 100) ** 2
        image[:] = (constant + low_order + 0.4 * wavy(points)[0]).reshape(shape)
    return phase


def _truncate(fine: Array, shape: tuple[int, int], echo_shift: int) -> npt.NDArray[np.inexact]:
    """Keep the centre `(readout, phase)` of the k-space of an image, as a scanner does; edges ring.

    The image is real, or complex if the centre lies off the echo.
    """
    rows, columns = ((n // 2 - m // 2) for n, m in zip(fine.shape, shape, strict=True))
    rows -= echo_shift
    centre = _fft(fine)[rows : rows + shape[0], columns : columns + shape[1]]
    truncated = _ifft(centre) / OVERSAMPLING
    return truncated if echo_shift else truncated.real


def _fold(coil_images: Complex, phase: int) -> Complex:
    """Fold what lies beyond the middle `phase` columns of `(..., wider)` back into them."""
    surplus = (coil_images.shape[-1] - phase) // 2
    folded = coil_images[..., surplus : surplus + phase].copy()
    if surplus:
        folded[..., -surplus:] += coil_images[..., :surplus]
        folded[..., :surplus] += coil_images[..., -surplus:]
    return folded


def _fft(image: npt.NDArray[np.inexact]) -> npt.NDArray[np.complexfloating]:
    """Transform the last two axes to k-space, centred and unitary as `recon.fourier.fft`, in double precision."""
    axes = (-2, -1)
    spectrum = np.fft.fft2(np.fft.ifftshift(image, axes), norm="ortho")
    return np.fft.fftshift(spectrum, axes)


def _ifft(kspace: npt.NDArray[np.inexact]) -> npt.NDArray[np.complexfloating]:
    """Invert `_fft`."""
    axes = (-2, -1)
    image = np.fft.ifft2(np.fft.ifftshift(kspace, axes), norm="ortho")
    return np.fft.fftshift(image, axes)
