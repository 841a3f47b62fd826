"""The numbers of a comparison: one row per volume, method and acceleration, and what they come to together."""

from __future__ import annotations

import csv
import json
import math
import platform
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from recon.data.errors import InputError
from recon.data.storage.atomic import atomic_path

ALL = "all"
BETTER: dict[str, Callable[[Iterable[float]], float]] = {"ssim": max, "psnr": max, "nmse": min}
DECIMALS = {"ssim": 4, "psnr": 2, "nmse": 4, "seconds": 2}
HEADINGS = {"ssim": "SSIM", "psnr": "PSNR [dB]", "nmse": "NMSE", "seconds": "time [s]"}
PACKAGES = ("unrolled-recon", "torch", "numpy", "fastmri", "scikit-image", "sigpy", "PyWavelets", "h5py")

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True)
class Row:
    """One volume reconstructed by one method at one acceleration.

    Attributes
    ----------
    file
        Name of the raw-data file.
    acquisition
        Contrast, as the file's header names it.
    method
        As registered.
    acceleration
        As asked for; of a prospectively undersampled file, as measured.
    mask
        Kind of the sampling mask.
    center_fraction
        Fully sampled share of the lines.
    seed
        Of the masks.
    ssim, psnr, nmse
        Over the whole volume, PSNR in dB; NaN where the file has no target.
    seconds
        Time to reconstruct the volume.
    slices
        How many slices were reconstructed.
    """

    file: str
    acquisition: str
    method: str
    acceleration: float
    mask: str
    center_fraction: float
    seed: int
    ssim: float
    psnr: float
    nmse: float
    seconds: float
    slices: int

    @property
    def scored(self) -> bool:
        """Whether there was a target to compare with, and an image to compare."""
        return not math.isnan(self.ssim)


@dataclass(frozen=True)
class Statistic:
    """Mean over reconstructions and their sample standard deviation, NaN for a single one."""

    mean: float
    std: float


@dataclass(frozen=True)
class Group:
    """One method over all volumes of one contrast, and all seeds, under one protocol.

    Attributes
    ----------
    reconstructions
        How many were averaged: of each volume one for every seed.
    best
        The metrics it leads in.
    """

    acquisition: str
    acceleration: float
    mask: str
    center_fraction: float
    seeds: tuple[int, ...]
    method: str
    volumes: int
    slices: int
    reconstructions: int
    ssim: Statistic
    psnr: Statistic
    nmse: Statistic
    seconds: Statistic
    best: tuple[str, ...] = ()


def write_csv(path: Path, rows: Iterable[Row]) -> None:
    """Write one line per row; what was not scored is left empty."""
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Row)])
        writer.writeheader()
        for row in rows:
            writer.writerow({key: "" if _is_nan(value) else value for key, value in asdict(row).items()})


def read_csv(path: Path) -> list[Row]:
    """Read what `write_csv` wrote; further columns are ignored.

    Raises
    ------
    InputError
        If a column is missing or a value is not what its column holds.
    """
    types = get_type_hints(Row)
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        missing = [name for name in types if name not in (reader.fieldnames or [])]
        if missing:
            raise InputError(f"{path}: this table of metrics lacks the column {missing[0]}")
        try:
            return [Row(**{name: _parse(kind, line[name]) for name, kind in types.items()}) for line in reader]
        except (TypeError, ValueError) as error:
            raise InputError(f"{path}, line {reader.line_num}: {error}") from error


def partition(items: Iterable[T], key: Callable[[T], K]) -> dict[K, list[T]]:
    """Sort items into lists by their key, keys and items in order of appearance."""
    parts: dict[K, list[T]] = {}
    for item in items:
        parts.setdefault(key(item), []).append(item)
    return parts


def scheme(result: Row | Group) -> str:
    """Name what rows of one table must share: the kind of the sampling mask and the seeds."""
    seeds = (result.seed,) if isinstance(result, Row) else result.seeds
    return f"mask {result.mask}, {'seed' if len(seeds) == 1 else 'seeds'} {', '.join(map(str, seeds))}"


def contest(result: Row | Group) -> tuple[Hashable, ...]:
    """Key of the results that compete with each other: of one protocol and contrast; of rows, one scan too."""
    scan = (result.file, result.seed) if isinstance(result, Row) else (ALL, result.seeds)
    return *_protocol(result), result.acquisition, *scan


def summarise(rows: Iterable[Row]) -> list[Group]:
    """Average the scored rows by protocol, contrast and method; over all contrasts too if there are several.

    Mask, acceleration and centre fraction are the protocol: rows that differ in one never share a group.
    """
    protocols = partition(filter(lambda row: row.scored, rows), _protocol)
    groups: list[Group] = []
    for protocol in sorted(protocols):
        contrasts = partition(protocols[protocol], lambda row: row.acquisition)
        if len(contrasts) > 1:
            contrasts[ALL] = protocols[protocol]
        for acquisition, volumes in contrasts.items():
            methods = partition(volumes, lambda row: row.method).values()
            groups += _mark_best([_average(acquisition, members) for members in methods])
    return groups


