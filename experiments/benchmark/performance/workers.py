"""Run `recon benchmark workers`: measure volumes per second with several processes, and what a Dask cluster adds."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
from rich.table import Table

from recon.data.extras import extra
from recon.experiments.benchmark.cost import peak_of_command, timed
from recon.experiments.benchmark.json_report import Report, check_report, write_json
from recon.experiments.benchmark.machine import machine
from recon.experiments.benchmark.tables import empty_table
from recon.experiments.cluster.dask_cluster import DaskCluster
from recon.experiments.cluster.job import Advance, Task, Work
from recon.experiments.console import console, progress
from recon.simulation.raw_files import simulate_folder

SNR = 40.0
"""Mean tissue signal over the noise of the simulated scans."""


@dataclass(frozen=True)
class WorkersBenchmark:
    """Settings of the benchmark.

    Attributes
    ----------
    methods
        Methods to reconstruct with.
    settings
        Numbers of processes and of the threads of each.
    volumes, slices, shape
        Number of volumes, of slices in each, and shape `(coils, readout, phase)`.
    repeats
        Number of rounds in which each method runs once with each setting.
    tasks, pause, cluster
        Number of tasks of the simulated cluster, seconds that each takes, and number of workers; no tasks for none.
    """

    methods: tuple[str, ...]
    settings: tuple[tuple[int, int], ...]
    volumes: int = 20
    slices: int = 8
    shape: tuple[int, int, int] = (8, 256, 256)
    repeats: int = 3
    tasks: int = 0
    pause: float = 1.0
    cluster: int = 8


@dataclass(frozen=True)
class Run:
    """One run of `recon reconstruct` on all volumes.

    Attributes
    ----------
    method, processes, threads
        The method, the number of processes, and of the threads of each.
    seconds, cpu_seconds
        Wall seconds from the start of the command to its end, and CPU seconds of all its processes.
    steady
        Volumes per second from the first finished volume of each process to the last.
    mebibytes
        Peak memory of the largest process.
    load
        Load of the machine before, as the mean over a minute.
    """

    method: str
    processes: int
    threads: int
    seconds: float
    cpu_seconds: float
    steady: float
    mebibytes: float
    load: float


@dataclass(frozen=True)
class ClusterRun:
    """A run of many pauses on a simulated Dask cluster on this machine.

    Attributes
    ----------
    tasks, pause, workers
        Number of tasks, seconds of each, and number of workers.
    seconds
        Wall seconds for all tasks.
    overhead
        Share of the time that is not pauses.
    cpu_seconds
        CPU seconds of command and scheduler for each task, which do not depend on how busy the machine is.
    first_mebibytes, last_mebibytes
        Memory of the process of command and scheduler after a tenth of the tasks and at the end.
    """

    tasks: int
    pause: float
    workers: int
    seconds: float
    overhead: float
    cpu_seconds: float
    first_mebibytes: float
    last_mebibytes: float


@dataclass(frozen=True)
class WorkersReport(Report):
    """All runs, with what is needed to repeat them."""

    rows: list[Run]
    cluster: list[ClusterRun]


@dataclass(frozen=True)
class Pauses:
    """A job whose tasks are pauses, to measure what scheduling takes."""

    seconds: float

    def work(self) -> Work:
        """Return the function that pauses."""
        return partial(_pause, self.seconds)


def _pause(seconds: float, task: Task, advance: Advance) -> str:
    time.sleep(seconds)
    advance(1)
    return task[0]


def workers(benchmark: WorkersBenchmark, output: Path) -> list[Run]:
    """Measure, and write `workers.json`.

    Parameters
    ----------
    benchmark
        Settings of the benchmark.
    output
        Folder for `workers.json`.

    Raises
    ------
    InputError
        If a run fails, or `workers.json` is the file of another program.
    """
    check_report(output / "workers.json")
    output.mkdir(parents=True, exist_ok=True)
    clusters = [cluster_run(benchmark)] if benchmark.tasks else []
    report = WorkersReport(asdict(benchmark), machine(), [], clusters)
    write_json(output / "workers.json", report)
    with TemporaryDirectory() as folder, progress() as bar:
        scans = Path(folder) / "scans"
        coils, *matrix = benchmark.shape
        size = (matrix[0], matrix[1])
        if benchmark.methods:
            simulate_folder(scans, benchmark.volumes, benchmark.slices, coils, size, 0, SNR, lambda: None)
        rounds = [(method, *setting) for method in benchmark.methods for setting in benchmark.settings]
        task = bar.add_task("workers", total=benchmark.repeats * len(rounds))
        for count in range(benchmark.repeats):
            for number, (method, processes, threads) in enumerate(rounds):
                bar.update(task, description=f"{method}, {processes} x {threads}")
                report.rows.append(_run(scans, Path(folder) / f"images{count}-{number}", method, processes, threads))
                write_json(output / "workers.json", report)
                bar.advance(task)
    if report.rows:
        console.print(_table(report.rows, benchmark.volumes))
    for one in clusters:
        console.print(
            f"Dask: {one.tasks} tasks of {one.pause:g} s on {one.workers} workers: {one.overhead:.1%} overhead, "
            f"{1000 * one.cpu_seconds:.1f} CPU ms for each, "
            f"{one.first_mebibytes:.0f} MiB after a tenth and {one.last_mebibytes:.0f} MiB at the end"
        )
    console.print(f"results: {output / 'workers.json'}", markup=False, soft_wrap=True)
    return report.rows


def cluster_run(benchmark: WorkersBenchmark) -> ClusterRun:
    """Measure the time and the memory that scheduling takes, on a Dask cluster of processes on this machine.

    Raises
    ------
    InputError
        If Dask is not installed.
    """
    with extra("cluster", "the simulated cluster"):
        from dask.distributed import LocalCluster  # noqa: PLC0415 - an extra
    tasks = [(f"scan{number}",) for number in range(benchmark.tasks)]
    job, process = Pauses(benchmark.pause), psutil.Process()
    with LocalCluster(
        n_workers=benchmark.cluster, threads_per_worker=1, processes=True, dashboard_address=":0"
    ) as cluster:
        crew = DaskCluster(cluster.scheduler_address)
        list(crew.run(job, tasks[: benchmark.cluster], _discard))  # warm up
        first, start, cpu = 0.0, time.perf_counter(), time.process_time()
        for count, _ in enumerate(crew.run(job, tasks, _discard), 1):
            if count == max(1, len(tasks) // 10):
                first = process.memory_info().rss / 2**20
        seconds, last = time.perf_counter() - start, process.memory_info().rss / 2**20
        cpu = (time.process_time() - cpu) / len(tasks)
    ideal = -(-len(tasks) // benchmark.cluster) * benchmark.pause
    overhead = 1 - ideal / seconds
    return ClusterRun(len(tasks), benchmark.pause, benchmark.cluster, seconds, overhead, cpu, first, last)


def _discard(_slices: int) -> None:
    """Show no progress."""


def _run(scans: Path, output: Path, method: str, processes: int, threads: int) -> Run:
    command = [sys.executable, "-m", "recon", "reconstruct", str(scans), "--method", method, "--acceleration", "4"]
    command += ["--output", str(output), "--workers", str(processes)]
    variables = os.environ | {"OMP_NUM_THREADS": str(processes * threads)}
    load = os.getloadavg()[0]
    highest, seconds = timed(lambda: peak_of_command(command, variables))
    ends = sorted(path.stat().st_mtime for path in output.glob("*.h5"))
    between = ends[-1] - ends[processes - 1] if len(ends) > processes else 0.0
    steady = (len(ends) - processes) / between if between else 0.0
    return Run(method, processes, threads, seconds.wall, seconds.cpu, steady, highest / 2**20, load)


def _table(runs: Sequence[Run], volumes: int) -> Table:
    headings = ("method", "processes x threads", "volumes/s", "once started", "CPU s/volume", "MiB", "load")
    table = empty_table("volumes per second, the median of all rounds", headings, {"method"})
    for method, processes, threads in dict.fromkeys((run.method, run.processes, run.threads) for run in runs):
        same = [run for run in runs if (run.method, run.processes, run.threads) == (method, processes, threads)]
        middle = sorted(same, key=lambda run: run.seconds)[len(same) // 2]
        table.add_row(
            method,
            f"{processes} x {threads}",
            f"{volumes / middle.seconds:.3f}",
            f"{middle.steady:.3f}",
            f"{middle.cpu_seconds / volumes:.2f}",
            f"{max(run.mebibytes for run in same):.0f}",
            f"{middle.load:.1f}",
        )
    return table
