"""Measure estimates of coil maps: their time, and the share of sigpy's maps that their span does not contain."""

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
from recon.experiments.benchmark.classical.peer import failure_reason
from recon.experiments.benchmark.classical.peers.bart_pics import ONE_MAP, BartMaps
from recon.experiments.benchmark.classical.results import MapsResult
from recon.experiments.benchmark.cost import timed
from recon.experiments.engine.device import CPU

Estimate = Callable[[Acquisition], Tensor]
"""Function that estimates the maps `(coils, readout, phase)` of one slice."""

SUPPORT = 0.1
"""Maps are compared where the target exceeds this share of its maximum; elsewhere they are determined by noise."""

VIRTUAL_COILS = 8


def sigpy_maps(acquisition: Acquisition) -> Tensor:
    """Estimate with `EspiritCalib`, only from measured lines and without cropping."""
    return espirit_maps(acquisition)


def bart_maps(acquisition: Acquisition) -> Tensor:
    """Estimate with `bart ecalib -m 1 -c 0`."""
    return BartMaps(acquisition.to(CPU), ONE_MAP).read()[0]


def compressed(estimate: Estimate) -> Estimate:
    """Return a function that estimates on the virtual coils with most of the calibration lines' energy."""

    def estimate_compressed(acquisition: Acquisition) -> Tensor:
        lines = calibration_lines(acquisition).lines
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
"""Estimates by name; the others are compared with the first."""


def measure_maps(
    acquisition: Acquisition,
    repeats: int,
    announce: Callable[[str], None],
    estimates: Mapping[str, Estimate] = ESTIMATES,
) -> list[MapsResult]:
    """Time the estimates in rounds in which each runs once; the result of an estimate that fails says why.

    Parameters
    ----------
    acquisition
        One undersampled slice with its target.
    repeats
        Number of timed rounds; an untimed one before them lets compilers warm up.
    announce
        Called with a description of each stage before it begins.
    estimates
        Estimates by name; the first is the reference.
    """
    results = {name: MapsResult(name) for name in estimates}
    reference: Tensor | None = None
    for repeat in range(repeats + 1):
        for name, estimate in estimates.items():
            announce(f"{name}: maps, {repeat}" if repeat else f"{name}: maps")
            if results[name].failure is not None:
                continue
            try:
                maps, seconds = timed(partial(estimate, acquisition))
            except Exception as error:  # noqa: BLE001 - other people's code may fail in any way
                results[name] = replace(results[name], failure=failure_reason(error))
                continue
            if repeat:
                results[name].seconds.add(seconds)
            elif name == next(iter(estimates)):
                reference = maps
            elif reference is not None:
                results[name] = replace(results[name], projection_error=_error(reference, maps, acquisition))
    return list(results.values())


def count_map_stages(repeats: int) -> int:
    """Count the stages that `measure_maps` announces."""
    return len(ESTIMATES) * (repeats + 1)


def projection_error(reference: Tensor, maps: Tensor, support: Tensor) -> float:
    """Return `||(1 - P) s|| / ||s||` over the support, where `P` projects on the maps' direction in each pixel.

    Parameters
    ----------
    reference
        Reference maps `s`, complex `(coils, readout, phase)`.
    maps
        Maps to compare, complex `(coils, readout, phase)`; neither their phase nor their length matters.
    support
        Pixels to compare, bool `(readout, phase)`.
    """
    s, direction = reference[:, support], maps[:, support]
    direction = direction / torch.linalg.vector_norm(direction, dim=0)
    missed = s - direction * (direction.conj() * s).sum(0)
    return float(torch.linalg.vector_norm(missed) / torch.linalg.vector_norm(s))


def _error(reference: Tensor, maps: Tensor, acquisition: Acquisition) -> float:
    target = target_of(acquisition).cpu()
    support = target > SUPPORT * target.max()
    cropped = center_crop(reference.cpu(), target.shape), center_crop(maps.cpu(), target.shape)
    return projection_error(*cropped, support)
