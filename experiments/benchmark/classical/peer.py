"""The contract of everybody who takes part."""

from __future__ import annotations

from typing import Protocol

from recon.data.acquisition import Acquisition
from recon.experiments.benchmark.classical.outcome import Outcome


class Solve(Protocol):
    """Reconstructs the slice that it was prepared for."""

    def __call__(self, lamda: float | None) -> Outcome:
        """Reconstruct with the weight `lamda`, or with none where the peer has none to choose."""


class Peer(Protocol):
    """Somebody's reconstruction; it may raise anything, which is reported and costs nobody else his place."""

    @property
    def name(self) -> str:
        """Who, what, and how many iterations."""

    @property
    def lamdas(self) -> tuple[float, float] | None:
        """Between which weights the best one lies, for a zero-filled image of maximum 1; None: none to choose."""

    def prepare(self, acquisition: Acquisition) -> Solve:
        """Do what does not depend on the weight, as estimating the coil maps.

        Parameters
        ----------
        acquisition
            One undersampled slice, k-space `(coils, readout, phase)`, with a zero-filled image of maximum 1.
        """
