from pathlib import Path

import pytest

import recon.models.checkpoints.locate
from helpers.learned.weights import ship
from recon.experiments.commands.weights import weights


def test_weights_are_listed_with_what_they_were_trained_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ship(monkeypatch, tmp_path)
    weights()
    words = capsys.readouterr().out.split()
    assert {"varnet-general", "varnet", "checked"} <= set(words)
    assert "32" in words


def test_a_damaged_file_is_reported_and_sets_the_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = ship(monkeypatch, tmp_path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(SystemExit, match="2"):
        weights()
    assert "is damaged, or not the file" in capsys.readouterr().err


def test_a_package_without_weights_says_that_none_ship(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(recon.models.checkpoints.locate, "weights_folder", lambda: tmp_path)
    weights()
    assert "no weights ship" in capsys.readouterr().out
