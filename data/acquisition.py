"""The value that travels through the project: one measured slice or volume, its header and its geometry."""

from __future__ import annotations

from dataclasses import astuple, dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from recon.data.errors import InputError
from recon.data.series import Frame, Series, series_of

if TYPE_CHECKING:  # reading a file's header takes no torch
    import torch
    from torch import Tensor

Vector = tuple[float, float, float]
Size = tuple[int, int]


@dataclass(frozen=True)
class Geometry:
    """Position and orientation of one slice in DICOM's patient coordinates (left, posterior, superior).

    Attributes
    ----------
    position
        Centre of the slice, in mm.
    read_dir
        Unit vector in the direction of increasing readout index.
    phase_dir
        Unit vector in the direction of increasing phase index.
    slice_dir
        Unit vector normal to the slice.
    field_of_view
        Extent of the reconstructed image along readout, phase and slice (the slice thickness), in mm.
    """

    position: Vector
    read_dir: Vector
    phase_dir: Vector
    slice_dir: Vector
    field_of_view: Vector


@dataclass(frozen=True)
class Header:
    """The part of a raw-data header that a reconstruction needs.

    Attributes
    ----------
    crop
        Reconstruction matrix of the scanner `(readout, phase)`; may exceed the sampled matrix.
    padding
        Columns `[first, last)` of the phase axis that the scanner acquired; the other columns are zero padding.
    field_of_view
        Field of view of the reconstructed image `(readout, phase)`, in mm; None if unknown.
    field_strength
        Field strength in tesla; None if unknown.
    contrast
        Type of the acquisition as fastMRI names it (AXT2, CORPD_FBK, ...); empty if unknown.
    geometry
        Position and orientation of each slice of the file; None if unknown.
    encoded_field_of_view
        Field of view of the sampled matrix `(readout, phase)`, in mm; larger than that of the image along an
        oversampled axis. None if unknown.
    fastmri
        Whether the file has fastMRI's layout, whose targets and submissions are cut to the number of pixels in
        `crop`, whatever the fields of view are.
    frames
        Counters of each image of the file; None if unknown, or if no two images are at one place.
    echo_times
        Echo time of each contrast, in ms; empty if unknown.
    slice_thickness
        Slice thickness, in mm, which images take from the geometry if there is one; None if unknown.
    volumetric
        Whether the images are positions along the readout of a 3-D scan: both axes of k-space are phase encodings.
    frame_interval
        Time from one frame of a series to the next, in ms; None if unknown.
    """

    crop: Size
    padding: tuple[int, int]
    field_of_view: tuple[float, float] | None = None
    field_strength: float | None = None
    contrast: str = ""
    geometry: tuple[Geometry, ...] | None = None
    encoded_field_of_view: tuple[float, float] | None = None
    fastmri: bool = field(default=False, compare=False)
    frames: tuple[Frame, ...] | None = None
    echo_times: tuple[float, ...] = ()
    slice_thickness: float | None = None
    volumetric: bool = False
    frame_interval: float | None = None

    @cached_property
    def series(self) -> tuple[Series, ...]:
        """Indices of the images of each series; empty if there are no frames."""
        return series_of(self.frames or ())

    @cached_property
    def _places_in_series(self) -> dict[int, tuple[Series, int]]:
        """Series of each image of the file, and its number in it."""
        return {index: (series, number) for series in self.series for number, index in enumerate(series)}

    def place_in_series(self, index: int) -> tuple[Series, int]:
        """Return the series that an image of the file belongs to, and its number in it."""
        return self._places_in_series.get(index, ((index,), 0))

    def covered(self, matrix: Size) -> Size:
        """Return how many samples of the matrix `(readout, phase)` the image's field of view covers.

        Millimetres decide: `round(matrix * field_of_view / encoded_field_of_view)`. Where they are unknown, it is the
        reconstruction matrix. Neither exceeds the sampled matrix.
        """
        if self.field_of_view is None or self.encoded_field_of_view is None:
            return min(self.crop[0], matrix[0]), min(self.crop[1], matrix[1])
        readout, phase = (
            round(min(max(size * shown / encoded, 1), size))
            for size, shown, encoded in zip(matrix, self.field_of_view, self.encoded_field_of_view, strict=True)
        )
        return readout, phase

    def fastmri_size(self, matrix: Size) -> Size:
        """Return the size that fastMRI gives to targets and submissions of a sampled matrix `(readout, phase)`.

        It is the reconstruction matrix; where the scan has fewer lines than that, as in the file FLAIR_203, it is the
        square of as many pixels as there are lines.
        """
        readout, phase = matrix
        if phase < self.crop[1]:
            return min(phase, readout), phase
        return min(self.crop[0], readout), self.crop[1]

    def with_readout_cut(self, share: float) -> Header:
        """Return the header of a scan that keeps only this fraction of the readout's field of view."""
        if self.encoded_field_of_view is None:
            return self
        readout, phase = self.encoded_field_of_view
        return replace(self, encoded_field_of_view=(readout * share, phase))