def leaders(rows: Iterable[Row]) -> dict[str, tuple[str, ...]]:
    """Name the metrics in which each method is best on one volume."""
    rivals = [row for row in rows if row.scored]
    return {row.method: _leads(row, rivals) for row in rivals}


def write_summary(path: Path, rows: Iterable[Row], protocol: Mapping[str, Any], versions: Mapping[str, str]) -> None:
    """Write means and spread with the protocol they were measured under, as JSON; null is a number unknown."""
    summary = {
        "protocol": protocol,
        "versions": versions,
        "spread": "sample standard deviation over volumes and seeds",
        "groups": [asdict(group) for group in summarise(rows)],
    }
    text = json.dumps(_finite(summary), indent=2, default=str, allow_nan=False, ensure_ascii=False)
    with atomic_path(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


@cache
def versions() -> dict[str, str]:
    """Versions of Python and of every installed package that the numbers depend on."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def table(rows: Iterable[Row]) -> Table:
    """Lay out mean and spread for the terminal, best in bold: one table below the other, one for each scheme."""
    page = Table.grid()
    for name, groups in partition(summarise(rows), scheme).items():
        page.add_row(_scheme_table(name, groups))
    if not page.row_count:
        page.add_row("nothing is scored: no file has a target")
    return page


def format_number(metric: str, value: float) -> str:
    """Write a score with the decimals of its metric."""
    return "-" if math.isnan(value) else f"{value:.{DECIMALS[metric]}f}"


def _scheme_table(name: str, groups: Iterable[Group]) -> Table:
    title = f"{name}; mean ± standard deviation over n volumes and seeds"
    lines = Table(box=SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False, collapse_padding=True)
    for heading in ("R", "centre", "contrast", "method"):
        lines.add_column(heading, no_wrap=True)
    for heading in (*HEADINGS.values(), "n"):
        lines.add_column(Text(heading), justify="right")
    for block in partition(groups, contest).values():
        lines.add_section()
        for group in block:
            lines.add_row(
                f"{group.acceleration:.3g}x",
                f"{group.center_fraction:.3g}",
                Text(group.acquisition),
                Text(group.method),
                *(_score_text(group, metric) for metric in BETTER),
                format_number("seconds", group.seconds.mean),
                str(group.reconstructions),
            )
    return lines


def _score_text(group: Group, metric: str) -> Text:
    statistic: Statistic = getattr(group, metric)
    text = Text(format_number(metric, statistic.mean), style="bold" if metric in group.best else "")
    if group.reconstructions > 1:
        text.append(f" ± {format_number(metric, statistic.std)}", style="not bold")
    return text


def _protocol(result: Row | Group) -> tuple[str, float, str]:
    # As text, because a centre fraction that is not known (NaN) equals itself only so.
    return result.mask, result.acceleration, f"{result.center_fraction:g}"


def _average(acquisition: str, rows: Sequence[Row]) -> Group:
    def overall(metric: str) -> Statistic:
        return _statistic([getattr(row, metric) for row in rows])

    first = rows[0]
    return Group(
        acquisition=acquisition,
        acceleration=first.acceleration,
        mask=first.mask,
        center_fraction=first.center_fraction,
        seeds=tuple(sorted({row.seed for row in rows})),
        method=first.method,
        volumes=len({row.file for row in rows}),
        slices=sum({row.file: row.slices for row in rows}.values()),
        reconstructions=len(rows),
        ssim=overall("ssim"),
        psnr=overall("psnr"),
        nmse=overall("nmse"),
        seconds=overall("seconds"),
    )


def _statistic(values: Sequence[float]) -> Statistic:
    with np.errstate(invalid="ignore"):  # a perfect image has an infinite PSNR, whose spread is not a number
        spread = float(np.std(values, ddof=1)) if len(values) > 1 else math.nan
    return Statistic(mean=float(np.mean(values)), std=spread)


def _mark_best(groups: list[Group]) -> list[Group]:
    # A method that failed on some volumes is not compared by the mean of the others.
    complete = max(group.reconstructions for group in groups)
    rivals = [group for group in groups if group.reconstructions == complete]
    return [replace(group, best=_leads(group, rivals) if group in rivals else ()) for group in groups]


def _leads(candidate: Row | Group, rivals: Sequence[Row | Group]) -> tuple[str, ...]:
    if len(rivals) < 2:
        return ()
    return tuple(
        metric
        for metric, better in BETTER.items()
        if _level(candidate, metric) == better(_level(rival, metric) for rival in rivals)
    )


def _level(result: Row | Group, metric: str) -> float:
    value = getattr(result, metric)
    return value.mean if isinstance(value, Statistic) else value


def _parse(kind: type, text: str) -> Any:
    return math.nan if kind is float and not text else kind(text)


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _finite(value: Any) -> Any:
    """Replace what JSON has no number for by None."""
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
