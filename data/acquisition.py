"""The one value that travels: what a scanner measured, and what is known about it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from recon.data.geometry import Geometry


@dataclass(frozen=True)
class Header:
    """What the raw data's header says, as far as a reconstruction needs it.

    Attributes
    ----------
    crop
        Size of the reconstructed image `(readout, phase)`; may exceed the sampled matrix.
    padding
        The columns `[first, last)` of the phase axis that the scanner acquired; the rest is zero padding.
    field_of_view
        Of the reconstructed image `(readout, phase)`, in mm; None if unknown.
    encoded_field_of_view
        Of the sampled matrix, in mm: larger than that of the image where it was oversampled; None if unknown.
    field_strength
        In tesla; None if unknown.
    contrast
        The acquisition's type as fastMRI names it (AXT2, CORPD_FBK, ...), or an empty string.
    geometry
        Where each slice of the file lies in the patient; None if unknown.
    """

    crop: tuple[int, int]
    padding: tuple[int, int]
    field_of_view: tuple[float, float] | None = None
    field_strength: float | None = None
    contrast: str = ""
    geometry: tuple[Geometry, ...] | None = None
    encoded_field_of_view: tuple[float, float] | None = None

    def with_readout_cut(self, share: float) -> Header:
        """Say that only this share of the readout's field of view is left."""
        if self.encoded_field_of_view is None:
            return self
        readout, phase = self.encoded_field_of_view
        return replace(self, encoded_field_of_view=(readout * share, phase))


@dataclass(frozen=True, eq=False)
class Acquisition:
    """K-space of one slice or one volume, with the mask that says which samples were measured.

    Attributes
    ----------
    kspace
        complex64 `(..., coils, readout, phase)`, zero where not measured, DC at index `N // 2`.
    mask
        bool `(phase,)` or `(readout, phase)`, True where measured.
    header
        Matrix, padding, field of view, contrast.
    target
        float32 `(..., rows, columns)`: the root-sum-of-squares image of the full k-space; None if unknown.
    calibration
        complex64 `(..., coils, readout, lines)`: auto-calibration lines scanned separately; None if they are
        part of `kspace` or were not acquired.
    noise
        complex64 `(coils, samples)`: a scan without excitation, as loud as the noise in `kspace`; None if there
        was none or it was used up by prewhitening.
    name
        The file's name; the seed of its sampling mask.
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

    @property
    def coils(self) -> int:
        """Number of receive coils."""
        return self.kspace.shape[-3]

    @property
    def matrix(self) -> tuple[int, int]:
        """Sampled matrix `(readout, phase)`."""
        return self.kspace.shape[-2], self.kspace.shape[-1]

    @property
    def crop(self) -> tuple[int, int]:
        """Size of the reconstructed image `(readout, phase)`: the header's, never beyond the matrix."""
        readout, phase = self.matrix
        return min(self.header.crop[0], readout), min(self.header.crop[1], phase)

    @property
    def acceleration(self) -> float:
        """How many times fewer samples were measured than the scanner's full scan has."""
        first, last = self.header.padding
        acquirable = self.mask[..., first:last]
        return acquirable.numel() / max(int(acquirable.sum()), 1)

    def undersample(self, mask: Tensor) -> Acquisition:
        """Keep only the samples that `mask` selects.

        Parameters
        ----------
        mask
            bool `(phase,)` or `(readout, phase)`.
        """
        kept = self.mask & mask
        return replace(self, kspace=self.kspace * kept, mask=kept)

    def undersample_(self, mask: Tensor) -> Acquisition:
        """Do as `undersample`, in place: for who has just read the samples and keeps no other use for them."""
        kept = self.mask & mask
        return replace(self, kspace=self.kspace.mul_(kept), mask=kept)

    def to(self, device: torch.device | str) -> Acquisition:
        """Move the samples to a device; reconstruction runs where they lie."""
        return replace(
            self,
            kspace=self.kspace.to(device),
            mask=self.mask.to(device),
            target=None if self.target is None else self.target.to(device),
            calibration=None if self.calibration is None else self.calibration.to(device),
            noise=None if self.noise is None else self.noise.to(device),
        )
