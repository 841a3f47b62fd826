"""Runs sigpy's apps with maps of its own, as the methods `sigpy-sense`, `sigpy-wavelet` and `sigpy-tv` do."""

from __future__ import annotations

from dataclasses import dataclass

from recon.classical.sigpy_apps import (
    SigpyReconstruction,
    SigpySense,
    SigpyTotalVariation,
    SigpyWavelet,
    espirit_maps,
)
from recon.data.acquisition import Acquisition
from recon.experiments.benchmark.classical.peer import Peer, Solve
from recon.experiments.benchmark.classical.peer_images import CoilImages

SIGPYS_CROP = 0.95
"""sigpy's own threshold of the eigenvalue, below which maps are zero."""


@dataclass(frozen=True)
class SigpyPeer:
    """One app, converged.

    Attributes
    ----------
    name
        Name in the table.
    method
        The registered method.
    lamdas
        Range of the best weight.
    crop
        Eigenvalue below which maps are zero.
    """

    name: str
    method: SigpyReconstruction
    lamdas: tuple[float, float] = (2e-4, 2e-1)
    crop: float = 0.0

    def prepare(self, acquisition: Acquisition) -> Solve:
        """Estimate the maps."""
        maps = espirit_maps(acquisition, self.crop)

        def solve(lamda: float | None) -> CoilImages:
            if lamda is None:
                raise ValueError("sigpy's apps need a weight")
            return CoilImages(maps * self.method.solve(acquisition, maps, lamda), acquisition)

        return solve


SIGPY: tuple[Peer, ...] = (
    SigpyPeer("sigpy SENSE, default maps", SigpySense(), (3e-4, 3e-1), SIGPYS_CROP),
    SigpyPeer("sigpy SENSE", SigpySense(), (3e-4, 3e-1)),
    SigpyPeer("sigpy wavelet, default maps", SigpyWavelet(), crop=SIGPYS_CROP),
    SigpyPeer("sigpy wavelet", SigpyWavelet()),
    SigpyPeer("sigpy TV", SigpyTotalVariation()),
)
