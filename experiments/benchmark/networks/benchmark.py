"""Run `recon benchmark varnet`: compare our VarNet with `fastmri.models.VarNet` of the same weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.data.masks.kind import MaskKind
from recon.data.masks.sampling import Sampling
from recon.experiments.benchmark.classical.cases import Shape, simulate_scan
from recon.experiments.benchmark.classical.peer import failure_reason
from recon.experiments.benchmark.cost import peak_memory, timed
from recon.experiments.benchmark.json_report import read_json, write_json
from recon.experiments.benchmark.machine import device_name, machine
from recon.experiments.benchmark.networks.entrants import (
    INFERENCE,
    OURS,
    REDUCED,
    REFERENCE,
    TF32,
    TRAINING,
    VIRTUAL_COILS,
    NetworkInput,
    NetworkPair,
    Work,
    build_pair,
)
from recon.experiments.benchmark.networks.results import EntrantResult, NetworkReport, TaskResult
from recon.experiments.benchmark.networks.roofline import Operation, Rates, count_operations, measure_rates
from recon.experiments.benchmark.networks.table import table
from recon.experiments.console import console, progress

SAMPLING = Sampling(MaskKind.EQUISPACED_FRACTION, 4, 0.08)


@dataclass(frozen=True)
class VarNetBenchmark:
    """Settings of the network benchmark.

    Attributes
    ----------
    shapes
        Shapes `(coils, readout, phase)` of the slices; a readout longer than 1.5 times the phase counts as
        oversampled, and inference is then also measured on reduced data.
    cascades
        Number of cascades; the rest of the network is that of fastMRI's leaderboard.
    repeats
        Number of timed rounds, after one to warm up.
    training
        Whether to measure training steps besides inference.
    """

    shapes: tuple[Shape, ...]
    cascades: int = 12
    repeats: int = 5
    training: bool = True

    def protocol(self, device: torch.device) -> dict[str, Any]:
        """Return everything needed to repeat the numbers, besides the machine."""
        return {
            "network": f"{self.cascades} cascades, 18 channels, 4 poolings; maps 8 channels, 4 poolings",
            "repeats": self.repeats,
            "device": device_name(device),
            "mask": "equispaced_fraction 4x, centre 0.08",
            "training": "forward, SSIM loss, backward; no optimizer",
            "ratio": "median over rounds of fastMRI float32 over the entrant, in which each runs once",
        }


def varnet(benchmark: VarNetBenchmark, output: Path, device: torch.device) -> NetworkReport:
    """Measure task by task; tasks that an interrupted run finished are not measured again.

    Parameters
    ----------
    benchmark
        Settings of the benchmark.
    output
        Folder of `varnet.json`.
    device
        Device to compute on.

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
    pair: NetworkPair,
    acquisition: Acquisition,
    training: bool,
    benchmark: VarNetBenchmark,
    rates: Rates,
    device: torch.device,
) -> TaskResult:
    """Time all entrants in rounds, so that a change of the machine's load affects all; then measure memory."""
    shape = (acquisition.coils, *acquisition.matrix)
    entrants = TRAINING if training else INFERENCE
    if device.type == "cuda":
        entrants = (*entrants, *TF32)
    if not training and acquisition.crop != acquisition.matrix:
        entrants = (*entrants, REDUCED)
    example = NetworkInput.of(acquisition, device)
    works = {one.name: one.work(pair, acquisition, example, training) for one in entrants}
    counted = {
        flag: required_operations(flag, acquisition, benchmark, training)
        for flag in {one.reduced for one in entrants}
    }
    limits = [rates.least_seconds(counted[one.reduced], one.precision == "bf16") for one in entrants]
    results = {one.name: EntrantResult(one.name, limit) for one, limit in zip(entrants, limits, strict=True)}
    title = f"{'x'.join(map(str, shape))} {'training step' if training else 'inference'}"
    with progress() as bar:
        task = bar.add_task(title, total=len(entrants) * (benchmark.repeats + 2))

        def attempt(stage: str, change: Callable[[EntrantResult, Work], EntrantResult]) -> None:
            for name, result in results.items():
                bar.update(task, advance=1, description=f"{title}, {name}: {stage}")
                if result.failure is None:
                    results[name] = _note_failure(result, lambda result, name=name: change(result, works[name]))  # type: ignore[misc]
                pair.forget_gradients()

        expected = works[REFERENCE.name]().double()
        attempt("warming up", lambda result, work: _with_error(result, work, expected))
        for repeat in range(benchmark.repeats):
            attempt(f"time, {repeat + 1}", _with_time)
        attempt("memory", lambda result, work: _with_memory(result, work, device))
    return TaskResult(shape, training, device.type == "cuda", list(results.values()))


def required_operations(
    reduced: bool, acquisition: Acquisition, benchmark: VarNetBenchmark, training: bool
) -> list[Operation]:
    """List the operations that the network requires on full or reduced data, by running ours on the meta device."""
    meta = torch.device("meta")
    coils, (readout, phase) = acquisition.coils, acquisition.matrix
    if reduced:
        coils, readout = min(coils, VIRTUAL_COILS), acquisition.crop[0]
    kspace = torch.empty(1, coils, readout, phase, dtype=torch.complex64, device=meta)
    example = NetworkInput(kspace, kspace[:1, :1, :1].real > 0, kspace[:, 0].real)
    return count_operations(OURS.work(build_pair(benchmark.cascades, meta), acquisition, example, training))


def undersampled_slice(shape: Shape) -> Acquisition:
    """Simulate an undersampled slice; an oversampled readout is twice as long as its image."""
    scan = simulate_scan(shape)
    _, readout, phase = shape
    if readout > 1.5 * phase:
        scan = replace(scan, header=replace(scan.header, crop=(readout // 2, phase)))
    return SAMPLING(scan)


def _open_report(path: Path, benchmark: VarNetBenchmark, device: torch.device) -> NetworkReport:
    protocol, measured_on = benchmark.protocol(device), machine()
    if not path.is_file():
        return NetworkReport(protocol, measured_on, measure_rates(device))
    earlier = read_json(path, NetworkReport)
    if (earlier.protocol, earlier.machine) != (protocol, measured_on):
        raise InputError(f"{path}: holds results of another protocol or machine; give another --output")
    return earlier


def _note_failure(result: EntrantResult, change: Callable[[EntrantResult], EntrantResult]) -> EntrantResult:
    try:
        return change(result)
    except (RuntimeError, MemoryError) as error:  # one entrant may run out of memory; the rest continues
        return replace(result, failure=failure_reason(error))


def _with_error(result: EntrantResult, work: Work, expected: Tensor) -> EntrantResult:
    image = work().double()
    if image.shape != expected.shape:
        return result
    return replace(result, error=float((image - expected).norm() / expected.norm()))


def _with_time(result: EntrantResult, work: Work) -> EntrantResult:
    result.seconds.add(timed(work)[1])
    return result


def _with_memory(result: EntrantResult, work: Work, device: torch.device) -> EntrantResult:
    return replace(result, memory=peak_memory(work, device))
