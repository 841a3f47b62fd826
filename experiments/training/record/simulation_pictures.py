"""Draws every effect of the simulator and some simulated scans, for the user to look at."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from recon.coils import rss
from recon.crop import center_pad
from recon.data.masks.kind import MaskKind
from recon.data.storage.atomic import atomic_path
from recon.experiments.report.pictures.panels import GRAY, NOTICE, WHITE_PERCENTILE
from recon.fourier import fft, ifft
from recon.simulation.cropped_scans import CroppedScans
from recon.simulation.noisy_patches import PatchSlices
from recon.simulation.scanner.coil_maps import draw_maps
from recon.simulation.scanner.effects import coil_noise, fold, nyquist_ghost, truncate
from recon.simulation.scanner.sampling import draw_plane_mask
from recon.simulation.scanner.simulator import Simulator
from recon.simulation.scanner.slices import SimulatedSlices
from recon.simulation.scanner.subject.contrast import gamma, remap, shade, synthesise
from recon.simulation.scanner.subject.objects import add_implants, add_lesions, deform, mix
from recon.simulation.scanner.subject.phase import air_phase, fat_phase, smooth_phase
from recon.simulation.scanner.subject.placement import ObjectPlacement

EFFECTS, SCANS, PATCHES = "effects.png", "simulated.png", "patches.png"

MATRIX, COILS = (192, 192), 8
FOLDED_TO = 120
"""Number of columns to fold the image to; the head is wider."""

SHOWN = 12
"""Largest number of scans to draw."""

_CELL, _DARK, _BRIGHT, _PHASE = 1.9, "#0d0f12", "#f0f3f6", "twilight"

Panel = tuple[str, NDArray[np.floating], str]
"""Title, picture `(rows, columns)` and colour map."""


def write_simulation_pictures(folder: Path, simulator: Simulator, slices: SimulatedSlices) -> None:
    """Write the effects and the scans as one PNG each, whole or not at all."""
    drawn = list(effects(simulator, np.random.default_rng(0)))
    _write(folder / EFFECTS, drawn, 7, "Effects of the simulator")
    _write(folder / SCANS, list(scans(slices)), 6, "Simulated scans: target and zero-filled image")


def write_patch_pictures(folder: Path, images: PatchSlices | CroppedScans) -> None:
    """Write one patch of each of the first images as one PNG, whole or not at all."""
    panels: list[Panel] = []
    for index in range(min(SHOWN, len(images))):
        noisy, clean, sigma = (part[0] for part in images[index])
        level = float(sigma.mean() / clean.abs().amax().clamp(min=1e-9))
        noisy = center_pad(noisy, clean.shape)
        panels += [_panel("clean", clean.abs()), _panel(f"noise {level:.1%} of the maximum", noisy.abs())]
    _write(folder / PATCHES, panels, 6, "Simulated patches")


def effects(simulator: Simulator, rng: np.random.Generator) -> Iterator[Panel]:
    """Apply each effect to the first anatomy.

    Parameters
    ----------
    simulator
        Simulator whose anatomy to use.
    rng
        Generator of the effects' random parameters.

    Yields
    ------
    tuple
        Name of the effect, picture `(rows, columns)` and colour map.
    """
    anatomy = simulator.anatomies[0]
    image = torch.from_numpy(anatomy.slice(len(anatomy) // 2))
    upright = ObjectPlacement(0.0, mirrored=False, scale=1.0, shift=(0.0, 0.0))
    plain = upright.render(image, MATRIX, aspect=1)
    yield _panel("anatomy", plain)
    yield _panel(
        "view",
        ObjectPlacement(math.radians(14), mirrored=True, scale=0.9, shift=(0.03, -0.04)).render(image, MATRIX, 1),
    )
    yield _panel("gamma", gamma(plain, rng))
    yield _panel("remapped tissues", remap(plain, rng))
    yield _panel("synthetic contrast", synthesise(plain, rng))
    yield _panel("deformed", deform(plain, rng))
    yield _panel("lesions", add_lesions(plain, rng))
    yield _panel("implants", add_implants(plain, rng))
    yield _panel("mixed with its mirror image", mix(plain, plain.flip(1), rng))
    yield _panel("shading", shade(plain, rng))
    yield _panel("smooth phase", _wrapped(smooth_phase(MATRIX, rng, plain.device)), _PHASE)
    yield _panel("phase of fat", _wrapped(fat_phase(plain, rng)), _PHASE)
    yield _panel("phase near air", _wrapped(air_phase(plain, rng)), _PHASE)

    maps = torch.from_numpy(draw_maps(MATRIX, 1, COILS, (), rng))
    coil_images = maps * torch.polar(plain, smooth_phase(MATRIX, rng, plain.device))
    yield _panel("one of 8 loops", maps[0].abs())
    yield _panel("folded along phase", rss(fold(coil_images, FOLDED_TO)))
    yield _panel("N/2 ghost", rss(ifft(nyquist_ghost(fft(coil_images), rng))))
    kspace = fft(coil_images)
    yield _panel("correlated noise, SNR 8", rss(ifft(kspace + coil_noise(kspace, 8, rng))))
    yield _panel("Poisson disc, 6x", draw_plane_mask(MaskKind.POISSON, MATRIX, 6, rng).float())
    yield _panel("CAIPI, 6x", draw_plane_mask(MaskKind.CAIPI, MATRIX, 6, rng).float())
    yield _panel("truncated k-space", truncate(plain + 0j, (64, 64)).abs())


def scans(slices: SimulatedSlices) -> Iterator[Panel]:
    """Yield target and zero-filled image of the first scans."""
    for index in range(min(SHOWN, len(slices))):
        scan = slices[index]
        coils, readout, phase = scan.kspace.shape
        share = float(scan.mask.float().mean())
        yield _panel(f"{coils} x {readout} x {phase}", scan.target)
        yield _panel(f"{1 / share:.1f}x", rss(ifft(scan.kspace)))


def _panel(name: str, values: Tensor, palette: str = GRAY) -> Panel:
    return name, values.cpu().numpy(), palette


def _wrapped(phase: Tensor) -> Tensor:
    return torch.remainder(phase + math.pi, 2 * math.pi) - math.pi


def _write(path: Path, panels: Sequence[Panel], across: int, title: str) -> None:
    rows = -(-len(panels) // across)
    figure = Figure(figsize=(across * _CELL, rows * (_CELL + 0.2) + 0.3), dpi=100, facecolor=_DARK)
    figure.suptitle(f"{title}. {NOTICE}", color=_BRIGHT, fontsize=9)
    for number, (name, values, palette) in enumerate(panels, start=1):
        axes = figure.add_subplot(rows, across, number)
        ends = (-math.pi, math.pi) if palette == _PHASE else (0, float(np.percentile(values, WHITE_PERCENTILE)) or 1)
        axes.imshow(values, cmap=palette, vmin=ends[0], vmax=ends[1])
        axes.set_title(name, color=_BRIGHT, fontsize=7, pad=3)
        axes.set_axis_off()
    figure.tight_layout()
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png")
