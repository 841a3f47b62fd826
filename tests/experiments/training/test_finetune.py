from pathlib import Path

import pytest
import torch

from helpers.files.raw_files import write_raw_file
from helpers.learned.training import NETWORK, fresh_accelerator, make_config, read_lines
from recon.data.errors import InputError
from recon.experiments.training.finetune import finetune
from recon.experiments.training.train import train
from recon.models.checkpoints.checkpoint import load_model

OVERRIDES = ["device=cpu", "epochs=6", "optimizer.lr=0.003"]


pytestmark = pytest.mark.usefixtures("no_pictures")


@pytest.fixture(scope="module")
def checkpoint(folders: Path) -> Path:
    with fresh_accelerator():
        return train(make_config(folders, folders / "out"))


def write_undersampled(path: Path) -> Path:
    lines = torch.arange(24)
    mask = (lines % 2 == 0) | ((lines - 12).abs() < 4)
    return write_raw_file(path, coils=2, matrix=(32, 24), mask=mask.numpy(), target=False)


def test_network_predicts_unseen_lines_better(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    best = finetune(checkpoint, write_undersampled(tmp_path / "scan.h5"), tmp_path / "out", OVERRIDES, resume=False)
    heldout = [line["heldout"] for line in read_lines(tmp_path / "out") if "heldout" in line]
    assert read_lines(tmp_path / "out")[0]["steps"] == 0, "the given weights must be scored first"
    assert min(heldout) < heldout[0]
    printed = " ".join(capsys.readouterr().out.split())
    assert f"the weights after epoch {heldout.index(min(heldout))} predict the lines set aside" in printed
    assert f"{1 - min(heldout) / heldout[0]:.1%} better than the given ones" in printed
    adapted = load_model(best)
    assert adapted.arguments == NETWORK
    assert adapted.protocol["validation"]["heldout"] == min(heldout)
    assert adapted.protocol["training"]["network"]["weights"] == "best.safetensors"


def test_worse_weights_are_not_kept(checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scan = write_undersampled(tmp_path / "scan.h5")
    best = finetune(checkpoint, scan, tmp_path / "out", [*OVERRIDES, "optimizer.lr=10", "epochs=1"], resume=False)
    weights, given = load_model(best).network.state_dict(), load_model(checkpoint).network.state_dict()
    assert all(torch.equal(weights[key], given[key]) for key in given)
    printed = " ".join(capsys.readouterr().out.split())
    assert "no epoch predicts the lines set aside by more than 1.5% better than the given weights" in printed


def test_an_improvement_within_the_margin_is_not_kept(checkpoint: Path, tmp_path: Path) -> None:
    scan, output = write_undersampled(tmp_path / "scan.h5"), tmp_path / "out"
    best = finetune(checkpoint, scan, output, [*OVERRIDES, "training.margin=0.99"], resume=False)
    heldout = [line["heldout"] for line in read_lines(output) if "heldout" in line]
    assert min(heldout) < heldout[0]
    assert load_model(best).protocol["steps"] == 0


def test_fine_tuning_on_targets_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    scan = write_undersampled(tmp_path / "scan.h5")
    with pytest.raises(InputError, match="fine-tuning uses measured lines only"):
        finetune(checkpoint, scan, tmp_path / "out", ["training.mode=supervised"], resume=False)


def test_a_scan_of_nothing_but_its_center_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    mask = ((torch.arange(24) - 12).abs() < 4).numpy()
    scan = write_raw_file(tmp_path / "scan.h5", coils=2, matrix=(32, 24), mask=mask, target=False)
    with pytest.raises(InputError, match="has too few lines outside its calibration region"):
        finetune(checkpoint, scan, tmp_path / "out", OVERRIDES, resume=False)


def test_folder_and_missing_weights_are_reported(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder; give one file"):
        finetune(checkpoint, tmp_path, tmp_path / "out", [], resume=False)
    with pytest.raises(InputError, match="no such checkpoint"):
        finetune(tmp_path / "none", write_undersampled(tmp_path / "scan.h5"), tmp_path / "out", [], resume=False)
