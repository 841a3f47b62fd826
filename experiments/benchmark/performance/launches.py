"""Run `recon benchmark launches`: count the kernels that a GPU would launch per slice, and the waits of the host.

No GPU is needed: the operations are the same on a CPU, where torch's profiler records them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import repeat
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from rich.table import Table
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.profiler import ProfilerActivity, profile

from recon.blocking import as_on_gpu
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError, did_you_mean
from recon.data.extras import extra
from recon.data.masks.kind import MaskKind
from recon.data.masks.sampling import Sampling
from recon.data.training.collate import collate
from recon.data.training.datasets import Slice
from recon.experiments.benchmark.classical.cases import Shape, simulate_scan, target_of
from recon.experiments.benchmark.json_report import Report, check_report, write_json
from recon.experiments.benchmark.machine import machine
from recon.experiments.benchmark.performance.memory import CONFIGS, write_random_weights
from recon.experiments.benchmark.tables import empty_table
from recon.experiments.console import console, progress
from recon.experiments.training.config.config_file import load_config
from recon.models.zoo import NETWORKS, method_of
from recon.registry import create, method_names

CENTERS = (0.08, 0.06, 0.1, 0.05)
"""Fully sampled fractions of the lines; the masks of a batch differ in theirs."""

EMA = 0.999
"""Decay of the moving average of the weights in a training step."""

NAMES = ("varnet", "varnet-general", "cs-wavelet", "cs-tv", "sense")
"""Networks and methods that are counted if none are named."""

Work = Callable[[], object]

NO_KERNELS = """
    adjoint alias as_strided as_strided_ chunk conj _conj contiguous data detach detach_ diagonal empty empty_like
    empty_strided expand expand_as flatten imag is_nonzero is_same_size item lift_fresh mH mT movedim narrow new_empty
    new_empty_strided numel numpy_T permute promote_types real reshape _reshape_alias resize_ resolve_conj resolve_neg
    result_type select set_ set_data slice split split_with_sizes squeeze squeeze_ stride swapaxes t tensor_split to
    transpose transpose_ unbind unflatten unfold unsafe_split unsqueeze unsqueeze_ _unsafe_view view view_as
    view_as_complex view_as_real _view_as_complex _view_as_real
"""
"""Operations that compute nothing: they only allocate, or describe the same memory otherwise."""

VIEWS = frozenset(NO_KERNELS.split())

FUSED = ("_foreach_", "_fused_")
"""Beginnings of the operations that treat all weights in one kernel on a GPU, and one by one on a CPU."""

WAITS = frozenset({"_local_scalar_dense", "equal", "masked_select", "nonzero", "_unique2", "unique_dim"})
"""Operations whose result the host needs before it can launch anything else."""

READS = frozenset({Tensor.cpu, Tensor.numpy, Tensor.tolist})
"""Functions that copy a tensor to the host, which on a CPU leave no trace in the profiler."""


@dataclass(frozen=True)
class Launches:
    """Work that a batch of slices gives a GPU, per slice.

    Attributes
    ----------
    name
        Network or method.
    training
        Whether the work is a training step: forward, loss, backward, optimizer and moving average.
    batch
        Number of slices computed together.
    launches
        Kernels per slice, each operation counted once.
    waits
        Times per slice that the host waits for a result.
    """

    name: str
    training: bool
    batch: int
    launches: float
    waits: float


@dataclass(frozen=True)
class LaunchReport(Report):
    """All counts, with what is needed to repeat them."""

    rows: list[Launches]


def launches(names: Sequence[str], batches: Sequence[int], shape: Shape, output: Path) -> list[Launches]:
    """Count training steps of the networks, and inference of networks and methods, and write `launches.json`.

    Parameters
    ----------
    names
        Networks of the zoo and methods.
    batches
        Numbers of slices computed together.
    shape
        Shape `(coils, readout, phase)` of a slice; each slice of a batch has a mask of its own.
    output
        Folder for `launches.json`.

    Raises
    ------
    InputError
        If a name is unknown, or `launches.json` is the file of another program.
    """
    check_report(output / "launches.json")
    known = dict.fromkeys([*NETWORKS, *method_names()])
    for name in names:
        if name not in known:
            raise InputError(f"unknown method or network {name!r}{did_you_mean(name, list(known))}")
    tasks = [(name, training) for name in names for training in ((True, False) if name in NETWORKS else (False,))]
    rows = []
    with TemporaryDirectory() as folder, progress() as bar:
        task = bar.add_task("launches", total=len(tasks) * len(batches))
        for (name, training), batch in ((one, batch) for one in tasks for batch in batches):
            bar.update(task, description=f"{name}, {'training' if training else 'inference'}, {batch} slices")
            work = (_training if training else _inference)(name, undersampled(shape, batch), Path(folder))
            counted = count(work)
            rows.append(Launches(name, training, batch, *(number / batch for number in counted)))
            bar.advance(task)
    protocol = {"shape": shape, "sampling": "equispaced_fraction 4x", "center_fractions": CENTERS}
    write_json(output / "launches.json", LaunchReport(protocol, machine(), rows))
    console.print(_table(shape, rows))
    console.print(f"results: {output / 'launches.json'}", markup=False, soft_wrap=True)
    return rows


def count(work: Work) -> tuple[int, int]:
    """Count the kernels that some work launches and its waits for the host, once it is warm."""
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # otherwise the profiler writes to the terminal
    with as_on_gpu():
        work()
        with profile(activities=[ProfilerActivity.CPU]) as profiler, _HostReads() as reads:
            work()
    operations = _operations(profiler)
    waits = sum(operation.is_wait for operation in operations)
    return sum(operation.is_kernel for operation in operations), waits + reads.number


@dataclass
class _Operation:
    """One operation of the profile; `is_kernel` until an operation inside it turns out to be the kernel."""

    name: str
    end: int
    is_kernel: bool
    is_wait: bool


def _operations(profiler: profile) -> list[_Operation]:
    """List all operations; an operation that calls others launches no kernel of its own."""
    recorded: Any = profiler.profiler  # its list of events is not nested, but a hundred times faster than `events()`
    events = [event for event in recorded.kineto_results.events() if event.name().startswith("aten::")]
    events.sort(key=lambda event: (event.start_thread_id(), event.start_ns(), -event.duration_ns()))
    operations: list[_Operation] = []
    around: list[_Operation] = []
    thread = None
    for event in events:
        if event.start_thread_id() != thread:
            thread, around = event.start_thread_id(), []
        while around and around[-1].end <= event.start_ns():
            around.pop()
        name = event.name().removeprefix("aten::")
        alone = not any(outer.name.startswith(FUSED) for outer in around)
        operation = _Operation(
            name,
            end=event.start_ns() + event.duration_ns(),
            is_kernel=alone and name not in VIEWS | WAITS,
            is_wait=alone and name in WAITS,
        )
        if operation.is_kernel:
            for outer in around:
                outer.is_kernel = False
        around.append(operation)
        operations.append(operation)
    return operations


class _HostReads(TorchFunctionMode):
    """Counts the calls of `READS`."""

    def __init__(self) -> None:
        super().__init__()
        self.number = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call a function of torch, and count it."""
        self.number += func in READS
        return func(*args, **(kwargs or {}))