@dataclass(frozen=True, eq=False)
class Acquisition:
    """K-space of one slice or volume with its sampling mask, header and accompanying scans.

    Attributes
    ----------
    kspace
        complex64 `(..., coils, readout, phase)`, zero where not measured, DC at index `N // 2`.
    mask
        bool `(phase,)` or `(readout, phase)`, True where measured.
    header
        Matrix, padding, field of view, contrast.
    target
        float32 `(..., rows, columns)`: root-sum-of-squares image of the full k-space; None if unknown.
    calibration
        complex64 `(..., coils, readout, lines)`: calibration lines from a separate scan; None if they are part
        of `kspace` or were not acquired.
    calibration_in_phase
        Whether `calibration` has the phase of `kspace`, as the mean over time of a series has; a scan of its own has
        another one.
    noise
        complex64 `(coils, samples)`: scan without excitation, scaled to the noise level of `kspace`; None if
        there was none or prewhitening has used it up.
    name
        Name of the file, from which the seed of the sampling mask follows.
    slice
        Index of the slice in the file; None for a whole volume.
    """

    kspace: Tensor
    mask: Tensor
    header: Header
    target: Tensor | None = None
    calibration: Tensor | None = None
    noise: Tensor | None = None
    name: str = ""
    slice: int | None = None
    calibration_in_phase: bool = False

    @classmethod
    def from_numpy(
        cls,
        kspace: NDArray[np.complex64],
        mask: NDArray[np.bool_],
        header: Header,
        *,
        calibration: NDArray[np.complex64] | None = None,
        noise: NDArray[np.complex64] | None = None,
        name: str = "",
        slice: int | None = None,  # noqa: A002 - the field's name
    ) -> Acquisition:
        """Wrap NumPy arrays without copying them; the parameters are the fields of the class."""
        from torch import from_numpy  # noqa: PLC0415 - takes a second to import

        return cls(
            kspace=from_numpy(kspace),
            mask=from_numpy(mask),
            header=header,
            calibration=None if calibration is None else from_numpy(calibration),
            noise=None if noise is None else from_numpy(noise),
            name=name,
            slice=slice,
        )

    @property
    def coils(self) -> int:
        """Number of receive coils."""
        return self.kspace.shape[-3]

    @property
    def matrix(self) -> Size:
        """Sampled matrix `(readout, phase)`."""
        return self.kspace.shape[-2], self.kspace.shape[-1]

    @property
    def series(self) -> Series:
        """Indices in the file of the images of this one's series; its own index if there is no series."""
        return self.header.place_in_series(self.slice or 0)[0]

    @property
    def frame(self) -> int:
        """Number of this image in its series, in the order of time; 0 if there is no series."""
        return self.header.place_in_series(self.slice or 0)[1]

    @property
    def crop(self) -> Size:
        """Size of the reconstructed image `(readout, phase)`: the header's field of view.

        For a file in fastMRI's layout, it also covers the pixels of fastMRI's target. Where fastMRI cuts an even axis
        to an odd size, it rounds otherwise than we do, so the image is one pixel larger than the target.
        """
        return image_size(self.header, self.matrix)

    @property
    def acceleration(self) -> float:
        """Number of samples of the scanner's full scan over the number of measured ones."""
        first, last = self.header.padding
        acquirable = self.mask[..., first:last]
        return acquirable.numel() / max(int(acquirable.sum()), 1)

    def undersample(self, mask: Tensor) -> Acquisition:
        """Return a copy that keeps only the samples selected by `mask`.

        Parameters
        ----------
        mask
            bool `(phase,)` or `(readout, phase)`, True where samples are kept.
        """
        kept = self.mask & mask
        return replace(self, kspace=self.kspace * kept, mask=kept)

    def undersample_(self, mask: Tensor) -> Acquisition:
        """Do the same as `undersample`, but overwrite `kspace`: saves a copy where the samples were just read."""
        kept = self.mask & mask
        return replace(self, kspace=self.kspace.mul_(kept), mask=kept)

    def reference_kspace(self) -> Tensor | None:
        """Lay the separate reference scan of a slice into empty k-space, DC on DC; return None if there is none.

        Returns
        -------
        Tensor or None
            complex64 `(coils, readout, phase)`, zero where not measured.

        Raises
        ------
        InputError
            If the reference scan does not fit into the k-space.
        """
        if self.calibration is None:
            return None
        coils, rows, columns = self.calibration.shape
        readout, phase = self.matrix
        if coils != self.coils or rows > readout or columns > phase:
            raise InputError(
                f"{self.name}: the reference scan has shape {tuple(self.calibration.shape)}, which does not fit into "
                f"the k-space of shape {tuple(self.kspace.shape)}"
            )
        top, left = readout // 2 - rows // 2, phase // 2 - columns // 2
        reference = self.kspace.new_zeros(self.kspace.shape)
        reference[:, top : top + rows, left : left + columns] = self.calibration
        return reference

    def to(self, device: torch.device | str) -> Acquisition:
        """Move all tensors to a device; a reconstruction runs on the device of its input."""
        return replace(
            self,
            kspace=self.kspace.to(device),
            mask=self.mask.to(device),
            target=None if self.target is None else self.target.to(device),
            calibration=None if self.calibration is None else self.calibration.to(device),
            noise=None if self.noise is None else self.noise.to(device),
        )


