"""Run `recon benchmark details`: count what reconstructions keep of small implants, and what they invent.

The scans of a pair differ in nothing but the implants, and are undersampled by the same mask.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from recon.contract import Reconstruction
from recon.data.errors import InputError
from recon.data.masks.sampling import Sampling
from recon.data.open import Volume, find_files, open_volume
from recon.data.storage.atomic import check_writable
from recon.data.storage.hdf5 import holds, open_hdf5, read_dataset
from recon.experiments.benchmark.json_report import Report, check_report, write_json
from recon.experiments.benchmark.machine import machine
from recon.experiments.console import Problems, console, progress
from recon.experiments.engine.device import CPU
from recon.experiments.engine.results.store import StoredResult, check_replaceable
from recon.experiments.engine.run import Runner
from recon.experiments.engine.sampled_volume import SampledVolume
from recon.experiments.engine.scores.metrics import Images
from recon.quality.false_details import SHARE, count_details, largest_false, object_median
from recon.quality.noise_floor import RULE
from recon.simulation.phantom.implants import COLUMNS, WIDTHS, Implant
from recon.simulation.raw_files import IMPLANTS_FOLDER

FALSE = 0.2
"""Contrast as a share of the implants' from which a detail that the full scan does not show counts as invented."""

VICINITY = 3
"""Distance in pixels beyond an implant's width within which changes count as blur or ringing, not as ghosts."""

LEAST_REACH = 2
"""Least reach in pixels over which an implant is compared on every side; that of wider ones is their width."""


@dataclass(frozen=True, eq=False)
class Pair:
    """Two scans that differ in their implants alone.

    Attributes
    ----------
    without, with_implants
        The scans.
    implants
        The implants, at their pixels in the target.
    """

    without: Volume
    with_implants: Volume
    implants: list[Implant]


@dataclass(frozen=True)
class SliceDetails:
    """Details that a method kept and invented in one slice of a pair.

    Attributes
    ----------
    kept
        Share of each implant's contrast that the image shows, with the width of the implant in pixels.
    invented_without, invented_with
        Details that the full scan does not show, in the image without and with implants.
    largest_invented
        Contrast of the strongest of them, as a share of the implants'.
    largest_ghost
        Contrast of the strongest structure that appears with the implants, away from them, as a share of theirs.
    """

    kept: list[tuple[float, float]]
    invented_without: int
    invented_with: int
    largest_invented: float
    largest_ghost: float


@dataclass(frozen=True)
class DetailResult:
    """Details that a method kept, lost and invented in all pairs at one acceleration; shares as in `SliceDetails`.

    Attributes
    ----------
    method, mask, acceleration
        The method, and the sampling.
    slices, implants
        Numbers of reconstructed slices without implants, and of implants, over all seeds.
    kept
        Mean share of contrast kept, by width of the implants in pixels, and of "all".
    lost
        Implants of which less than half the contrast is kept.
    invented_without, invented_with, largest_invented, largest_ghost
        Sums or maxima over the slices.
    """

    method: str
    mask: str
    acceleration: float
    slices: int
    implants: int
    kept: dict[str, float]
    lost: int
    invented_without: int
    invented_with: int
    largest_invented: float
    largest_ghost: float


@dataclass(frozen=True)
class DetailReport(Report):
    """All results, with what is needed to repeat them."""

    rows: list[DetailResult]


