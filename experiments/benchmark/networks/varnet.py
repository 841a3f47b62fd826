"""`recon benchmark varnet`: our VarNet against `fastmri.models.VarNet` with the same weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.data.masks import MaskKind, Sampling
from recon.experiments.benchmark.classical.cases import Shape, simulate_scan
from recon.experiments.benchmark.classical.failure import reason
from recon.experiments.benchmark.cost import peak_memory, timed
from recon.experiments.benchmark.json_report import read_json, write_json
from recon.experiments.benchmark.machine import machine
from recon.experiments.benchmark.networks.networks import (
    INFERENCE,
    OURS,
    REDUCED,
    REFERENCE,
    TRAINING,
    VIRTUAL_COILS,
    Example,
    Pair,
    Work,
    build_pair,
)
from recon.experiments.benchmark.networks.results import Outcome, Report, Task
from recon.experiments.benchmark.networks.roofline import Operation, Rates, count, measure_rates
from recon.experiments.benchmark.networks.table import table
from recon.experiments.console import console, progress

SAMPLING = Sampling(MaskKind.EQUISPACED_FRACTION, 4, 0.08)


@dataclass(frozen=True)
class Benchmark:
    """What is measured.

    Attributes
    ----------
    shapes
        Coils, readout and phase of the slices; where the readout is twice the phase or nearly so, it is taken as
        oversampled, and cutting it is measured besides.
    cascades
        Of the network; the rest is as on fastMRI's leaderboard.
    repeats
        How often everybody runs against the clock, after once to warm up.
    training
        Whether training steps are measured beside inference.
    """

    shapes: tuple[Shape, ...]
    cascades: int = 12
    repeats: int = 5
    training: bool = True

    def protocol(self, device: torch.device) -> dict[str, Any]:
        """Everything that must be known to repeat the numbers, beside the machine."""
        return {
            "network": f"{self.cascades} cascades, 18 channels, 4 poolings; maps 8 channels, 4 poolings",
            "repeats": self.repeats,
            "device": device.type if device.type == "cpu" else torch.cuda.get_device_name(device),
            "mask": "equispaced_fraction 4x, centre 0.08",
            "training": "forward, SSIM loss, backward; no optimizer",
            "ratio": "median over rounds of fastMRI float32 over the entrant, in which each runs once",
        }


def varnet(benchmark: Benchmark, output: Path, device: torch.device) -> Report:
    """Measure task by task; what an interrupted run finished is not done again.

    Parameters
    ----------
    benchmark
        What is measured.
    output
        Folder of `varnet.json`.
    device
        Where.

    Raises
    ------
    InputError
        If the output holds results of another protocol or machine.
    """
    path = output / "varnet.json"
    report = _open_report(path, benchmark, device)
    pair = build_pair(benchmark.cascades, device)
    for shape in benchmark.shapes:
        acquisition = undersampled_slice(shape)
        for training in (False, True) if benchmark.training else (False,):
            task = report.find(shape, training)
            if task is None:
                task = measure(pair, acquisition, training, benchmark, report.rates, device)
                report.tasks.append(task)
                write_json(path, report)
            console.print(table(task))
    console.print(f"results: {path}", markup=False, soft_wrap=True)
    return report


def measure(
    pair: Pair,
    acquisition: Acquisition,
    training: bool,
    benchmark: Benchmark,
    rates: Rates,
    device: torch.device,
) -> Task:
    """Let everybody run in rounds, so that a change of the machine's load meets all; then measure memory."""
    shape = (acquisition.coils, *acquisition.matrix)
    entrants = TRAINING if training else INFERENCE
    if not training and acquisition.crop != acquisition.matrix:
        entrants = (*entrants, REDUCED)
    example = Example.of(acquisition, device)
    works = {one.name: one.work(pair, acquisition, example, training) for one in entrants}
    counted = {flag: needed(flag, acquisition, benchmark, training) for flag in {one.reduced for one in entrants}}
    limits = [rates.least_seconds(counted[one.reduced], one.half) for one in entrants]
    outcomes = {one.name: Outcome(one.name, limit) for one, limit in zip(entrants, limits, strict=True)}
    title = f"{'x'.join(map(str, shape))} {'training step' if training else 'inference'}"
    with progress() as bar:
        task = bar.add_task(title, total=len(entrants) * (benchmark.repeats + 2))

        def attempt(stage: str, change: Callable[[Outcome, Work], Outcome]) -> None:
            for name, outcome in outcomes.items():
                bar.update(task, advance=1, description=f"{title}, {name}: {stage}")
                if outcome.failure is None:
                    outcomes[name] = _survive(outcome, lambda outcome, name=name: change(outcome, works[name]))  # type: ignore[misc]
                pair.forget_gradients()

        expected = works[REFERENCE.name]().double()
        attempt("warming up", lambda outcome, work: _with_error(outcome, work, expected))
        for repeat in range(benchmark.repeats):
            attempt(f"time, {repeat + 1}", lambda outcome, work: _with_time(outcome, work, device))
        attempt("memory", lambda outcome, work: _with_memory(outcome, work, device))
    return Task(shape, training, device.type == "cuda", list(outcomes.values()))


def needed(reduced: bool, acquisition: Acquisition, benchmark: Benchmark, training: bool) -> list[Operation]:
    """List what the mathematics needs, all of it or reduced, by running ours where nothing is computed."""
    meta = torch.device("meta")
    coils, (readout, phase) = acquisition.coils, acquisition.matrix
    if reduced:
        coils, readout = min(coils, VIRTUAL_COILS), acquisition.crop[0]
    kspace = torch.empty(1, coils, readout, phase, dtype=torch.complex64, device=meta)
    example = Example(kspace, kspace[:1, :1, :1].real > 0, kspace[:, 0].real)
    return count(OURS.work(build_pair(benchmark.cascades, meta), acquisition, example, training))


def undersampled_slice(shape: Shape) -> Acquisition:
    """Simulate a slice; an oversampled readout is twice as long as its image."""
    scan = simulate_scan(shape)
    _, readout, phase = shape
    if readout > 1.5 * phase:
        scan = replace(scan, header=replace(scan.header, crop=(readout // 2, phase)))
    return SAMPLING(scan)


def _open_report(path: Path, benchmark: Benchmark, device: torch.device) -> Report:
    protocol, found = benchmark.protocol(device), machine()
    if not path.is_file():
        return Report(protocol, found, measure_rates(device))
    earlier = read_json(path, Report)
    if (earlier.protocol, earlier.machine) != (protocol, found):
        raise InputError(f"{path}: was measured under another protocol or machine; give another --output")
    return earlier


def _survive(outcome: Outcome, change: Callable[[Outcome], Outcome]) -> Outcome:
    try:
        return change(outcome)
    except (RuntimeError, MemoryError) as error:  # memory may not suffice for one, and the rest goes on
        return replace(outcome, failure=reason(error))


def _with_error(outcome: Outcome, work: Work, expected: Tensor) -> Outcome:
    image = work().double()
    if image.shape != expected.shape:
        return outcome
    return replace(outcome, error=float((image - expected).norm() / expected.norm()))


def _with_time(outcome: Outcome, work: Work, device: torch.device) -> Outcome:
    def finished() -> None:
        work()
        if device.type == "cuda":
            torch.cuda.synchronize()

    outcome.seconds.add(timed(finished)[1])
    return outcome


def _with_memory(outcome: Outcome, work: Work, device: torch.device) -> Outcome:
    if device.type != "cuda":
        return replace(outcome, memory=peak_memory(work))
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    work()
    return replace(outcome, memory=torch.cuda.max_memory_allocated() - before)
