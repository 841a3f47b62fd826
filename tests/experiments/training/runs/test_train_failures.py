"""Training with losses that are not finite, a full disk, and files that cannot be used."""

import errno
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import SafetensorError

from helpers.files.raw_files import edit
from helpers.learned.training import (
    make_config,
    read_lines,
    read_weights,
    write_folders,
)
from recon.data.errors import InputError
from recon.experiments.training.train import train
from recon.models.checkpoints import checkpoint
from recon.models.objectives import Supervised

pytestmark = pytest.mark.usefixtures("no_pictures")


def fail_on_bright_slices(monkeypatch: pytest.MonkeyPatch, factor: float) -> None:
    """Multiply the loss of the second slice of each file, which is twice as bright as the first."""
    forward = Supervised.forward

    def failing(objective: Supervised, batch: Any) -> torch.Tensor:
        bright = batch.target.max() > 0.75 * batch.maximum
        return forward(objective, batch) * torch.where(bright, factor, 1)

    monkeypatch.setattr(Supervised, "forward", failing)


def test_step_whose_loss_is_not_finite_is_skipped_and_counted(
    folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fail_on_bright_slices(monkeypatch, float("nan"))
    train(make_config(folders, tmp_path, epochs=1))
    steps = [line for line in read_lines(tmp_path) if "loss" in line]
    assert steps[-1]["skipped"] == 3
    assert sum(line["loss"] is None for line in steps) == 3
    assert all(weight.isfinite().all() for weight in read_weights(tmp_path).values())
    assert re.search(r"step \d is skipped.*train/[abc]\.h5, slice\s1", capsys.readouterr().err.replace("\n", " "))


@pytest.mark.parametrize("factor", [float("nan"), float("inf")])
def test_diverging_run_stops_and_names_the_slice(
    folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, factor: float
) -> None:
    monkeypatch.setattr(Supervised, "forward", lambda objective, _: objective.network.cascades[0].dc_weight * factor)
    with pytest.raises(InputError, match=r"not finite in 4 steps in a row, the last on .*\.h5, slice \d;"):
        train(make_config(folders, tmp_path, max_skips=4))


@pytest.mark.parametrize(
    "failure",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"),
    ],
    ids=["python", "safetensors"],
)
def test_full_disk_is_reported_and_the_last_state_kept(
    folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    straight = make_config(folders, tmp_path / "straight", checkpoint_minutes=0, epochs=1)
    starved = straight.model_copy(update={"output": tmp_path / "starved"})
    train(straight)
    save_file, saved = checkpoint.save_file, []

    def save_or_fail(tensors: Any, path: Path, metadata: Any) -> None:
        if len(saved) == 4:
            path.write_bytes(b"half of it")
            raise failure
        saved.append(path)
        save_file(tensors, path, metadata)

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "save_file", save_or_fail)
        with pytest.raises(InputError, match="the disk is full; what was saved before is kept") as caught:
            train(starved)
    assert "\n" not in str(caught.value)
    train(starved, resume=True)
    assert read_lines(starved.output) == read_lines(straight.output)


def test_bad_files_are_named_counted_and_left_out(
    folders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = {"train": str(write_folders(tmp_path) / "train")}
    damaged = tmp_path / "train" / "b.h5"
    damaged.write_bytes(damaged.read_bytes()[:3000])
    edit(tmp_path / "train" / "c.h5", reconstruction_rss=None)
    train(make_config(folders, tmp_path / "out", epochs=1, data=data))
    printed = " ".join(capsys.readouterr().err.split())
    assert "b.h5: the HDF5 file is truncated" in printed
    assert "c.h5: has no target image" in printed
    assert "2 of 3 files" in printed
    assert read_lines(tmp_path / "out")[-1]["steps"] == 2
    with pytest.raises(InputError, match=r"b\.h5: the HDF5 file is truncated"):
        train(make_config(folders, tmp_path / "strict", epochs=1, data=data | {"strict": True}))


@pytest.mark.parametrize("workers", [0, 1])
def test_slice_that_cannot_be_read_is_replaced_and_named(
    folders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], workers: int
) -> None:
    data = {"train": str(write_folders(tmp_path) / "train"), "workers": workers}
    kspace = torch.ones(2, 2, 32, 24, dtype=torch.complex64)
    kspace[1] = torch.nan
    edit(tmp_path / "train" / "b.h5", kspace=kspace.numpy())
    train(make_config(folders, tmp_path / "out", epochs=1, data=data))
    assert "b.h5: the k-space of slice 1 holds NaN or Inf" in " ".join(capsys.readouterr().err.split())
    assert [line["unreadable"] for line in read_lines(tmp_path / "out") if "loss" in line][-1] == 1
    with pytest.raises(InputError, match=r"b\.h5: the k-space of slice 1 holds NaN") as caught:
        train(make_config(folders, tmp_path / "strict", epochs=1, data=data | {"strict": True}))
    assert "\n" not in str(caught.value)


def test_unreadable_volume_is_not_scored(folders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = {"val": str(write_folders(tmp_path) / "val")}
    edit(tmp_path / "val" / "d.h5", kspace=torch.full((2, 2, 32, 24), torch.nan, dtype=torch.complex64).numpy())
    train(make_config(folders, tmp_path / "out", epochs=1, data=data))
    assert "not scored:" in capsys.readouterr().err
    assert read_lines(tmp_path / "out")[-1]["groups"]["DISCS 2x"]["volumes"] == 1
    edit(tmp_path / "val" / "e.h5", kspace=torch.full((2, 2, 32, 24), torch.nan, dtype=torch.complex64).numpy())
    with pytest.raises(InputError, match=r"[de]\.h5: the k-space of slice 0 holds NaN"):
        train(make_config(folders, tmp_path / "none", epochs=1, data=data))