def image_size(header: Header, matrix: Size) -> Size:
    """Return the size `(readout, phase)` of the image of a sampled matrix, as `Acquisition.crop` defines it."""
    covered = header.covered(matrix)
    if not header.fastmri:
        return covered
    readout, phase = (
        max(kept, target + (target % 2 if size % 2 == 0 else 0))
        for size, kept, target in zip(matrix, covered, header.fastmri_size(matrix), strict=True)
    )
    return readout, phase


def are_orthonormal(directions: NDArray[np.floating]) -> bool:
    """Return whether the rows of each matrix in `(..., 3, 3)` are orthonormal to within 1e-3."""
    if not (np.abs(directions) < 2).all():  # the product of larger numbers might overflow
        return False
    return np.allclose(directions @ np.swapaxes(directions, -1, -2), np.eye(3), atol=1e-3)


def is_valid_geometry(geometry: tuple[Geometry, ...]) -> bool:
    """Return whether every slice has a finite position, orthonormal directions and a positive size."""
    table = as_table(geometry).reshape(-1, 5, 3)
    return bool(np.isfinite(table).all() and are_orthonormal(table[:, 1:4]) and (table[:, 4] > 0).all())


def as_table(geometry: tuple[Geometry, ...]) -> NDArray[np.float64]:
    """Convert slices to a float64 table `(slices, 15)`: the fields of `Geometry` in their order."""
    return np.array([[number for vector in astuple(slice_) for number in vector] for slice_ in geometry], np.float64)


def from_table(table: NDArray[np.float64]) -> tuple[Geometry, ...]:
    """Convert a table made by `as_table` back to slices."""
    return tuple(Geometry(*(tuple(vector) for vector in row.reshape(5, 3).tolist())) for row in table)
