"""Define the contract of a peer, and say in one sentence why a peer failed."""

from __future__ import annotations

from typing import Protocol

from recon.data.acquisition import Acquisition
from recon.experiments.benchmark.classical.peer_images import PeerImages


class Solve(Protocol):
    """A function that reconstructs the slice that it was prepared for."""

    def __call__(self, lamda: float | None) -> PeerImages:
        """Reconstruct with the weight `lamda`; None if the peer has no weight to choose."""


class Peer(Protocol):
    """A reconstruction to measure; whatever it raises is reported and does not stop the other peers."""

    @property
    def name(self) -> str:
        """Package, method and number of iterations."""

    @property
    def lamdas(self) -> tuple[float, float] | None:
        """Range of the best weight, for a zero-filled image of maximum 1; None if there is no weight to choose."""

    def prepare(self, acquisition: Acquisition) -> Solve:
        """Do the work that does not depend on the weight, such as estimating the coil maps.

        Parameters
        ----------
        acquisition
            One undersampled slice, k-space `(coils, readout, phase)`, with a zero-filled image of maximum 1.
        """


def failure_reason(error: Exception) -> str:
    """Return the first line of the error's message, or its type if it has none."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
