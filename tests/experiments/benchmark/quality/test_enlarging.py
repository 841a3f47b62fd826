"""The benchmark of Sharp measures resolution and details against the whole image."""

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from helpers.learned.networks import write_weights
from recon.data.errors import InputError
from recon.experiments.benchmark.quality.enlarging import (
    REPORT,
    ZEROS,
    _with_zeros,
    edge_mtf50,
    enlarging,
    implant_shares,
)
from recon.models.stages.enlarging import EnlargingStage, enlarging_stage
from recon.models.zoo import ENLARGERS


@pytest.fixture
def stages(tmp_path: Path) -> list[EnlargingStage]:
    return [enlarging_stage(write_weights(tmp_path / f"{name}.safetensors", name)) for name in ENLARGERS]


def test_zero_filling_has_the_transfer_function_of_its_centre() -> None:
    assert edge_mtf50(_with_zeros) == pytest.approx(0.25, abs=0.03)


def test_implants_are_lost_by_blur_and_kept_by_a_method_that_knows_them() -> None:
    image = torch.ones(96, 96, dtype=torch.complex64)
    shares = implant_shares(image, 0.0, _with_zeros)
    assert shares["bright 1"] < 0.5 < shares["bright 3"]
    assert shares["dark 3"] == pytest.approx(shares["bright 3"], abs=0.15)

    def flat(low: Tensor, _noise: Tensor, size: tuple[int, int]) -> Tensor:
        return low.new_ones(size)

    assert set(implant_shares(image, 0.0, flat).values()) == {0.0}


def test_the_report_holds_every_method(
    stages: list[EnlargingStage], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recon.experiments.benchmark.denoising.scenes.HEAD_MATRIX", (64, 64))
    report = enlarging([], 0.005, 1, stages, tmp_path / "out")
    assert [one.method for one in report.results] == [ZEROS, *ENLARGERS]
    assert json.loads((tmp_path / "out" / REPORT).read_text())["protocol"]["noise"] == 0.005
    for one in report.results:
        assert one.bands[0].correlation > 0.98
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / REPORT).write_text("{}")
    with pytest.raises(InputError, match="no report of a benchmark"):
        enlarging([], 0.005, 1, stages, tmp_path / "other")


def test_weights_of_one_network_have_names_of_their_own(
    stages: list[EnlargingStage], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recon.experiments.benchmark.denoising.scenes.HEAD_MATRIX", (64, 64))
    other = enlarging_stage(write_weights(tmp_path / "other.safetensors", "sharp"))
    report = enlarging([], 0.005, 1, [stages[0], other], tmp_path / "out")
    assert [one.method for one in report.results] == [ZEROS, "sharp sharp.safetensors", "sharp other.safetensors"]


def test_weights_that_enlarge_nothing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="dlr, which enlarges nothing; available: sharp, mfcn"):
        enlarging_stage(write_weights(tmp_path / "dlr.safetensors", "dlr"))
