"""Everybody on one case: the best weight of each, then all of them in turn against the clock."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache

from torch import Tensor

from recon.data.acquisition import Acquisition
from recon.experiments.benchmark.classical.cases import target_of
from recon.experiments.benchmark.classical.failure import reason
from recon.experiments.benchmark.classical.peer import Peer
from recon.experiments.benchmark.classical.results import Quality, Row
from recon.experiments.benchmark.cost import peak_memory, timed
from recon.experiments.engine.metrics import score
from recon.experiments.engine.tuning.golden_section import logarithmic_grid, search


@dataclass(frozen=True)
class Effort:
    """How thoroughly to measure.

    Attributes
    ----------
    grid
        How many weights to try first, in equal ratios.
    refinements
        How many more about the best of them.
    repeats
        How often to run everybody against the clock.
    """

    grid: int = 6
    refinements: int = 3
    repeats: int = 5


QUICK = Effort(grid=5, refinements=1, repeats=1)
SPEED = Effort(grid=1, refinements=0, repeats=3)


def contest(peers: Sequence[Peer], acquisition: Acquisition, effort: Effort, say: Callable[[str], None]) -> list[Row]:
    """Measure quality, then time, then memory; whoever fails is left out of the rest and keeps his reason.

    Time is taken in rounds in which each runs once, so that a change of the machine's load meets all of them.

    Parameters
    ----------
    peers
        Who takes part.
    acquisition
        One undersampled slice with its target.
    effort
        How thoroughly.
    say
        Called with what begins.
    """
    rows = {peer.name: Row(peer.name) for peer in peers}

    def attempt(peer: Peer, stage: str, work: Callable[[Peer, Row], Row]) -> None:
        say(f"{peer.name}: {stage}")
        row = rows[peer.name]
        if row.failure is None:
            rows[peer.name] = _survive(row, lambda: work(peer, row))

    for peer in peers:
        attempt(peer, "best weight", lambda peer, row: _with_quality(peer, row, acquisition, effort))
    for repeat in range(effort.repeats):
        for peer in peers:
            attempt(peer, f"time, {repeat + 1}", lambda peer, row: _with_time(peer, row, acquisition))
    for peer in peers:
        attempt(peer, "memory", lambda peer, row: _with_memory(peer, row, acquisition))
    return list(rows.values())


def stages(peers: Sequence[Peer], effort: Effort) -> int:
    """Count how often `contest` says something."""
    return len(peers) * (2 + effort.repeats)


def quality(image: Tensor, acquisition: Acquisition, lamda: float | None) -> Quality:
    """Score an image against the target."""
    metrics = score(target_of(acquisition).numpy()[None], image.numpy()[None])
    return Quality(lamda, metrics.ssim, metrics.psnr)


def _survive(row: Row, work: Callable[[], Row]) -> Row:
    try:
        return work()
    except Exception as error:  # noqa: BLE001 - a program of others may fail in any way, and the rest goes on
        return replace(row, failure=reason(error))


def _with_quality(peer: Peer, row: Row, acquisition: Acquisition, effort: Effort) -> Row:
    solve = peer.prepare(acquisition)

    @cache
    def try_out(lamda: float | None) -> dict[str, Quality]:
        outcome = solve(lamda)
        images = {"plain": outcome.plain(), "consistent": outcome.consistent()}
        return {kind: quality(image, acquisition, lamda) for kind, image in images.items() if image is not None}

    def best(kind: str) -> Quality | None:
        if peer.lamdas is None:
            return try_out(None).get(kind)
        grid = logarithmic_grid(*peer.lamdas, effort.grid)
        if kind not in try_out(grid[0]):
            return None
        found = search(lambda lamda: try_out(lamda)[kind].psnr, grid, effort.refinements)
        if not math.isfinite(found.score):
            raise ValueError("no weight gives a finite image")
        return try_out(found.value)[kind]

    return replace(row, plain=best("plain"), consistent=best("consistent"))


def _with_time(peer: Peer, row: Row, acquisition: Acquisition) -> Row:
    solve, preparing = timed(lambda: peer.prepare(acquisition))
    _, solving = timed(lambda: solve(_chosen(row)))
    row.maps.add(preparing)
    row.solve.add(solving)
    row.whole.add(preparing + solving)
    return row


def _with_memory(peer: Peer, row: Row, acquisition: Acquisition) -> Row:
    return replace(row, memory=peak_memory(lambda: peer.prepare(acquisition)(_chosen(row))))


def _chosen(row: Row) -> float | None:
    best = row.consistent or row.plain
    return best.lamda if best else None
