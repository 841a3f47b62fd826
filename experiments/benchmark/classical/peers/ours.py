"""Reconstruct with our own methods as the commands run them: maps, solver and data consistency together."""

from __future__ import annotations

from dataclasses import dataclass

from recon.data.acquisition import Acquisition
from recon.experiments.benchmark.classical.peer import Peer, Solve
from recon.experiments.benchmark.classical.peer_images import FinishedImages
from recon.registry import create


@dataclass(frozen=True)
class Ours:
    """A registered method.

    Attributes
    ----------
    method
        Name under which the method is registered.
    lamdas
        Range of the best weight; None to use the weight that the method chooses itself.
    """

    method: str
    lamdas: tuple[float, float] | None = None

    @property
    def name(self) -> str:
        """Name in the table."""
        return f"ours {self.method}" + (", own lamda" if self.lamdas is None else "")

    def prepare(self, acquisition: Acquisition) -> Solve:
        """Prepare nothing: the method is timed as a whole."""

        def solve(lamda: float | None) -> FinishedImages:
            method = create(self.method, {} if lamda is None else {"lamda": lamda})
            return FinishedImages(None, method(acquisition))

        return solve


OURS: tuple[Peer, ...] = (
    Ours("sense", (1e-4, 1.0)),
    Ours("sense"),
    Ours("cs-wavelet", (1e-4, 1e-1)),
    Ours("cs-wavelet"),
    Ours("cs-tv", (1e-4, 1e-1)),
    Ours("cs-tv"),
    Ours("grappa", (1e-4, 1.0)),
)
