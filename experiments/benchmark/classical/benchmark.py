"""Run `recon benchmark classical`: compare our classical methods with those of other packages on the same data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import torch

from recon.classical.zero_filled import ZeroFilled
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.data.masks.measured import center_lines
from recon.data.masks.sampling import Sampling
from recon.experiments.benchmark.classical.cases import SIMULATED_SNR, Case, Shape, read_scans, simulate_scan
from recon.experiments.benchmark.classical.maps import count_map_stages, measure_maps
from recon.experiments.benchmark.classical.measure import Effort, count_peer_stages, measure_peers, quality
from recon.experiments.benchmark.classical.peer import Peer
from recon.experiments.benchmark.classical.peers.bart_pics import BART
from recon.experiments.benchmark.classical.peers.ours import OURS
from recon.experiments.benchmark.classical.peers.pygrappa_mdgrappa import PYGRAPPA
from recon.experiments.benchmark.classical.peers.sigpy_apps import SIGPY
from recon.experiments.benchmark.classical.results import CaseResult, ClassicalReport
from recon.experiments.benchmark.classical.table import tables
from recon.experiments.benchmark.json_report import read_json, write_json
from recon.experiments.benchmark.machine import device_name, machine
from recon.experiments.console import console, progress
from recon.experiments.engine.device import CPU

PEERS: tuple[Peer, ...] = (*OURS, *SIGPY, *BART, *PYGRAPPA)


@dataclass(frozen=True)
class ClassicalBenchmark:
    """Settings of the classical benchmark.

    Attributes
    ----------
    samplings
        Samplings under which every scan is measured.
    effort
        Number of trials and repeats.
    peers
        Reconstructions to measure.
    device
        Device of the data. BART and pygrappa compute on the CPU all the same.
    """

    samplings: tuple[Sampling, ...]
    effort: Effort
    peers: tuple[Peer, ...] = PEERS
    device: torch.device = CPU

    def protocol(self) -> dict[str, Any]:
        """Return everything needed to repeat the numbers, besides the machine and the samples."""
        return {
            "masks": [
                asdict(sampling)
                | {"kind": str(sampling.kind), "within": list(sampling.within), "seeding": "by the scan's name"}
                for sampling in self.samplings
            ],
            "effort": asdict(self.effort),
            "device": device_name(self.device),
            "peers": {peer.name: None if peer.lamdas is None else list(peer.lamdas) for peer in self.peers},
            "lamda": "on data whose zero-filled image has a maximum of 1; chosen by PSNR, for each image apart",
            "scores": "of the middle slice, cropped as the header says; range: the slice's largest target value",
            "+dc": "coil images to k-space, measured lines put back, root sum of squares",
            "SNR of simulated scans": SIMULATED_SNR,
        }


def classical(
    inputs: list[Path], simulated: list[Shape], benchmark: ClassicalBenchmark, output: Path
) -> ClassicalReport:
    """Measure case by case; cases that an interrupted run finished are not measured again.

    Parameters
    ----------
    inputs
        Files and folders of fully sampled raw data; the middle slice of each file is used.
    simulated
        Shapes `(coils, readout, phase)` of further slices to simulate.
    benchmark
        Settings of the benchmark.
    output
        Folder of `classical.json`.

    Raises
    ------
    InputError
        If an input is not fully sampled or has no target, or the output holds results of another protocol.
    """
    path = output / "classical.json"
    report = _open_report(path, benchmark)
    scans = chain(read_scans(inputs) if inputs else (), map(simulate_scan, simulated))
    for case in _cases(scans, benchmark.samplings):
        result = report.find(case.title, case.fingerprint())
        if result is None:
            result = _measure(case, benchmark)
            report.cases.append(result)
            write_json(path, report)
        console.print(tables(result))
    console.print(f"results: {path}", markup=False, soft_wrap=True)
    return report


def _open_report(path: Path, benchmark: ClassicalBenchmark) -> ClassicalReport:
    report = ClassicalReport(benchmark.protocol(), machine())
    if not path.is_file():
        return report
    earlier = read_json(path, ClassicalReport)
    if (earlier.protocol, earlier.machine) != (report.protocol, report.machine):
        raise InputError(f"{path}: holds results of another protocol or machine; give another --output")
    return earlier


def _cases(scans: Iterable[Acquisition], samplings: Iterable[Sampling]) -> Iterable[Case]:
    return (Case(scan, sampling) for scan in scans for sampling in samplings)


def _measure(case: Case, benchmark: ClassicalBenchmark) -> CaseResult:
    acquisition, effort = case.acquisition().to(benchmark.device), benchmark.effort
    lines = center_lines(acquisition.mask)
    with progress() as bar:
        task = bar.add_task(
            case.title, total=count_peer_stages(benchmark.peers, effort) + count_map_stages(effort.repeats)
        )

        def announce(stage: str) -> None:
            bar.update(task, advance=1, description=f"{case.title}, {stage}")

        return CaseResult(
            title=case.title,
            fingerprint=case.fingerprint(),
            shape=(acquisition.coils, *acquisition.matrix),
            measured_acceleration=acquisition.acceleration,
            calibration_lines=lines.stop - lines.start,
            zero_filled=quality(ZeroFilled()(acquisition), acquisition, None),
            rows=measure_peers(benchmark.peers, acquisition, effort, announce),
            maps=measure_maps(acquisition, effort.repeats, announce),
        )
