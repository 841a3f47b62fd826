"""Store the scores of a comparison, one per volume, method and acceleration, and average them by protocol."""

from __future__ import annotations

import csv
import json
import math
import platform
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from recon.data.errors import InputError
from recon.data.storage.atomic import atomic_path
from recon.data.versions import PACKAGES, version_of

ALL = "all"
BETTER: dict[str, Callable[[Iterable[float]], float]] = {
    "ssim": max,
    "psnr": max,
    "nmse": min,
    "ssim_foreground": max,
    "psnr_foreground": max,
    "detail_energy": partial(min, key=abs),
    "detail_correlation": max,
}
DECIMALS = {
    "ssim": 4,
    "psnr": 2,
    "nmse": 4,
    "ssim_foreground": 4,
    "psnr_foreground": 2,
    "detail_energy": 2,
    "detail_correlation": 3,
    "seconds": 2,
}
HEADINGS = {
    "ssim": "SSIM",
    "psnr": "PSNR [dB]",
    "nmse": "NMSE",
    "ssim_foreground": "SSIM object",
    "psnr_foreground": "PSNR object [dB]",
    "detail_energy": "detail energy [dB]",
    "detail_correlation": "detail correlation",
    "seconds": "time [s]",
}
NARROW = ("ssim", "psnr", "nmse", "seconds")
"""Scores that the table in the terminal shows; those over the object are in the files and on the page."""

FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""First letters of a text that spreadsheets run as a formula, also in their wide forms."""

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True)
class MethodScore:
    """Scores of one volume reconstructed by one method at one acceleration.

    Attributes
    ----------
    file
        Name of the raw-data file.
    acquisition
        Contrast, as the file's header names it.
    method
        Name under which the method is registered.
    acceleration
        Requested acceleration, or the measured one of a prospectively undersampled file.
    mask
        Kind of the sampling mask.
    center_fraction
        Fully sampled share of the lines.
    seed
        Seed of the sampling mask.
    ssim, psnr, nmse
        Metrics over the whole volume, PSNR in dB; NaN where the file has no target.
    ssim_foreground, psnr_foreground
        SSIM and PSNR over the object, see `score_foreground`; NaN where there is no target.
    detail_energy, detail_correlation
        Energy of fine detail over that of the target in dB, and its correlation, see `DetailMetrics`.
    seconds
        Time to reconstruct the volume.
    slices
        Number of reconstructed slices.
    noise_floor
        Floor to which images were brought: "full scan", or "none".
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
    ssim_foreground: float
    psnr_foreground: float
    detail_energy: float
    detail_correlation: float
    seconds: float
    slices: int
    noise_floor: str

    @property
    def scored(self) -> bool:
        """Whether the volume had a target and was reconstructed."""
        return not math.isnan(self.ssim)


@dataclass(frozen=True)
class Statistic:
    """Mean and sample standard deviation over reconstructions; the deviation of a single one is NaN."""

    mean: float
    std: float


