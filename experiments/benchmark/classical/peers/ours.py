"""Our own methods, each as the commands run it: maps, solving and data consistency in one."""

from __future__ import annotations

from dataclasses import dataclass

from recon.data.acquisition import Acquisition
from recon.experiments.benchmark.classical.outcome import Images
from recon.experiments.benchmark.classical.peer import Peer, Solve
from recon.registry import create


@dataclass(frozen=True)
class Ours:
    """A registered method.

    Attributes
    ----------
    method
        As registered.
    lamdas
        Between which the best weight lies; None to take the method's own choice.
    """

    method: str
    lamdas: tuple[float, float] | None = None

    @property
    def name(self) -> str:
        """Who and what."""
        return f"ours {self.method}" + (", own lamda" if self.lamdas is None else "")

    def prepare(self, acquisition: Acquisition) -> Solve:
        """Do nothing: all the method needs is timed as a whole."""

        def solve(lamda: float | None) -> Images:
            method = create(self.method, {} if lamda is None else {"lamda": lamda})
            return Images(None, method(acquisition))

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