def undersampled(shape: Shape, batch: int) -> list[Acquisition]:
    """Return a simulated slice under as many masks, which differ in their numbers of calibration lines."""
    scan = simulate_scan(shape)
    return [
        Sampling(MaskKind.EQUISPACED_FRACTION, 4, CENTERS[number % len(CENTERS)])(
            replace(scan, name=f"scan {number}")
        )
        for number in range(batch)
    ]


def _inference(name: str, acquisitions: list[Acquisition], folder: Path) -> Work:
    settings = {"checkpoint": write_random_weights(name, folder)} if name in NETWORKS else {}
    method = create(method_of(name), settings)
    method.prepare()
    return lambda: method.batch(acquisitions)


def _training(name: str, acquisitions: list[Acquisition], folder: Path) -> Work:
    """Return a step of `recon train` under the configuration that ships for a network; no files are read."""
    with extra("train", "training"):
        from recon.experiments.training.construct import make_network, make_objective  # noqa: PLC0415
        from recon.experiments.training.input.reading import Batch  # noqa: PLC0415
        from recon.experiments.training.input.reuse import Reuse  # noqa: PLC0415
        from recon.experiments.training.optimization.average import make_average  # noqa: PLC0415
        from recon.experiments.training.optimization.optimizer import make_optimizer  # noqa: PLC0415
        from recon.experiments.training.optimization.schedule import Schedule  # noqa: PLC0415
        from recon.experiments.training.processes import make_accelerator  # noqa: PLC0415
        from recon.experiments.training.record.state import Position  # noqa: PLC0415
        from recon.experiments.training.shutdown import Shutdown  # noqa: PLC0415
        from recon.experiments.training.train import Run  # noqa: PLC0415
    overrides = [f"output={folder}", "data.train=none", "data.val=none", "effective_batch=null", "device=cpu"]
    overrides += [f"ema={EMA}", "log_every=1000000", "uses=1", "early=null"]
    config = load_config(Path(CONFIGS[name]), overrides)
    accelerator = make_accelerator(config)
    network = make_network(config)
    run = Run(
        config=config,
        accelerator=accelerator,
        network=network,
        objective=accelerator.prepare(make_objective(config, network)),
        optimizer=make_optimizer(config.optimizer, network),
        average=make_average(network, EMA),
        position=(position := Position()),
        schedule=Schedule(config, position),
    )
    slices, shutdown = _Examples([_example(one) for one in acquisitions]), Shutdown(accelerator, None)
    reader = repeat(Batch(list(range(len(slices))), collate(slices.slices), []))
    reuse = Reuse(reader, repeat((0, 0)), uses=1)
    return lambda: run.step(reuse, slices, shutdown)


def _example(acquisition: Acquisition) -> Slice:
    target = target_of(acquisition)
    mask, acceleration = acquisition.mask.reshape(1, 1, -1), torch.tensor(acquisition.acceleration)
    return Slice(acquisition.kspace, mask, target, target.amax(), acceleration)


@dataclass(frozen=True)
class _Examples:
    """Slices to train on that are already in memory."""

    slices: list[Slice]

    def __len__(self) -> int:
        return len(self.slices)

    def __getitem__(self, index: int) -> Slice:
        return self.slices[index]

    def shapes(self) -> list[tuple[int, ...]]:
        return [tuple(one.kspace.shape) for one in self.slices]

    def where(self, index: int) -> str:
        return f"slice {index}"


def _table(shape: Shape, rows: Sequence[Launches]) -> Table:
    texts = "network or method", "work"
    laid = empty_table(f"{'x'.join(map(str, shape))}, per slice", (*texts, "batch", "launches", "waits"), texts)
    for row in rows:
        work = "training step" if row.training else "inference"
        laid.add_row(row.name, work, str(row.batch), f"{row.launches:.0f}", f"{row.waits:.2f}")
    return laid
