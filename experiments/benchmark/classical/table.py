"""Lay out the results of the classical benchmark for the terminal."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table
from rich.text import Text

from recon.experiments.benchmark.classical.results import CaseResult, MapsResult, PeerResult, Quality, Timing

R = TypeVar("R", PeerResult, MapsResult)

MEBIBYTE = 2**20
BYTES_PER_SAMPLE = 8


@dataclass(frozen=True)
class SpeedComparison:
    """Time of our method against the part of a peer's time that `seconds` selects."""

    title: str
    ours: str
    peer: str
    seconds: Callable[[PeerResult], Timing]


SPEED_COMPARISONS = (
    SpeedComparison(
        "cs-wavelet : sigpy wavelet without maps", "ours cs-wavelet", "sigpy wavelet", lambda result: result.solve
    ),
    SpeedComparison(
        "cs-wavelet : BART wavelet", "ours cs-wavelet", "BART wavelet, one map", lambda result: result.whole
    ),
    SpeedComparison("cs-tv : sigpy TV without maps", "ours cs-tv", "sigpy TV", lambda result: result.solve),
    SpeedComparison("cs-tv : BART TV", "ours cs-tv", "BART TV, one map", lambda result: result.whole),
    SpeedComparison("grappa : pygrappa mdgrappa", "ours grappa", "pygrappa mdgrappa", lambda result: result.whole),
)
MAP_SPEED_COMPARISONS = (
    ("ours", "sigpy ESPIRiT"),
    ("ours, 8 virtual coils", "sigpy ESPIRiT"),
    ("ours", "BART ecalib"),
)


def tables(case: CaseResult) -> Group:
    """Lay out the quality, cost, coil maps and speed comparisons of one case, and the failures."""
    parts = (_quality(case), _cost(case), _maps(case.maps), _speed_comparisons(case))
    return Group(*(table for table in parts if table.row_count), *_failures(case))


def _quality(case: CaseResult) -> Table:
    table = _table(
        f"{case.title}: {'x'.join(map(str, case.shape))}, measured {case.measured_acceleration:.2f}x, "
        f"{case.calibration_lines} calibration lines\neach peer at its best lamda; +: measured lines put back",
        ("peer", "lamda", "SSIM", "PSNR", "lamda+", "SSIM+", "PSNR+"),
    )
    table.add_row("zero-filled", *_scores(case.zero_filled))
    for row in _finished(case.rows):
        table.add_row(row.peer, *_scores(row.plain), *_scores(row.consistent))
    return table


def _cost(case: CaseResult) -> Table:
    table = _table(
        "CPU seconds of the maps and in total, wall seconds, peak memory;\nmedians ± half the interquartile range",
        ("peer", "maps", "CPU", "wall", "MiB", "k-spaces"),
    )
    kspace = BYTES_PER_SAMPLE * math.prod(case.shape)
    for row in _finished(case.rows):
        memory = ("", "") if row.memory is None else (f"{row.memory / MEBIBYTE:.0f}", f"{row.memory / kspace:.1f}")
        table.add_row(row.peer, f"{row.maps.median().cpu:.2f}", *_seconds(row.whole), *memory)
    return table


def _maps(rows: Sequence[MapsResult]) -> Table:
    table = _table(
        "coil maps, and the share of sigpy's maps that they do not contain", ("maps", "CPU", "wall", "error")
    )
    for row in _finished(rows):
        error = "" if row.projection_error is None else f"{row.projection_error:.4f}"
        table.add_row(row.name, *_seconds(row.seconds), error)
    return table


def _speed_comparisons(case: CaseResult) -> Table:
    table = _table("speed-up of our methods", ("ours : peer", "CPU", "wall", "PSNR+"))
    rows = {row.peer: row for row in _finished(case.rows)}
    for comparison in SPEED_COMPARISONS:
        if comparison.ours in rows and comparison.peer in rows:
            ours, theirs = rows[comparison.ours], rows[comparison.peer]
            table.add_row(
                comparison.title, *_ratios(ours.whole, comparison.seconds(theirs)), _difference(ours, theirs)
            )
    maps = {row.name: row for row in _finished(case.maps)}
    for name, peer in MAP_SPEED_COMPARISONS:
        if name in maps and peer in maps:
            table.add_row(f"maps, {name} : {peer}", *_ratios(maps[name].seconds, maps[peer].seconds), "")
    return table


def _failures(case: CaseResult) -> Iterator[Text]:
    """Yield one line for each reason, with the names of all that failed for it."""
    failed = [(row.peer, row.failure) for row in case.rows]
    failed += [(f"maps of {row.name}", row.failure) for row in case.maps]
    for reason in dict.fromkeys(failure for _, failure in failed if failure is not None):
        names = "; ".join(name for name, failure in failed if failure == reason)
        yield Text(f"{names} failed: {reason}", style="red")


def _finished(rows: Sequence[R]) -> list[R]:
    return [row for row in rows if row.failure is None]


def _table(title: str, headings: Sequence[str]) -> Table:
    table = Table(box=SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False, collapse_padding=True)
    for heading in headings:
        table.add_column(heading, justify="left" if heading == headings[0] else "right", no_wrap=True)
    return table


def _scores(quality: Quality | None) -> tuple[str, str, str]:
    if quality is None:
        return "", "", ""
    return "" if quality.lamda is None else f"{quality.lamda:.2g}", f"{quality.ssim:.4f}", f"{quality.psnr:.2f}"


def _seconds(timing: Timing) -> tuple[str, str]:
    middle, spread = timing.median(), timing.spread()
    pairs = (middle.cpu, spread.cpu), (middle.wall, spread.wall)
    cpu, wall = (f"{seconds:.2f} ± {half:.2f}" for seconds, half in pairs)
    return cpu, wall


def _ratios(ours: Timing, theirs: Timing) -> tuple[str, str]:
    mine, other = ours.median(), theirs.median()
    return f"{other.cpu / mine.cpu:.1f}", f"{other.wall / mine.wall:.1f}"


def _difference(ours: PeerResult, theirs: PeerResult) -> str:
    if ours.consistent is None or theirs.consistent is None:
        return ""
    return f"{ours.consistent.psnr - theirs.consistent.psnr:+.2f} dB"
