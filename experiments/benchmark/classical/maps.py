"""Coil maps: seconds of each estimate, and how much of sigpy's maps its span does not hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from recon.calibration.acs import calibration_lines
from recon.calibration.compression import compress, compression_matrix, expand
from recon.calibration.espirit import estimate_sens_maps
from recon.classical.sigpy_apps import espirit_maps
from recon.crop import center_crop
from recon.data.acquisition import Acquisition
from recon.experiments.benchmark.classical.cases import target_of
from recon.experiments.benchmark.classical.failure import reason
from recon.experiments.benchmark.classical.peers.bart_pics import ONE_MAP, BartMaps
from recon.experiments.benchmark.classical.results import MapsRow
from recon.experiments.benchmark.cost import timed

Estimate = Callable[[Acquisition], Tensor]
"""Of one slice, maps `(coils, readout, phase)`."""

SUPPORT = 0.1
"""Maps are compared where the target exceeds this share of its maximum: elsewhere they are maps of noise."""

VIRTUAL_COILS = 8


def sigpy_maps(acquisition: Acquisition) -> Tensor:
    """Estimate by `EspiritCalib`, from no more lines than were measured and without cropping."""
    return espirit_maps(acquisition)


def bart_maps(acquisition: Acquisition) -> Tensor:
    """Estimate by `bart ecalib -m 1 -c 0`."""
    return BartMaps(acquisition, ONE_MAP).read()[0]


def compressed(estimate: Estimate) -> Estimate:
    """Estimate on the virtual coils that hold most of the calibration lines' energy."""

    def estimate_compressed(acquisition: Acquisition) -> Tensor:
        lines = calibration_lines(acquisition)
        matrix = compression_matrix(lines, VIRTUAL_COILS)
        kspace, calibration = compress(acquisition.kspace, matrix), compress(lines, matrix)
        return expand(estimate(replace(acquisition, kspace=kspace, calibration=calibration)), matrix)

    return estimate_compressed


ESTIMATES: dict[str, Estimate] = {
    "sigpy ESPIRiT": sigpy_maps,
    f"sigpy ESPIRiT, {VIRTUAL_COILS} virtual coils": compressed(sigpy_maps),
    "BART ecalib": bart_maps,
    "ours": estimate_sens_maps,
    f"ours, {VIRTUAL_COILS} virtual coils": compressed(estimate_sens_maps),
}
"""The first is what the others are compared with."""


def contest_maps(
    acquisition: Acquisition,
    repeats: int,
    say: Callable[[str], None],
    estimates: Mapping[str, Estimate] = ESTIMATES,
) -> list[MapsRow]:
    """Estimate in rounds, each once in a round; whoever fails keeps his reason.

    Parameters
    ----------
    acquisition
        One undersampled slice with its target.
    repeats
        How many rounds count; one before them does not, because compilers warm up in it.
    say
        Called with what begins.
    estimates
        By name; the first is the reference.
    """
    rows = {name: MapsRow(name) for name in estimates}
    reference: Tensor | None = None
    for repeat in range(repeats + 1):
        for name, estimate in estimates.items():
            say(f"{name}: maps, {repeat}" if repeat else f"{name}: maps")
            if rows[name].failure is not None:
                continue
            try:
                maps, seconds = timed(partial(estimate, acquisition))
            except Exception as error:  # noqa: BLE001 - a program of others may fail in any way, and the rest goes on
                rows[name] = replace(rows[name], failure=reason(error))
                continue
            if repeat:
                rows[name].seconds.add(seconds)
            elif name == next(iter(estimates)):
                reference = maps
            elif reference is not None:
                rows[name] = replace(rows[name], projection_error=_error(reference, maps, acquisition))
    return list(rows.values())


def stages(repeats: int) -> int:
    """Count how often `contest_maps` says something."""
    return len(ESTIMATES) * (repeats + 1)


def projection_error(reference: Tensor, maps: Tensor, support: Tensor) -> float:
    """Measure `||(1 - P) s|| / ||s||` over the support, `P` the projection on the maps' direction in each pixel.

    Parameters
    ----------
    reference
        `s`, complex `(coils, readout, phase)`.
    maps
        complex `(coils, readout, phase)`; neither their phase nor their length matters.
    support
        bool `(readout, phase)`.
    """
    s, direction = reference[:, support], maps[:, support]
    direction = direction / torch.linalg.vector_norm(direction, dim=0)
    missed = s - direction * (direction.conj() * s).sum(0)
    return float(torch.linalg.vector_norm(missed) / torch.linalg.vector_norm(s))


def _error(reference: Tensor, maps: Tensor, acquisition: Acquisition) -> float:
    target = target_of(acquisition)
    support = target > SUPPORT * target.max()
    cropped = center_crop(reference, target.shape), center_crop(maps, target.shape)
    return projection_error(*cropped, support)
