"""Measure peers whose results are known."""

from dataclasses import dataclass, replace

import pytest
import torch

from helpers.scans.objects import object_acquisition
from recon.coils import rss
from recon.data.acquisition import Acquisition
from recon.experiments.benchmark.classical.measure import QUICK, Effort, count_peer_stages, measure_peers
from recon.experiments.benchmark.classical.peer import Solve
from recon.experiments.benchmark.classical.peer_images import CoilImages
from recon.fourier import ifft

BEST = 0.02


@dataclass(frozen=True)
class Fading:
    """Returns the truth with noise that grows with the distance of the weight from the best one."""

    truth: torch.Tensor
    name: str = "fading"
    lamdas: tuple[float, float] | None = (1e-4, 1.0)

    def prepare(self, acquisition: Acquisition) -> Solve:
        def solve(lamda: float | None) -> CoilImages:
            if self.name == "diverging":
                return CoilImages(torch.nan * self.truth, acquisition)
            distance = 0.0 if lamda is None else abs(torch.log10(torch.tensor(lamda / BEST)))
            noise = torch.randn(self.truth.shape, generator=torch.Generator().manual_seed(0))
            return CoilImages(self.truth + 0.01 * (0.1 + distance) * noise, acquisition)

        return solve


@dataclass(frozen=True)
class Failing:
    """Fails at a given stage."""

    stage: str
    lamdas: tuple[float, float] | None = (1e-4, 1.0)

    @property
    def name(self) -> str:
        return f"fails to {self.stage}"

    def prepare(self, acquisition: Acquisition) -> Solve:
        def solve(lamda: float | None) -> CoilImages:
            raise ZeroDivisionError

        if self.stage == "prepare":
            raise RuntimeError(f"no cable to {acquisition.name}\nand much more")
        return solve


@pytest.fixture
def scan() -> Acquisition:
    full = object_acquisition()
    return replace(full, target=rss(ifft(full.kspace)))


@pytest.fixture
def acquisition(scan: Acquisition) -> Acquisition:
    return scan.undersample(torch.arange(scan.matrix[1]) % 3 == 0)


def test_the_best_weight_is_found_and_data_consistency_helps(scan: Acquisition, acquisition: Acquisition) -> None:
    effort = Effort(grid=5, refinements=8, repeats=3)
    (result,) = measure_peers([Fading(ifft(scan.kspace))], acquisition, effort, lambda _: None)
    assert result.plain.lamda == pytest.approx(BEST, rel=0.1)
    assert result.consistent.lamda == pytest.approx(BEST, rel=0.1)
    assert result.consistent.psnr > result.plain.psnr > 40
    assert len(result.whole.wall) == len(result.maps.cpu) == 3
    assert result.memory >= 0


def test_a_peer_without_a_weight_is_called_with_none(scan: Acquisition, acquisition: Acquisition) -> None:
    (result,) = measure_peers([Fading(ifft(scan.kspace), lamdas=None)], acquisition, QUICK, lambda _: None)
    assert result.plain.lamda is None
    assert result.failure is None


def test_images_that_are_not_finite_are_a_failure(scan: Acquisition, acquisition: Acquisition) -> None:
    (result,) = measure_peers([Fading(ifft(scan.kspace), "diverging")], acquisition, QUICK, lambda _: None)
    assert result.failure == "no weight gives a finite image"


def test_a_failing_peer_says_why_and_the_rest_continues(scan: Acquisition, acquisition: Acquisition) -> None:
    announced: list[str] = []
    peers = [Failing("prepare"), Fading(ifft(scan.kspace)), Failing("solve")]
    first, second, third = measure_peers(peers, acquisition, QUICK, announced.append)
    assert first.failure == "no cable to discs.h5"
    assert third.failure == "ZeroDivisionError"
    assert second.failure is None
    assert second.whole.wall
    assert len(announced) == count_peer_stages(peers, QUICK)