@dataclass(frozen=True)
class MeanScore:
    """Mean scores of one method over all volumes of one contrast and all seeds, under one protocol.

    Attributes
    ----------
    reconstructions
        Number of averaged reconstructions: one for each volume and seed.
    best
        Metrics in which no other method is better.
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
    ssim_foreground: Statistic
    psnr_foreground: Statistic
    detail_energy: Statistic
    detail_correlation: Statistic
    seconds: Statistic
    noise_floor: str
    best: tuple[str, ...] = ()


def write_csv(path: Path, scores: Iterable[MethodScore]) -> None:
    """Write one line per score; a metric that is NaN is left empty.

    Text is quoted, and gets an apostrophe if it begins as a formula, because spreadsheets would run it.
    """
    # Names of files may not be valid UTF-8.
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8", errors="replace") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(MethodScore)], quoting=csv.QUOTE_NONNUMERIC)
        writer.writeheader()
        for score in scores:
            writer.writerow({key: _cell(value) for key, value in asdict(score).items()})


def read_csv(path: Path) -> list[MethodScore]:
    """Read the file that `write_csv` wrote; additional columns are ignored.

    Raises
    ------
    InputError
        If a column is missing or a value does not have its column's type.
    """
    types = get_type_hints(MethodScore)
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        missing = [name for name in types if name not in (reader.fieldnames or [])]
        if missing:
            raise InputError(f"{path}: the column {missing[0]} is missing from this table of metrics")
        try:
            return [
                MethodScore(**{name: _parse(kind, line[name]) for name, kind in types.items()}) for line in reader
            ]
        except (TypeError, ValueError) as error:
            raise InputError(f"{path}, line {reader.line_num}: {error}") from error


def partition(items: Iterable[T], key: Callable[[T], K]) -> dict[K, list[T]]:
    """Group items into lists by their key; keys and items stay in order of appearance."""
    parts: dict[K, list[T]] = {}
    for item in items:
        parts.setdefault(key(item), []).append(item)
    return parts


def sampling_title(score: MethodScore | MeanScore) -> str:
    """Name the kind of the sampling mask, the seeds and the noise floor, which all scores of one table share."""
    seeds = (score.seed,) if isinstance(score, MethodScore) else score.seeds
    numbered = f"{'seed' if len(seeds) == 1 else 'seeds'} {', '.join(map(str, seeds))}"
    return f"mask {score.mask}, {numbered}, noise floor {score.noise_floor}"


def comparison_key(score: MethodScore | MeanScore) -> tuple[Hashable, ...]:
    """Return a key that scores share if methods may be compared by them.

    Means share protocol, contrast and seeds; scores of single volumes share the file as well.
    """
    scan = (score.file, score.seed) if isinstance(score, MethodScore) else (ALL, score.seeds)
    return *_protocol(score), score.acquisition, *scan


def summarise(scores: Iterable[MethodScore]) -> list[MeanScore]:
    """Average scores by protocol, contrast and method, and over all contrasts if there are several.

    Mask, acceleration, centre fraction and noise floor are the protocol; scores of different ones are never averaged.
    """
    protocols = partition(filter(lambda score: score.scored, scores), _protocol)
    means: list[MeanScore] = []
    for protocol in sorted(protocols):
        contrasts = partition(protocols[protocol], lambda score: score.acquisition)
        if len(contrasts) > 1:
            contrasts[ALL] = protocols[protocol]
        for acquisition, volumes in contrasts.items():
            methods = partition(volumes, lambda score: score.method).values()
            means += _mark_best([_average(acquisition, members) for members in methods])
    return means


def best_metrics(scores: Iterable[MethodScore]) -> dict[str, tuple[str, ...]]:
    """Return, for each method on one volume, the metrics in which no other method is better."""
    rivals = [score for score in scores if score.scored]
    return {score.method: _best_of(score, rivals) for score in rivals}


def write_summary(
    path: Path,
    scores: Iterable[MethodScore],
    protocol: Mapping[str, Any],
    versions: Mapping[str, str],
    further: Mapping[str, Any] | None = None,
) -> None:
    """Write means and standard deviations with their protocol as JSON; numbers that are not finite become null.

    `further` holds more entries of the summary by their keys.
    """
    summary = {
        "protocol": protocol,
        "versions": versions,
        "spread": "sample standard deviation over volumes and seeds",
        "groups": [asdict(mean) for mean in summarise(scores)],
        **(further or {}),
    }
    text = json.dumps(finite(summary), indent=2, default=str, allow_nan=False, ensure_ascii=False)
    with atomic_path(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8", errors="replace")


@cache
def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that the numbers depend on."""
    return {"python": platform.python_version()} | {package: version_of(package) for package in PACKAGES}


def summary_table(scores: Iterable[MethodScore]) -> Table:
    """Lay out means and standard deviations for the terminal, the best in bold, in one table per mask and seeds."""
    page = Table.grid()
    for title, means in partition(summarise(scores), sampling_title).items():
        page.add_row(_sampling_table(title, means))
    if not page.row_count:
        page.add_row("no scores: no file has a target")
    return page


def format_number(metric: str, value: float) -> str:
    """Format a score with the number of decimals of its metric."""
    return "-" if math.isnan(value) else f"{value:.{DECIMALS[metric]}f}"


