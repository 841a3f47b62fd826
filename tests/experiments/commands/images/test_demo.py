from pathlib import Path

import pytest
import torch

from helpers.learned.weights import ship
from recon.data.errors import InputError
from recon.experiments.commands.images import demo as module
from recon.experiments.commands.images.demo import METHODS, demo
from recon.experiments.report.scores.files import read_csv


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "VOLUMES", 1)
    monkeypatch.setattr(module, "SLICES", 1)
    monkeypatch.setattr(module, "SIZE", (48, 96))


@pytest.mark.slow
def test_all_methods_are_compared_without_training_and_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ship(monkeypatch, tmp_path / "weights")
    demo(tmp_path / "demo", torch.device("cpu"))
    rows = read_csv(tmp_path / "demo" / "comparison" / "metrics.csv")
    assert {(row.method, row.acceleration) for row in rows} == {(name, rate) for name in METHODS for rate in (4, 8)}
    assert (tmp_path / "demo" / "comparison" / "report.html").is_file()
    made = {path: path.stat().st_mtime_ns for path in (tmp_path / "demo").rglob("*.h5")}
    assert len(made) == 2 + len(rows)
    assert {row.acquisition for row in rows if row.file == "brain_t2.h5"} == {"AXT2 real"}
    demo(tmp_path / "demo", torch.device("cpu"))
    assert {path: path.stat().st_mtime_ns for path in made} == made


def test_missing_weights_are_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recon.models.checkpoints.locate.weights_folder", lambda: tmp_path)
    with pytest.raises(InputError, match="no weights ship for varnet"):
        demo(tmp_path / "demo", torch.device("cpu"))