def details(
    inputs: Sequence[Path],
    methods: Mapping[str, Reconstruction],
    samplings: Sequence[Sampling],
    output: Path,
    device: torch.device = CPU,
) -> list[DetailResult]:
    """Reconstruct pairs, and write `details.json`; images of an interrupted run are not made again.

    Parameters
    ----------
    inputs
        Scans without implants, each with a scan of the same name in the folder `implants` beside it.
    methods
        Methods by name; every image is brought to the noise floor of a full scan.
    samplings
        Ways to undersample the scans.
    output
        Folder for `details.json` and the images.
    device
        Device to compute on.

    Raises
    ------
    InputError
        If a scan has no partner, nothing could be reconstructed, or a file of another program is in the way.
    SystemExit
        At the end, if a scan could not be read or reconstructed.
    """
    pairs = [open_pair(path) for path in find_files(inputs)]
    check_writable(output)
    check_report(output / "details.json")
    problems = Problems()
    found: dict[tuple[str, str, float], list[SliceDetails]] = {}
    with progress() as bar:
        slices = sum(len(pair.without) for pair in pairs)
        task = bar.add_task("details", total=2 * len(methods) * len(samplings) * slices)
        for pair, sampling, (name, method) in product(pairs, samplings, methods.items()):
            runner = Runner(name, method, device, floor=True)
            with problems.collect():
                images = [
                    _reconstruct(volume, sampling, runner, output / kind, lambda: bar.advance(task))
                    for kind, volume in (("without", pair.without), ("with", pair.with_implants))
                ]
                key = (name, str(sampling.kind), sampling.acceleration)
                found.setdefault(key, []).extend(compare_pair(pair, images[0], images[1]))
    if not found:
        raise InputError("nothing could be reconstructed")
    rows = [_sum_up(*key, slices) for key, slices in sorted(found.items(), key=lambda item: item[0][1:])]
    write_json(output / "details.json", DetailReport(_protocol(pairs, methods, samplings), machine(), rows))
    console.print(_tables(rows))
    problems.exit()
    return rows


def open_pair(path: Path) -> Pair:
    """Open a scan and its partner with implants.

    Raises
    ------
    InputError
        If there is no partner, it lists no implants, or it does not match.
    """
    partner = path.parent / IMPLANTS_FOLDER / path.name
    if not partner.is_file():
        raise InputError(f"{path}: there is no {partner} to compare with; recon simulate --implants 8 writes both")
    volumes = open_volume(path), open_volume(partner)
    if volumes[0].shape != volumes[1].shape or any(volume.target_name is None for volume in volumes):
        raise InputError(f"{partner}: is not the scan {path} with implants, or one of the two has no target")
    with open_hdf5(partner) as file:
        table = read_dataset(file, IMPLANTS_FOLDER)[()] if holds(file, IMPLANTS_FOLDER) else np.empty(0)
    return Pair(*volumes, _implants(partner, table, volumes[1]))


def compare_pair(pair: Pair, without: Images, with_implants: Images) -> Iterator[SliceDetails]:
    """Compare the images of a pair, `(slices, rows, columns)`, with their targets, slice by slice."""
    targets = [volume.read_target() for volume in (pair.without, pair.with_implants)]
    for index in range(len(pair.without)):
        implants = [implant for implant in pair.implants if implant.slice == index]
        if not implants:
            continue
        found = [torch.from_numpy(images[index]) for images in (without, with_implants)]
        expected = [torch.from_numpy(images[index]) for images in targets if images is not None]
        height = abs(implants[0].height)
        counts = []
        for image, target in zip(found, expected, strict=True):
            unit = float(object_median(target)) / height  # from the object's median to the implants' contrast
            counted = count_details(image, target, FALSE / unit)
            counts.append((counted.invented, counted.largest_invented * unit))
        change, true_change = found[1] - found[0], expected[1] - expected[0]
        yield SliceDetails(
            kept=[(implant.width, _share_kept(change, true_change, implant)) for implant in implants],
            invented_without=counts[0][0],
            invented_with=counts[1][0],
            largest_invented=max(counts[0][1], counts[1][1]),
            largest_ghost=float(largest_false(change, true_change, ~_vicinity(implants, change.shape))) / height,
        )


def _vicinity(implants: Iterable[Implant], shape: Sequence[int]) -> torch.Tensor:
    """Mark the pixels near implants, bool `(rows, columns)`."""
    rows, columns = torch.arange(shape[0])[:, None], torch.arange(shape[1])
    near = torch.zeros(shape[0], shape[1], dtype=torch.bool)
    for implant in implants:
        aside = (columns - implant.column).abs()
        aside = torch.minimum(aside, shape[1] - aside)  # a folded head goes on at the other side
        near |= (rows - implant.row) ** 2 + aside**2 < (implant.width + VICINITY) ** 2
    return near


def _share_kept(change: torch.Tensor, true_change: torch.Tensor, implant: Implant) -> float:
    """Return the share of an implant that an image shows: the least-squares multiple of what the full scan shows."""
    reach = max(LEAST_REACH, math.ceil(implant.width))
    rows, columns = (
        torch.arange(centre - reach, centre + reach + 1) % size
        for centre, size in zip((implant.row, implant.column), change.shape, strict=True)
    )
    ours, theirs = (image[rows[:, None], columns] for image in (change, true_change))
    return float((ours * theirs).sum() / theirs.square().sum())