def _sampling_table(title: str, means: Iterable[MeanScore]) -> Table:
    title = f"{title}; mean ± standard deviation over n volumes and seeds"
    lines = Table(box=SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False, collapse_padding=True)
    for heading in ("R", "centre", "contrast", "method"):
        lines.add_column(heading, no_wrap=True)
    for heading in (*(HEADINGS[name] for name in NARROW), "n"):
        lines.add_column(Text(heading), justify="right")
    for block in partition(means, comparison_key).values():
        lines.add_section()
        for mean in block:
            lines.add_row(
                f"{mean.acceleration:.3g}x",
                f"{mean.center_fraction:.3g}",
                Text(mean.acquisition),
                Text(mean.method),
                *(_score_text(mean, metric) for metric in NARROW if metric in BETTER),
                format_number("seconds", mean.seconds.mean),
                str(mean.reconstructions),
            )
    return lines


def _score_text(mean: MeanScore, metric: str) -> Text:
    statistic: Statistic = getattr(mean, metric)
    text = Text(format_number(metric, statistic.mean), style="bold" if metric in mean.best else "")
    if mean.reconstructions > 1:
        text.append(f" ± {format_number(metric, statistic.std)}", style="not bold")
    return text


def _protocol(score: MethodScore | MeanScore) -> tuple[str, float, str, str]:
    # The centre fraction is compared as text, because an unknown one is NaN, which does not equal itself.
    return score.mask, score.acceleration, f"{score.center_fraction:g}", score.noise_floor


def _average(acquisition: str, scores: Sequence[MethodScore]) -> MeanScore:
    first = scores[0]
    metrics: dict[str, Any] = {name: _statistic([getattr(score, name) for score in scores]) for name in HEADINGS}
    return MeanScore(
        acquisition=acquisition,
        acceleration=first.acceleration,
        mask=first.mask,
        center_fraction=first.center_fraction,
        seeds=tuple(sorted({score.seed for score in scores})),
        method=first.method,
        volumes=len({score.file for score in scores}),
        slices=sum({score.file: score.slices for score in scores}.values()),
        reconstructions=len(scores),
        noise_floor=first.noise_floor,
        **metrics,
    )


def _statistic(values: Sequence[float]) -> Statistic:
    """Average the available values; some scans have no fine detail or no foreground to score."""
    values = [value for value in values if not math.isnan(value)] or [math.nan]
    with np.errstate(invalid="ignore"):  # a perfect image has an infinite PSNR, whose standard deviation is NaN
        std = float(np.std(values, ddof=1)) if len(values) > 1 else math.nan
    return Statistic(mean=float(np.mean(values)), std=std)


def _mark_best(means: list[MeanScore]) -> list[MeanScore]:
    # A method that failed on some volumes does not compete: its mean leaves out the volumes that it failed on.
    complete = max(mean.reconstructions for mean in means)
    rivals = [mean for mean in means if mean.reconstructions == complete]
    return [replace(mean, best=_best_of(mean, rivals) if mean in rivals else ()) for mean in means]


def _best_of(candidate: MethodScore | MeanScore, rivals: Sequence[MethodScore | MeanScore]) -> tuple[str, ...]:
    if len(rivals) < 2:
        return ()
    return tuple(
        metric
        for metric, better in BETTER.items()
        if _value(candidate, metric) == better(_value(rival, metric) for rival in rivals)
    )


def _value(score: MethodScore | MeanScore, metric: str) -> float:
    value = getattr(score, metric)
    return value.mean if isinstance(value, Statistic) else value


def _cell(value: object) -> object:
    if isinstance(value, str):
        return f"'{value}" if _is_formula(value.lstrip("'")) else value
    return "" if isinstance(value, float) and math.isnan(value) else value


def _parse(kind: type, text: str) -> Any:
    if kind is str:
        return text[1:] if text.startswith("'") and _is_formula(text.lstrip("'")) else text
    return math.nan if kind is float and not text else kind(text)


def _is_formula(text: str) -> bool:
    return text.lstrip().startswith(FORMULA)


def finite(value: Any) -> Any:
    """Replace NaN and infinity, which JSON cannot hold, by None."""
    if isinstance(value, Mapping):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
