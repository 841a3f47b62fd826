"""Measure all peers on one case: image quality at the best weight of each, then time and memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache

from torch import Tensor

from recon.data.acquisition import Acquisition
from recon.experiments.benchmark.classical.cases import target_of
from recon.experiments.benchmark.classical.peer import Peer, failure_reason
from recon.experiments.benchmark.classical.results import PeerResult, Quality
from recon.experiments.benchmark.cost import peak_memory, timed
from recon.experiments.engine.scores.metrics import score
from recon.experiments.engine.tuning.golden_section import logarithmic_grid, search


@dataclass(frozen=True)
class Effort:
    """Number of trials and repeats.

    Attributes
    ----------
    grid
        Number of weights to try first, spaced by equal ratios.
    refinements
        Number of further weights to try around the best one.
    repeats
        Number of timed runs of every peer.
    """

    grid: int = 6
    refinements: int = 3
    repeats: int = 5


QUICK = Effort(grid=5, refinements=1, repeats=1)
SPEED = Effort(grid=1, refinements=0, repeats=3)


def measure_peers(
    peers: Sequence[Peer], acquisition: Acquisition, effort: Effort, announce: Callable[[str], None]
) -> list[PeerResult]:
    """Measure quality, then time, then memory; a peer that fails skips the rest, and its result says why.

    Peers are timed in rounds in which each runs once, so that a change of the machine's load affects all of them.

    Parameters
    ----------
    peers
        Reconstructions to measure.
    acquisition
        One undersampled slice with its target.
    effort
        Number of trials and repeats.
    announce
        Called with a description of each stage before it begins.
    """
    results = {peer.name: PeerResult(peer.name) for peer in peers}

    def attempt(peer: Peer, stage: str, work: Callable[[Peer, PeerResult], PeerResult]) -> None:
        announce(f"{peer.name}: {stage}")
        result = results[peer.name]
        if result.failure is None:
            results[peer.name] = _note_failure(result, lambda: work(peer, result))

    for peer in peers:
        attempt(peer, "best weight", lambda peer, result: _with_quality(peer, result, acquisition, effort))
    for repeat in range(effort.repeats):
        for peer in peers:
            attempt(peer, f"time, {repeat + 1}", lambda peer, result: _with_time(peer, result, acquisition))
    for peer in peers:
        attempt(peer, "memory", lambda peer, result: _with_memory(peer, result, acquisition))
    return list(results.values())


def count_peer_stages(peers: Sequence[Peer], effort: Effort) -> int:
    """Count the stages that `measure_peers` announces."""
    return len(peers) * (2 + effort.repeats)


def quality(image: Tensor, acquisition: Acquisition, lamda: float | None) -> Quality:
    """Score an image against the target."""
    metrics = score(target_of(acquisition).cpu().numpy()[None], image.cpu().numpy()[None])
    return Quality(lamda, metrics.ssim, metrics.psnr)


def _note_failure(result: PeerResult, work: Callable[[], PeerResult]) -> PeerResult:
    try:
        return work()
    except Exception as error:  # noqa: BLE001 - other people's code may fail in any way, and the rest continues
        return replace(result, failure=failure_reason(error))


def _with_quality(peer: Peer, result: PeerResult, acquisition: Acquisition, effort: Effort) -> PeerResult:
    solve = peer.prepare(acquisition)

    @cache
    def try_out(lamda: float | None) -> dict[str, Quality]:
        solved = solve(lamda)
        images = {"plain": solved.plain(), "consistent": solved.consistent()}
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

    return replace(result, plain=best("plain"), consistent=best("consistent"))


def _with_time(peer: Peer, result: PeerResult, acquisition: Acquisition) -> PeerResult:
    solve, preparing = timed(lambda: peer.prepare(acquisition))
    _, solving = timed(lambda: solve(_best_lamda(result)))
    result.maps.add(preparing)
    result.solve.add(solving)
    result.whole.add(preparing + solving)
    return result


def _with_memory(peer: Peer, result: PeerResult, acquisition: Acquisition) -> PeerResult:
    device = acquisition.kspace.device
    return replace(result, memory=peak_memory(lambda: peer.prepare(acquisition)(_best_lamda(result)), device))


def _best_lamda(result: PeerResult) -> float | None:
    best = result.consistent or result.plain
    return best.lamda if best else None