def _implants(path: Path, table: NDArray[Any], volume: Volume) -> list[Implant]:
    sizes = np.array([len(volume), *(volume.target_size or (0, 0))])
    if table.ndim != 2 or table.shape[1] != len(COLUMNS) or not len(table) or not np.isfinite(table).all():
        raise InputError(f"{path}: holds no table of implants: {', '.join(COLUMNS)}")
    if (
        not ((table[:, :3] >= 0) & (table[:, :3] < sizes)).all()
        or not (table[:, 3] > 0).all()
        or not table[:, 4].all()
    ):
        raise InputError(f"{path}: lists implants outside the image, or without width or height")
    return [
        Implant(int(index), int(row), int(column), float(width), float(height))
        for index, row, column, width, height in table
    ]


def _reconstruct(
    volume: Volume, sampling: Sampling, runner: Runner, output: Path, on_slice: Callable[[], None]
) -> Images:
    scan = SampledVolume(volume, sampling)
    path = output / scan.label.replace(" ", "-") / runner.name / volume.name
    check_replaceable(path, damaged=True)
    return StoredResult(scan, runner, path).load_or_make(on_slice).images


def _sum_up(method: str, mask: str, acceleration: float, slices: Sequence[SliceDetails]) -> DetailResult:
    every = [one for slice_ in slices for one in slice_.kept]
    shares = {
        f"{width:g}": [share for size, share in every if size == width] for width in sorted({w for w, _ in every})
    }
    shares["all"] = [share for _, share in every]
    return DetailResult(
        method=method,
        mask=mask,
        acceleration=acceleration,
        slices=len(slices),
        implants=len(every),
        kept={width: float(np.mean(values)) for width, values in shares.items()},
        lost=sum(share < SHARE for _, share in every),
        invented_without=sum(slice_.invented_without for slice_ in slices),
        invented_with=sum(slice_.invented_with for slice_ in slices),
        largest_invented=max(slice_.largest_invented for slice_ in slices),
        largest_ghost=max(slice_.largest_ghost for slice_ in slices),
    )


def _protocol(
    pairs: Iterable[Pair], methods: Mapping[str, Reconstruction], samplings: Sequence[Sampling]
) -> dict[str, Any]:
    return {
        "files": [pair.without.name for pair in pairs],
        "samplings": [asdict(sampling) for sampling in samplings],
        "methods": {name: method.settings() for name, method in methods.items()},
        "noise floor": RULE,
        "kept": "least-squares multiple of the full scan's change around the implant",
        "lost": f"less than {SHARE:g} kept",
        "ghosts": f"of the change between the two images, {VICINITY} pixels or more from every implant",
        "invented": f"contrast from {FALSE:g} of the implants' on, of which the full scan shows less than {SHARE:g}",
    }


def _tables(rows: Sequence[DetailResult]) -> Table:
    """Lay out the results for the terminal, in one table per mask."""
    page = Table.grid()
    for mask in dict.fromkeys(row.mask for row in rows):
        page.add_row(_table(mask, [row for row in rows if row.mask == mask]))
    return page


def _table(mask: str, rows: Sequence[DetailResult]) -> Table:
    widths = [f"{width:g}" for width in WIDTHS]
    table = Table(
        box=SIMPLE_HEAD,
        title=f"mask {mask}; contrast of implants kept, by width; details invented without and with implants; the "
        "strongest of them, and of ghosts, in units of the implants' contrast",
        title_justify="left",
        pad_edge=False,
        collapse_padding=True,
    )
    for heading in ("R", "method", *(f"{width} px" for width in widths), "lost", "invented", "largest", "ghost"):
        table.add_column(heading, justify="left" if heading == "method" else "right", no_wrap=True)
    for row in rows:
        table.add_row(
            f"{row.acceleration:g}x",
            Text(row.method),
            *(f"{row.kept[width]:.2f}" if width in row.kept else "-" for width in widths),
            f"{row.lost}/{row.implants}",
            f"{row.invented_without} + {row.invented_with}",
            f"{row.largest_invented:.2f}",
            f"{row.largest_ghost:.2f}",
        )
    return table
