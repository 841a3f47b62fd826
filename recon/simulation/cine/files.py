"""Writes simulated series of beating hearts in fastMRI's layout, with the counters of their frames."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from recon.data.errors import InputError
from recon.data.formats.fastmri.layout import write_volume
from recon.simulation.cine.simulator import CinePlan, CineSimulator, noisy_target
from recon.simulation.raw_files import check_numbers, check_output

MOST_BREATH = 40.0
"""Largest displacement by breathing in mm; deep breaths move a diaphragm as far."""


def simulate_cines(
    output: Path,
    simulator: CineSimulator,
    plan: CinePlan,
    volumes: int,
    seed: int,
    progress: Callable[[], None] | None = None,
    overwrite: bool = False,
    name: str = "cine",
) -> list[Path]:
    """Write simulated series; volume i depends on the seed and i alone.

    Parameters
    ----------
    output
        Folder; created if missing.
    simulator
        Simulator of the series.
    plan
        Shapes and noise of every file.
    volumes
        Number of files.
    seed
        Random seed; the same seed gives the same samples, bit for bit.
    progress
        Function to call after each file.
    overwrite
        Whether files that this program has not written may be replaced.
    name
        Beginning of the names of the files.

    Returns
    -------
    list of Path
        `cine_0000.h5`, `cine_0001.h5`, ...

    Raises
    ------
    InputError
        If a number is out of range, the output is a file, or a file to write exists already and this program has not
        written it.
    """
    check_numbers(
        plan.matrix, seed, plan.snr, volumes=volumes, slices=plan.slices, coils=plan.coils, beats=plan.beats
    )
    if plan.frames < 2:
        raise InputError(f"cannot simulate a series of {plan.frames} frames; at least 2 are needed")
    if not 0 <= plan.breath <= MOST_BREATH:
        raise InputError(f"the chest cannot move by {plan.breath:g} mm; give 0 to {MOST_BREATH:g}")
    paths = [output / f"{name}_{index:04d}.h5" for index in range(volumes)]
    check_output(output, name, paths, overwrite)
    for index, path in enumerate(paths):
        scan = simulator.scan(plan, np.random.default_rng((seed, index)))
        target, patient = noisy_target(scan.kspace).numpy(), f"cine_{seed}_{index:04d}"
        write_volume(path, scan.kspace.numpy(), scan.header, target=target, patient_id=patient)
        if progress is not None:
            progress()
    return paths
