"""Simulates raw data of beating hearts, fully sampled, each series determined by its random numbers alone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from recon.coils import rss
from recon.data.acquisition import Acquisition, Header
from recon.data.errors import InputError
from recon.data.series import counted_frames
from recon.fourier import fft, ifft
from recon.simulation.biot_savart import Maps
from recon.simulation.cine.motion import breathing, cyclic_phase, displace
from recon.simulation.cine.sources import Beat, DrawnHeart, Source
from recon.simulation.scanner.coil_maps import draw_maps
from recon.simulation.scanner.effects import TISSUE, truncate
from recon.simulation.scanner.measured_maps import vary_maps
from recon.simulation.scanner.random_fields import smooth_plane
from recon.simulation.scanner.subject.contrast import gamma, remap, shade
from recon.simulation.scanner.subject.objects import deform
from recon.simulation.scanner.subject.phase import smooth_phase
from recon.simulation.scanner.subject.placement import ObjectPlacement

FINER = 2
"""Factor by which the object is drawn finer than the image, so that k-space is truncated as by a scanner."""

MEASURED, DEFORMED, REMAPPED = 0.5, 0.5, 0.3
"""Shares of varied series with measured maps if there are any, with deformed anatomy, and with unrelated contrast."""

RAW_SCALE = (2e-4, 8e-4)
"""Range of the largest value of the noiseless image."""

FIELD_OF_VIEW = (320.0, 400.0)
"""Range of the field of view along readout, in mm."""

FIELD_STRENGTH, THICKNESS, CONTRAST = 1.5, 8.0, "CINE"

FLOW = (0.05, 0.4)
"""Range of the amplitude in radians of the phase that comes and goes with the heart."""


@dataclass(frozen=True)
class CinePlan:
    """Shapes and noise of a series.

    Attributes
    ----------
    matrix
        Matrix `(readout, phase)`.
    frames, coils
        Number of frames and of coils.
    snr
        Mean of the noiseless root sum of squares over tissue, divided by the standard deviation of the real part of
        the noise in a coil's image.
    slices, beats
        Number of slices, and of heart beats over which the frames extend.
    breath
        Largest displacement of the chest by breathing, in mm; 0 for a held breath.
    """

    matrix: tuple[int, int] = (192, 192)
    frames: int = 25
    coils: int = 8
    snr: float = 40.0
    slices: int = 1
    beats: int = 1
    breath: float = 0.0


@dataclass(frozen=True, eq=False)
class CineScan:
    """Fully sampled raw data of a beating heart.

    Attributes
    ----------
    kspace
        complex64 `(frames * slices, coils, readout, phase)` with white noise, slices fastest, DC at index `N // 2`.
    target
        float32 `(frames * slices, readout, phase)`: root sum of squares of the noiseless coil images.
    sens_maps
        complex64 `(coils, readout, phase)`.
    header
        Matrix, field of view, and the counters of the images.
    noise
        Standard deviation of the real part, and of the imaginary part, of the noise in a sample.
    """

    kspace: Tensor
    target: Tensor
    sens_maps: Tensor
    header: Header
    noise: float

    def acquisitions(self, name: str = "") -> list[Acquisition]:
        """Return the images as methods receive them, each with its target."""
        mask = torch.ones(self.kspace.shape[-1], dtype=torch.bool, device=self.kspace.device)
        return [
            Acquisition(one, mask, self.header, target, name=name, slice=index)
            for index, (one, target) in enumerate(zip(self.kspace, self.target, strict=True))
        ]


@dataclass(frozen=True, eq=False)
class CineSimulator:
    """Simulates series of beating hearts.

    Attributes
    ----------
    sources
        Sources of the hearts; each is equally likely.
    maps
        Measured coil maps, complex64 `(coils, rows, columns)`, to choose from; loops are simulated without any.
    varied
        Whether to deform, turn and mirror the anatomy and to change its contrast, as training needs, and to simulate
        loops besides measured maps.
    device
        Device on which images are computed.
    """

    sources: Sequence[Source] = (DrawnHeart(),)
    maps: Sequence[Maps] = ()
    varied: bool = True
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    def scan(self, plan: CinePlan, rng: np.random.Generator) -> CineScan:
        """Simulate one scan.

        Parameters
        ----------
        plan
            Shapes and noise.
        rng
            Source of everything else.

        Raises
        ------
        InputError
            If no measured maps have enough coils, or a measured cine should show several slices or beats.
        """
        beat = self.sources[int(rng.integers(len(self.sources)))].beat(plan.frames, plan.slices, plan.beats, rng)
        millimetres = rng.uniform(*FIELD_OF_VIEW)
        image = torch.stack(list(self._images(beat, plan, millimetres, rng)), dim=1).flatten(0, 1)
        sens_maps = torch.from_numpy(self._maps(plan, rng)).to(self.device)
        coverage = rss(sens_maps)
        image = image * (rng.uniform(*RAW_SCALE) / float((image.abs() * coverage).amax()))
        target = image.abs() * coverage
        noise = float(target[image.abs() > TISSUE * image.abs().amax()].mean()) / plan.snr
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        kspace = torch.empty((len(image), plan.coils, *plan.matrix), dtype=torch.complex64, device=self.device)
        for one, magnetisation in zip(kspace, image, strict=True):
            white = torch.randn(one.shape, generator=generator, dtype=one.dtype).to(self.device)
            one[:] = fft(sens_maps * magnetisation) + math.sqrt(2) * noise * white
        return CineScan(kspace, target, sens_maps, _header(plan, beat, millimetres), noise)

    def _images(self, beat: Beat, plan: CinePlan, millimetres: float, rng: np.random.Generator) -> Iterator[Tensor]:
        """Place, breathe and measure: complex images `(frames, readout, phase)` of each slice, without noise."""
        fine = FINER * plan.matrix[0], FINER * plan.matrix[1]
        seconds = np.arange(plan.frames) * beat.interval / 1000
        breath = plan.breath / millimetres * beat.images.shape[-2] * breathing(seconds, rng)
        placement = ObjectPlacement.draw(rng) if self.varied else _upright(rng)
        same = int(rng.integers(2**62))  # frames and slices are varied in the same way
        static = smooth_phase(fine, rng, self.device)
        flow = rng.uniform(*FLOW)
        first, second = (flow * smooth_plane(fine, 5, rng, self.device) for _ in range(2))
        for movie in torch.from_numpy(beat.images).to(self.device):
            moved = displace(movie, breath) if plan.breath else movie
            frames = [
                placement.render(self._vary(one, np.random.default_rng(same)), fine, plan.matrix[1] / plan.matrix[0])
                for one in moved.clamp(min=0)
            ]
            phase = static + cyclic_phase(fine, beat.phases, (first, second)).to(self.device)
            yield torch.stack([truncate(torch.polar(*pair), plan.matrix) for pair in zip(frames, phase, strict=True)])

    def _vary(self, image: Tensor, rng: np.random.Generator) -> Tensor:
        """Change anatomy and contrast of one frame by random numbers that its neighbours share."""
        if not self.varied:
            return image
        if rng.random() < DEFORMED:
            image = deform(image, rng)
        return shade((remap if rng.random() < REMAPPED else gamma)(image, rng), rng)

    def _maps(self, plan: CinePlan, rng: np.random.Generator) -> Maps:
        enough = [maps for maps in self.maps if len(maps) >= plan.coils]
        if self.maps and not enough:
            most = max(map(len, self.maps))
            raise InputError(
                f"the measured coil maps have at most {most} coils, fewer than the {plan.coils} asked for"
            )
        if not enough or (self.varied and rng.random() >= MEASURED):
            return draw_maps(plan.matrix, plan.matrix[1] / plan.matrix[0], plan.coils, (), rng)
        maps = vary_maps(enough[int(rng.integers(len(enough)))], plan.matrix, plan.coils, rng)
        scaled: Maps = (maps / np.sqrt((np.abs(maps) ** 2).sum(0).max())).astype(np.complex64)
        return scaled


def noisy_target(kspace: Tensor) -> Tensor:
    """Return the root sum of squares of noisy coil images, as in fastMRI's targets: `(images, rows, columns)`."""
    return torch.stack([rss(ifft(one)) for one in kspace])


def _upright(rng: np.random.Generator) -> ObjectPlacement:
    """Draw a placement as a technologist would choose it."""
    down, across = rng.normal(0, 0.01, 2).tolist()
    return ObjectPlacement(math.radians(rng.normal(0, 3)), False, rng.uniform(1.0, 1.08), (down, across))


def _header(plan: CinePlan, beat: Beat, millimetres: float) -> Header:
    size = millimetres, millimetres * plan.matrix[1] / plan.matrix[0]
    return Header(
        crop=plan.matrix,
        padding=(0, plan.matrix[1]),
        field_of_view=size,
        field_strength=FIELD_STRENGTH,
        contrast=CONTRAST,
        encoded_field_of_view=size,
        fastmri=True,
        frames=counted_frames(1, plan.frames, 1, plan.slices),
        slice_thickness=THICKNESS,
        frame_interval=beat.interval if beat.known else None,
    )
