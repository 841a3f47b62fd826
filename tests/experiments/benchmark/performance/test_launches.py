"""Count kernels and waits of work whose numbers are known, and of small methods."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from recon.data.errors import InputError
from recon.experiments.benchmark.performance.launches import count, launches
from recon.experiments.training.config.train_config import OptimizerConfig
from recon.experiments.training.optimization.optimizer import make_optimizer

X = torch.randn(4, 8, dtype=torch.complex64)
REAL = torch.ones(4, 8)
NETWORK = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2))
NETWORK(torch.ones(2)).sum().backward()
OPTIMIZER = make_optimizer(OptimizerConfig(), NETWORK)

WORK: dict[str, tuple[Callable[[], object], int, int]] = {
    "a view computes nothing": (lambda: X.reshape(8, 4).mT.real.unsqueeze(0), 0, 0),
    "an addition is one kernel": (lambda: X + X, 1, 0),
    "a copy inside a conversion is one kernel": (REAL.double, 1, 0),
    "a transform is one kernel": (lambda: torch.fft.fftn(X), 1, 0),
    "a kernel for all weights counts once": (lambda: torch._foreach_mul([REAL, REAL, REAL], 2.0), 1, 0),
    "an optimizer updates all weights in one kernel": (OPTIMIZER.step, 2, 0),
    "a number is waited for": (lambda: REAL.sum().item(), 1, 1),
    "a condition is waited for": (lambda: bool((REAL > 0).all()), 2, 1),
    "an array on the host is waited for": (lambda: REAL.cpu().numpy(), 0, 2),
    "a choice by mask is waited for": (lambda: REAL[REAL > 2], 2, 1),
}


@pytest.mark.parametrize("case", WORK)
def test_kernels_and_waits_of_simple_work(case: str) -> None:
    work, kernels, waits = WORK[case]
    assert count(work) == (kernels, waits)


@pytest.mark.slow
def test_training_and_inference_are_counted_per_slice(tmp_path: Path) -> None:
    rows = launches(["varnet-general", "sense"], [1, 2], (2, 96, 96), tmp_path)
    assert [(row.name, row.training, row.batch) for row in rows] == [
        ("varnet-general", True, 1),
        ("varnet-general", True, 2),
        ("varnet-general", False, 1),
        ("varnet-general", False, 2),
        ("sense", False, 1),
        ("sense", False, 2),
    ]
    assert rows[0].launches > rows[2].launches > rows[4].launches
    assert rows[1].launches < 0.6 * rows[0].launches
    stored = json.loads((tmp_path / "launches.json").read_text())
    assert [row["launches"] for row in stored["rows"]] == [row.launches for row in rows]


def test_an_unknown_method_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown method or network 'sens'; did you mean"):
        launches(["sens"], [1], (2, 32, 32), tmp_path)
