"""Run `recon benchmark loading`: measure slices per second of our data loader and of fastMRI's in turns."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from fastmri.data.mri_data import SliceDataset as FastMRIDataset
from fastmri.data.subsample import create_mask_for_mask_type
from fastmri.data.transforms import VarNetDataTransform
from torch.utils.data import DataLoader, Dataset

from recon.crop import center_crop
from recon.data.errors import InputError
from recon.data.formats.fastmri.layout import write_volume
from recon.data.masks.kind import MaskKind
from recon.data.masks.sampling import Sampling
from recon.data.open import Volume, find_files, open_volume
from recon.data.training.collate import collate
from recon.data.training.datasets import NamedMasks, SliceDataset
from recon.data.training.preprocessed import preprocessed
from recon.experiments.benchmark.classical.results import Timing
from recon.experiments.benchmark.cost import timed
from recon.experiments.benchmark.json_report import Report, check_report, write_json
from recon.experiments.benchmark.loading.table import table
from recon.experiments.benchmark.machine import machine
from recon.experiments.console import console, progress
from recon.preprocessing.steps import Steps
from recon.simulation.raw_files import simulate_volume

THEIRS, OURS, KEPT = "fastmri", "ours", "ours, kept slices"
SAMPLINGS = (Sampling(MaskKind.RANDOM, 4, 0.08), Sampling(MaskKind.RANDOM, 8, 0.04))
KEPT_AS = Steps(("remove_oversampling", "virtual_coils=8"))

SIMULATED_SHAPE = (15, 640, 368)
SIMULATED_CROP = (320, 320)
SIMULATED_SLICES = 4


@dataclass(frozen=True)
class LoadingBenchmark:
    """Settings of the loading benchmark.

    Attributes
    ----------
    workers
        Numbers of reading processes; 0 reads in the main process.
    repeats
        Number of times that each loader reads all slices.
    files
        Largest number of files to read.
    cold
        Whether to drop the files from the page cache before each pass; otherwise they are all read into it.
    """

    workers: tuple[int, ...] = (0, 1, 2)
    repeats: int = 7
    files: int = 6
    cold: bool = False

    def protocol(self) -> dict[str, Any]:
        """Return everything needed to repeat the numbers, besides the machine and the files."""
        return {
            **asdict(self),
            "masks": [
                asdict(sampling) | {"kind": str(sampling.kind), "within": list(sampling.within)}
                for sampling in SAMPLINGS
            ],
            "fastmri": "fastmri.data.SliceDataset with VarNetDataTransform, masks by file name",
            "kept slices": list(KEPT_AS.words),
            "loader": "torch DataLoader, batches of one slice, all slices in one shuffled order",
            "order": "loaders in turns, the first one changing from repeat to repeat",
        }


@dataclass(frozen=True)
class LoadingResult:
    """Seconds that one loader with one number of workers takes to read all slices."""

    loader: str
    workers: int
    seconds: Timing = field(default_factory=Timing)


@dataclass(frozen=True)
class LoadingReport(Report):
    """Results of the loading benchmark in the form of `loading.json`.

    Attributes
    ----------
    shapes
        Shape `(slices, coils, readout, phase)` of every file.
    slices
        Number of slices in a pass.
    same_slices
        Number of slices whose mask, undersampled k-space and target equal those of fastMRI's loader.
    bytes_per_slice
        Bytes on disk per slice, by loader.
    rows
        Seconds of every loader and number of workers.
    """

    shapes: list[tuple[int, int, int, int]]
    slices: int
    same_slices: int
    bytes_per_slice: dict[str, int]
    rows: list[LoadingResult]


def loading(inputs: list[Path], benchmark: LoadingBenchmark, output: Path) -> LoadingReport:
    """Measure the loaders, and write `loading.json`.

    Parameters
    ----------
    inputs
        Files and folders of fully sampled raw data; if empty, files as large as fastMRI's knees are simulated.
    benchmark
        Settings of the benchmark.
    output
        Folder for `loading.json`, and for temporary files during the run.

    Raises
    ------
    InputError
        If an input cannot be read or has no target, or `loading.json` is the file of another program.
    """
    path = output / "loading.json"
    check_report(path)
    output.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=output) as scratch:
        loaders = Loaders.prepare(Path(scratch), inputs, benchmark.files)
        report = LoadingReport(
            protocol=benchmark.protocol(),
            machine=machine(),
            shapes=[volume.shape for volume in loaders.volumes],
            slices=loaders.slices,
            same_slices=loaders.count_same(),
            bytes_per_slice=loaders.bytes_per_slice(),
            rows=loaders.measure(benchmark),
        )
    write_json(path, report)
    console.print(table(report))
    console.print(f"results: {path}", markup=False, soft_wrap=True)
    return report


@dataclass(frozen=True)
class Loaders:
    """The data sets to measure, by name, and the files that each reads."""

    volumes: list[Volume]
    datasets: dict[str, Dataset[Any]]
    files: dict[str, list[Path]]

    @classmethod
    def prepare(cls, scratch: Path, inputs: list[Path], files: int) -> Loaders:
        """Link or simulate the files, and fill the cache of preprocessed slices."""
        folder, cache = scratch / "raw", scratch / "cache"
        volumes = _gather(inputs, files, folder)
        datasets = _datasets(folder, volumes, cache)
        for index in range(len(datasets[KEPT])):  # type: ignore[arg-type] # as in _read_all
            datasets[KEPT][index]
        raw, kept = sorted(folder.iterdir()), sorted(cache.rglob("*.safetensors"))
        return cls(volumes, datasets, {THEIRS: raw, OURS: raw, KEPT: kept})

    @property
    def slices(self) -> int:
        """Number of slices in all files."""
        return sum(map(len, self.volumes))

    def count_same(self) -> int:
        """Count the slices that our loader and fastMRI's return equally."""
        pairs = ((self.datasets[OURS][index], self.datasets[THEIRS][index]) for index in range(self.slices))
        return sum(_same(ours, theirs) for ours, theirs in pairs)

    def bytes_per_slice(self) -> dict[str, int]:
        """Return the bytes per slice that each loader reads from disk."""
        return {name: sum(path.stat().st_size for path in paths) // self.slices for name, paths in self.files.items()}

    def measure(self, benchmark: LoadingBenchmark) -> list[LoadingResult]:
        """Time all loaders in turns, as often as the benchmark repeats."""
        rows = [LoadingResult(name, workers) for workers in benchmark.workers for name in self.datasets]
        with progress() as bar:
            task = bar.add_task("loading", total=len(rows) * benchmark.repeats)
            for workers, repeat in product(benchmark.workers, range(benchmark.repeats)):
                for row in _in_turn([row for row in rows if row.workers == workers], repeat):
                    _prepare_page_cache(self.files[row.loader], benchmark.cold)
                    _, seconds = timed(partial(_read_all, self.datasets[row.loader], workers))
                    row.seconds.add(seconds)
                    bar.advance(task)
        return rows


def _gather(inputs: list[Path], files: int, folder: Path) -> list[Volume]:
    """Link or simulate files in a folder of their own, because fastMRI's loader reads whole folders."""
    folder.mkdir()
    if inputs:
        for path in find_files(inputs)[:files]:
            (folder / path.name).symlink_to(path.resolve())
    else:
        _simulate(folder, files)
    volumes = [open_volume(path) for path in sorted(folder.iterdir())]
    if len({volume.target_name for volume in volumes}) > 1:
        raise InputError("single-coil and multi-coil files cannot be measured together")
    return volumes


def _simulate(folder: Path, files: int) -> None:
    """Write files as large as those of fastMRI's knees; all slices are equal, which does not affect a loader."""
    coils, *matrix = SIMULATED_SHAPE
    volume = simulate_volume((matrix[0], matrix[1]), 1, coils, 40.0, np.random.default_rng(0))
    kspace = np.repeat(volume.kspace, SIMULATED_SLICES, axis=0)
    target = center_crop(torch.from_numpy(volume.target), SIMULATED_CROP).numpy()
    header = replace(volume.header, crop=SIMULATED_CROP)
    for number in range(files):
        write_volume(folder / f"file{number:04d}.h5", kspace, header, np.repeat(target, SIMULATED_SLICES, axis=0))


def _datasets(folder: Path, volumes: Sequence[Volume], cache: Path) -> dict[str, Dataset[Any]]:
    challenge = "singlecoil" if volumes[0].target_name == "reconstruction_esc" else "multicoil"
    masks = create_mask_for_mask_type(
        str(SAMPLINGS[0].kind),
        [sampling.center_fraction for sampling in SAMPLINGS],
        [round(sampling.acceleration) for sampling in SAMPLINGS],
    )
    undersample = NamedMasks(SAMPLINGS)
    return {
        THEIRS: FastMRIDataset(folder, challenge, VarNetDataTransform(masks)),
        OURS: SliceDataset(volumes, undersample),
        KEPT: SliceDataset(preprocessed(volumes, KEPT_AS, cache), undersample),
    }


def _same(ours: Any, theirs: Any) -> bool:
    """Return whether mask, undersampled k-space and target are equal."""
    kspace = torch.view_as_complex(theirs.masked_kspace).reshape(ours.kspace.shape)
    return (
        torch.equal(ours.mask.flatten(), theirs.mask.flatten())
        and torch.equal(ours.kspace, kspace)
        and torch.equal(ours.target, theirs.target)
    )


def _read_all(dataset: Dataset[Any], workers: int) -> None:
    """Read all slices once, in batches of one, as training does."""
    slices = len(dataset)  # type: ignore[arg-type] # torch's Dataset does not promise a length
    order = np.random.default_rng(0).permutation(slices).tolist()
    collation = collate if isinstance(dataset, SliceDataset) else None
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="This DataLoader will create")  # more workers than cores
        for _ in DataLoader(dataset, batch_size=1, sampler=order, num_workers=workers, collate_fn=collation):
            pass


def _in_turn(rows: list[LoadingResult], repeat: int) -> list[LoadingResult]:
    first = repeat % len(rows)
    return rows[first:] + rows[:first]


def _prepare_page_cache(files: Sequence[Path], cold: bool) -> None:
    """Read the files into the page cache, or drop them from it."""
    for path in files:
        if not cold:
            with path.open("rb", buffering=0) as file:
                while file.read(2**24):
                    pass
            continue
        with path.open("rb") as file:
            os.fsync(file.fileno())  # the kernel cannot drop pages that are not yet written
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
