"""Summarise how far a method lies above the best oracle, scan by scan: in the mean, and at its worst."""

from __future__ import annotations

import math
import re
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from recon.experiments.report.scores.means import ALL
from recon.experiments.report.scores.score import MethodScore, format_number, partition

ORACLE = "-oracle"
"""End of the name under which a method runs at the weight that is best for each slice."""

DEFINITION = "score less that of the best oracle of the same scan; detail: energy, farthest from the target's"


@dataclass(frozen=True)
class Extremes:
    """Mean and worst of a quantity over scans, and the scan where it is worst; NaN and "" if there is none."""

    mean: float
    worst: float
    scan: str


@dataclass(frozen=True)
class Lead:
    """Distance of one method above the best oracle at one acceleration.

    A scan is one volume under one mask. PSNR and SSIM are compared with the oracle that is best in each of them.

    Attributes
    ----------
    method, acceleration
        The method, and the acceleration.
    scans
        Set of the scans, see `scan_set`, or "all".
    count
        Number of scans.
    psnr, ssim
        Lead; the worst is the smallest.
    detail
        Energy of fine detail over the target's in dB; the worst is the farthest from zero.
    """

    method: str
    acceleration: float
    scans: str
    count: int
    psnr: Extremes
    ssim: Extremes
    detail: Extremes


def scan_set(file: str) -> str:
    """Return the name of the set that a file belongs to: the file's own without its suffix and last number."""
    stem = PurePath(file).stem
    return re.sub(r"[-_ ]*\d+$", "", stem) or stem


def leads(scores: Iterable[MethodScore]) -> list[Lead]:
    """Compare every method but the oracles' own with the best oracle of each scan, by acceleration and set of scans.

    Scans of all masks and seeds count together, since each is compared with oracles of its own. A scan on which an
    oracle failed does not count, because a lead over fewer would flatter. Without oracles there is nothing to compare
    with.
    """
    scored = [score for score in scores if score.scored]
    names = {score.method for score in scored if score.method.endswith(ORACLE)}
    own = names | {name.removesuffix(ORACLE) for name in names}
    pairs = []
    for members in partition(scored, _scan).values():
        oracles = [score for score in members if score.method in names]
        if oracles and len(oracles) == len(names):
            pairs += [(score, oracles) for score in members if score.method not in own]
    found = []
    for (acceleration, method), rivals in sorted(partition(pairs, _row).items()):
        sets = partition(rivals, lambda pair: scan_set(pair[0].file))
        if len(sets) > 1:
            sets[ALL] = rivals
        found += [_lead(method, acceleration, name, members) for name, members in sets.items()]
    return found


def lead_table(found: Iterable[Lead]) -> Table:
    """Lay out leads for the terminal, the worst scans of each method below."""
    table = Table(
        box=SIMPLE_HEAD,
        title=f"lead over the best oracle, mean and worst scan ({DEFINITION})",
        title_justify="left",
        caption_justify="left",
        pad_edge=False,
        collapse_padding=True,
    )
    for heading in ("R", "method", "scans", "n", "PSNR", "worst", "SSIM", "worst", "detail", "worst"):
        table.add_column(heading, justify="left" if heading in {"method", "scans"} else "right", no_wrap=True)
    worst = []
    for rows in partition(found, lambda lead: (lead.acceleration, lead.method)).values():
        table.add_section()
        for lead in rows:
            name = f"{lead.acceleration:.3g}x", Text(lead.method), Text(lead.scans)
            table.add_row(*name, str(lead.count), *lead_numbers(lead))
        whole = rows[-1]
        worst.append(f"{name[0]} {whole.method}, worst PSNR: {whole.psnr.scan}; worst SSIM: {whole.ssim.scan}")
    table.caption = Text("\n".join(worst))
    return table


def lead_numbers(lead: Lead) -> list[str]:
    """Format mean and worst of PSNR, SSIM and detail, with their signs."""
    metrics = {"psnr": lead.psnr, "ssim": lead.ssim, "detail_energy": lead.detail}
    return [
        ("+" if value > 0 else "") + format_number(metric, value)
        for metric, extremes in metrics.items()
        for value in (extremes.mean, extremes.worst)
    ]


def _scan(score: MethodScore) -> Hashable:
    return score.file, score.acquisition, score.mask, score.acceleration, score.seed, score.noise_floor


def _row(pair: tuple[MethodScore, list[MethodScore]]) -> tuple[float, str]:
    return pair[0].acceleration, pair[0].method


def _lead(
    method: str, acceleration: float, name: str, pairs: Sequence[tuple[MethodScore, list[MethodScore]]]
) -> Lead:
    labels = [f"{score.file} {score.mask} seed {score.seed}" for score, _ in pairs]
    psnr = [score.psnr - max(oracle.psnr for oracle in oracles) for score, oracles in pairs]
    ssim = [score.ssim - max(oracle.ssim for oracle in oracles) for score, oracles in pairs]
    detail = [score.detail_energy for score, _ in pairs]
    return Lead(
        method=method,
        acceleration=acceleration,
        scans=name,
        count=len(pairs),
        psnr=_extremes(psnr, psnr, labels),
        ssim=_extremes(ssim, ssim, labels),
        detail=_extremes(detail, [-abs(value) for value in detail], labels),
    )


def _extremes(values: Sequence[float], ranks: Sequence[float], labels: Sequence[str]) -> Extremes:
    """Average finite values, and find the one of the lowest rank."""
    finite = [index for index, value in enumerate(values) if math.isfinite(value)]
    if not finite:
        return Extremes(math.nan, math.nan, "")
    worst = min(finite, key=ranks.__getitem__)
    return Extremes(sum(values[index] for index in finite) / len(finite), values[worst], labels[worst])
